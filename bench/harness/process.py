"""Processes for other people's code: how they start, what they inherit, how they end.

They are forked from a server that has imported PyTorch and nothing of the run (``forkserver``), so
that each starts in milliseconds, inherits nothing, and every third party's method can have one to
itself. They end when their parent ends, however that happens (:mod:`bench.harness.reaper`), and
leave Ctrl-C to it.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import multiprocessing
import multiprocessing.connection
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import os
import select
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import psutil

from bench import text
from bench.datasets.locations import DATA_VARIABLE, data_folder
from bench.errors import ProcessError
from bench.harness.confinement import confine
from bench.isolation import environment_set

THREADS = 1
"""Threads of each process, on any machine: their number orders sums, and a descent can end
elsewhere for the last digit. More cores are used by more processes."""
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
PRELOADED = ["bench.harness.reaper", "bench.harness.worker", "bench.physics.answers"]
"""What the server imports; the last brings PyTorch, which who only hands jobs on does not need."""
PR_SET_PDEATHSIG = 1
START_LIMIT = 120.0
"""Seconds that a process may take until it says its first word."""
SMALL = 4096
"""Bytes of a message that is sent without a thread of its own."""
WHOLE = 30.0
"""Seconds for a message to arrive whole: who stops in the middle is not waited for."""
STARTING = threading.Lock()
"""Held while a process is started: its environment is this process's for that moment."""
STARTS = 3
"""So many starts in a row may fail; then it is not by accident."""
BEGUN = b"begun"
"""What a process says when all is imported: time limits count from here."""
GRACE = 1.0
"""Seconds that a process whose pipe has closed gets to end by itself, so that it has an exit code
of its own; then it is killed."""


class Death(Exception):
    """The end of a process, in a sentence."""


class Child:
    """A process that has begun, and the pipe to it.

    Parameters
    ----------
    body : callable
        Called in the process with its end of the pipe and ``arguments``.
    *arguments
        Plain values that can be pickled.
    data : bool
        Whether the process is told where the data lie. If not, it is kept from them
        (:mod:`bench.harness.confinement`).
    threads : int
        That it computes with.

    Raises
    ------
    ProcessError
        If none can be had, not even at the third try.
    """

    def __init__(
        self,
        body: Callable[..., None],
        *arguments: object,
        data: bool = False,
        threads: int = THREADS,
    ) -> None:
        self._sender: threading.Thread | None = None
        environment, hidden = _inherited(data, threads), None if data else data_folder()
        for left in reversed(range(STARTS)):
            try:
                return self._start(environment, hidden, body, arguments)
            except Death as death:  # it was killed, say; it has told nobody what it is for
                if not left:
                    raise ProcessError(
                        f"{death} It had not even begun, and so did those before it. A script "
                        "that calls bench needs `if __name__ == '__main__':` around its call."
                    ) from death
            except (OSError, EOFError) as error:  # the server was killed this very moment, say
                if not left:
                    raise ProcessError(
                        f"No process can be started: {text.describe(error)}; end some others, "
                        "and give the same command again."
                    ) from error
                time.sleep(0.2)

    def _start(self, *what: object) -> None:
        context = _context()
        self.connection, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(  # type: ignore[attr-defined]
            target=_begin, args=(theirs, *what)
        )
        with STARTING:
            start_server()
            with _server_environment():
                self.process.start()
        theirs.close()
        weakref.finalize(self, _kill_family, self.process)
        try:
            self.receive(START_LIMIT)
        except TimeoutError:
            self.kill()
            raise Death(f"The worker process said nothing for {START_LIMIT:g} s.") from None

    def send(self, message: Any) -> None:
        """Send without waiting: a process that does not read must not hold up its parent."""
        packed = ForkingPickler.dumps(message)
        if len(packed) <= SMALL and select.select([], [self.connection], [], 0)[1]:
            self._send(packed)  # a pipe that takes anything takes that much at once
            return
        self._sender = threading.Thread(target=self._send, args=(packed,), daemon=True)
        self._sender.start()

    def _send(self, packed: Any) -> None:
        with contextlib.suppress(OSError, ValueError):  # a death is noticed where answers are read
            self.connection.send_bytes(packed)

    def receive(
        self, patience: float | None, most: int | None = None, whole: float = WHOLE
    ) -> bytes:
        """Return the next message.

        Parameters
        ----------
        patience : float or None
            Seconds until it begins, None for no limit.
        most : int, optional
            Bytes that it may have.
        whole : float
            Seconds from its beginning to its end; then the process is killed.

        Raises
        ------
        TimeoutError
            If none begins in time.
        Death
            If the process ends, or closes the pipe, or sends what is no message: it is gone then,
            with its children.
        """
        # A pipe alone does not tell of a death: others may hold its end.
        signs: list[Any] = [self.connection, self.process.sentinel]
        if not multiprocessing.connection.wait(signs, patience):
            raise TimeoutError
        guard = threading.Timer(whole, _kill_family, [self.process])
        guard.start()
        try:
            if self.connection.poll():
                return self.connection.recv_bytes(most)
        except (EOFError, OSError):  # it has closed the pipe; or it was killed from here
            pass
        finally:
            guard.cancel()
        raise Death(self._fate())

    def kill(self) -> None:
        """End the process and its children at once."""
        _kill_family(self.process)
        if self._sender is not None:
            self._sender.join(timeout=5)
        self.connection.close()
        self.process.join(timeout=5)

    def _fate(self) -> str:
        """Say in a sentence how the process ended, and make sure that it has."""
        self.process.join(timeout=GRACE)
        code = self.process.exitcode
        self.kill()
        if code is None:
            return "The worker process closed its connection to the harness and was ended."
        return f"The worker process died (exit code {code})."


