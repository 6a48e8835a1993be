"""One Octave process per Python process, for the methods written in Octave.

Numbers cross as arrays (through MAT files in memory, by oct2py), never as generated code. The
process starts at the first call, is replaced after it died or ran past a time limit, and ends
with the Python process however that ends. It works in a folder of its own (octave_scratch), so
nothing in the user's folder decides a result, and nothing is left there.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import shlex
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from bench.errors import Unavailable
from bench.isolation import environment_set
from bench.methods.engineered.octave_program import find_octave
from bench.methods.engineered.octave_scratch import make_scratch

FOLDER = Path(__file__).resolve().parent / "octave"
LAUNCHER = Path(__file__).resolve().parent / "octave_launcher.py"
OPTIONS = "--no-window-system --no-site-file --no-history"


class OctaveError(RuntimeError):
    """An error that Octave raised, or the end of its process; the message is Octave's."""


class OctaveSession:
    """A lazily started Octave process that knows the functions in ``octave``.

    Use :func:`session`, which keeps one per process; a second one only costs memory.
    """

    def __init__(self) -> None:
        self._octave: Any = None
        self._owner = 0
        self._lock = threading.RLock()

    def call(
        self, function: str, *arguments: Any, outputs: int = 1, time_limit: float | None = None
    ) -> Any:
        """Call an Octave function.

        Parameters
        ----------
        function : str
            Name of a function on Octave's path.
        *arguments : array, number, str or dict of them
            Tensors' arrays arrive as double; dictionaries arrive as structs. Octave drops
            trailing dimensions of length 1.
        outputs : int
            Number of results.
        time_limit : float or None
            Seconds after which Octave is killed.

        Returns
        -------
        array or float, or a list of them if ``outputs`` is more than 1

        Raises
        ------
        OctaveError
            With Octave's own message; or if the process died or ran past the time limit, after
            which the next call starts a fresh one.
        Unavailable
            If Octave or oct2py is missing.
        """
        with self._lock:
            octave = self._started()
            with _killed_after(octave, time_limit) as overdue:
                try:
                    return octave.feval(
                        function,
                        *(_for_octave(argument) for argument in arguments),
                        nout=outputs,
                        verbose=False,
                    )
                except Exception as error:
                    if overdue.is_set():
                        self.close()
                        raise OctaveError(
                            f"{function} ran past its time limit of {time_limit:g} s and was "
                            "ended; the next call starts a fresh Octave."
                        ) from None
                    if type(error).__name__ != "Oct2PyError":
                        self.close()  # whatever state it is in, the next call must not meet it
                        raise
                    message = str(error)
                    if message.startswith("Session"):
                        self.close()
                        message = (
                            f"Octave ended while it computed {function} (killed, or out of "
                            "memory); the next call starts a fresh one."
                        )
                    raise OctaveError(message) from None

    @property
    def process_id(self) -> int | None:
        """The id of the running Octave process, or None."""
        return self._octave._engine.repl.child.pid if self._alive() else None

    def close(self) -> None:
        """End Octave; a later call starts it again."""
        octave, self._octave = self._octave, None
        if octave is not None and self._owner == os.getpid():
            with contextlib.suppress(Exception):
                octave.exit()
            shutil.rmtree(octave.settings.temp_dir, ignore_errors=True)

    def _alive(self) -> bool:
        # After a fork the process belongs to the parent, and oct2py has detached it.
        if self._octave is None or self._owner != os.getpid() or self._octave._engine is None:
            return False
        child = self._octave._engine.repl.child
        try:  # a process that was just killed can still pass for alive until it is waited for
            ended = psutil.Process(child.pid).status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
        except psutil.NoSuchProcess:
            return False
        return not ended and bool(child.isalive())

    def _started(self) -> Any:
        if not self._alive():
            self.close()
            self._octave = _start(find_octave())
            self._owner = os.getpid()
        return self._octave


def _start(executable: str) -> Any:
    command = [sys.executable, "-S", str(LAUNCHER), str(os.getpid()), executable]
    scratch = make_scratch()
    settings = {
        "OCT2PY_TEMP_DIR": str(scratch / "exchange"),
        "OCT2PY_EXECUTABLE": shlex.join(command),
        "OCT2PY_EXTRA_CLI_OPTIONS": OPTIONS,
        "OCT2PY_LOAD_OCTAVERC": "false",
        "OCT2PY_BACKEND": "disable",
        "OCT2PY_AUTO_SHOW": "false",
    }
    # oct2py sets TERM=dumb in this process for the sake of its child's.
    with environment_set(settings | {"TERM": "dumb"}), _temporary_files_in(scratch):
        fresh = "oct2py" not in sys.modules
        try:
            with warnings.catch_warnings():  # its progress bar wants a notebook's widgets
                warnings.simplefilter("ignore")
                import oct2py
        except ImportError as error:
            raise Unavailable(
                f"oct2py cannot be imported ({error}), and Octave is called through it: "
                "`pip install oct2py`."
            ) from None
        # Importing oct2py starts a session of its own. With our settings in the environment
        # that session is as good as a second one, and saves its two seconds.
        octave = getattr(oct2py, "octave", None) if fresh else None
        try:
            octave = octave or oct2py.Oct2Py()
        except oct2py.Oct2PyError as error:
            raise OctaveError(f"Octave ({executable}) does not start: {error}") from None
    octave.logger = _quiet_logger()
    atexit.unregister(octave._engine._cleanup)  # it would remove the user's own octave-workspace
    octave.feval("cd", str(scratch / "work"), nout=0, verbose=False)
    octave.feval("addpath", str(FOLDER), nout=0, verbose=False)
    return octave


@contextlib.contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Have temporary files made in a folder for a while: oct2py's engine does not ask where."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def _quiet_logger() -> logging.Logger:
    logger = logging.getLogger("methods.octave")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


@contextlib.contextmanager
def _killed_after(octave: Any, seconds: float | None) -> Iterator[threading.Event]:
    """Kill Octave after some seconds; the event says whether that happened.

    SIGKILL rather than oct2py's interrupt: a long matrix product does not listen to SIGINT.
    """
    overdue = threading.Event()
    if seconds is None:
        yield overdue
        return
    child = octave._engine.repl.child

    def end() -> None:
        overdue.set()
        with contextlib.suppress(OSError):
            os.kill(child.pid, 9)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield overdue
    finally:
        timer.cancel()


def _for_octave(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _for_octave(item) for name, item in value.items()}
    if isinstance(value, (str, bool)):
        return value
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    return np.asarray(value, dtype=np.float64)


_SESSION = OctaveSession()
atexit.register(_SESSION.close)


def session() -> OctaveSession:
    """Return this process's Octave session."""
    return _SESSION
