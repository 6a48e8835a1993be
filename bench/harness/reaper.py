"""What the server of processes does so that none outlives a run; importing this does it.

The server (see :mod:`bench.harness.process`) imports this module before it forks anything. It gets
a session of its own, so that a signal to the whole group of a run, a kill -9 too, leaves it alive
to clean up; and it becomes the parent of whatever the processes of the run leave behind: programs
that a method started, also detached ones. When it ends, because the run has ended, it ends them.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import pickle
import sys
import warnings
from types import TracebackType

import psutil

PR_SET_CHILD_SUBREAPER = 36
ROUNDS = 3
"""What dies may have started something meanwhile."""


def _reap(server: int) -> None:
    """End what is left of this process's family, if it is the server."""
    if os.getpid() != server:  # a process that it forked, which has its parent's exit functions
        return
    with contextlib.suppress(psutil.Error):
        for _ in range(ROUNDS):
            family = psutil.Process().children(recursive=True)
            for member in family:
                with contextlib.suppress(psutil.Error):
                    member.kill()
            psutil.wait_procs(family, timeout=1)


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Tell of an exception, unless it is that the run was killed while it asked for a process."""
    if not isinstance(error, EOFError | ConnectionError | pickle.UnpicklingError):
        sys.__excepthook__(kind, error, trace)


def _prepare() -> None:
    with contextlib.suppress(OSError):  # it leads a session already
        os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    sys.excepthook = _say
    # It is told of children that it has not forked, and says so.
    warnings.filterwarnings("ignore", "forkserver: waitpid returned unexpected pid")
    atexit.register(_reap, os.getpid())


_prepare()