def _inherited(data: bool, threads: int) -> dict[str, str]:
    """Return the environment of a process: this one's, but for threads and where the data lie."""
    with STARTING:  # else another thread's start may be changing it
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))}
    if not data:  # a path that is not there, for without a name the user's own folder is read
        environment[DATA_VARIABLE] = str(Path(os.devnull) / "undeclared")
    return environment


def start_server() -> None:
    """Start what processes are forked from, so that it imports while the caller does other work."""
    context = _context()
    if context.get_start_method() != "forkserver":
        return
    # The server leaves Ctrl-C to its parent from its first moment: a blocked signal stays blocked.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with _server_environment():
            multiprocessing.forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def restart_server() -> None:
    """Have later processes forked from a new server, which sees today's environment.

    What instructions libraries use is settled when they are loaded, and the server has loaded them.
    """
    if _context().get_start_method() == "forkserver":
        multiprocessing.forkserver._forkserver._stop()  # type: ignore[attr-defined]


def _server_environment() -> contextlib.AbstractContextManager[None]:
    """Set what a fresh interpreter needs to import what this one does, in one thread."""
    paths = os.pathsep.join(str(Path(path).absolute()) for path in sys.path)
    settings = dict.fromkeys(THREAD_VARIABLES, str(THREADS))
    return environment_set({**settings, "PYTHONPATH": paths, "PYTHONSAFEPATH": "1"})


def _context() -> multiprocessing.context.BaseContext:
    # Elsewhere than on Linux system libraries do not all stand a fork.
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _kill_family(process: BaseProcess) -> None:
    if process.exitcode is not None or process.pid is None:
        return
    with contextlib.suppress(psutil.Error):
        for member in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                member.kill()
    process.kill()


def _begin(
    connection: Connection,
    environment: Mapping[str, str],
    hidden: Path | None,
    body: Callable[..., None],
    arguments: tuple[object, ...],
) -> None:
    """Make this process fit for other people's code, then run the body."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    _end_with_parent()
    os.environ.clear()
    os.environ.update(environment)
    if hidden is not None:
        confine(hidden)
    with contextlib.suppress(OSError):  # what code prints must not get into a table on stdout
        os.dup2(2, 1)
    import torch

    torch.set_num_threads(int(os.environ[THREAD_VARIABLES[0]]))
    try:
        connection.send_bytes(BEGUN)
        body(connection, *arguments)
    except ConnectionError:  # whoever was to be answered is gone
        pass
    finally:
        atexit._run_exitfuncs()  # a forked process ends without: an Octave would leave its files


def _end_with_parent() -> None:
    """See that kill -9 of the parent leaves no orphans.

    The server lives as long as anyone holds its lifeline, and a process that held it too would
    keep it alive after the parent's death; when the server ends, Linux ends its children. What
    else a process gets of the parent's is a pipe to its tracker of shared memory.
    """
    server = getattr(multiprocessing.forkserver, "_forkserver", None)
    tracker = getattr(multiprocessing.resource_tracker, "_resource_tracker", None)
    for holder, name in ((server, "_forkserver_alive_fd"), (tracker, "_fd")):
        held = getattr(holder, name, None)
        if held is not None:
            os.close(held)
            setattr(holder, name, None)  # whoever needs one starts another
    if sys.platform == "linux":
        before = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != before or before == 1:  # it died before we asked
            os.kill(os.getpid(), signal.SIGKILL)
