"""Commands forked from a process that has imported other people's packages already.

Importing PyTorch and the rest takes several CPU seconds, and the suite gives some two hundred
commands; a fork has them at once. In all else it is the command as a shell starts it in the
background: a session and a process group of its own, its own folder, environment and search path,
from which everything of the project's own is imported, and nobody of the test's among its parents
but one who waits for its end.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import importlib
import json
import multiprocessing.util
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    *("torch", "numpy", "pandas", "scipy.ndimage", "scipy.signal", "scipy.stats", "scipy.optimize"),
    *("skimage.metrics", "cv2", "PIL.Image", "matplotlib", "tabulate", "tqdm", "psutil"),
    *("safetensors.torch", "pooch", "multiprocessing.forkserver"),
)
"""What commands import; none of it reads a command's environment while it is imported."""
COLD = ("PYTHON", "OMP_", "MKL_", "ATEN_", "LC_", "LANG", "MPL", "LD_")
"""How names begin of variables that the interpreter or a package reads as it starts."""
PAUSE = 0.01
CRASHED = 70
PATIENCE = 600.0
"""Seconds; for machines on which much else runs."""


class Forked:
    """A command at work, with what the tests use of ``subprocess.Popen``."""

    def __init__(self, pid: int, place: Path) -> None:
        self.pid, self._place = pid, place
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how the command has ended, negative for a signal, or None."""
        status = self._place / "status"
        if self.returncode is None and status.exists():
            self.returncode = int(status.read_text())
        return self.returncode

    def communicate(self, timeout: float = PATIENCE) -> tuple[str, str]:
        """Wait for the end; return what was said."""
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("bench", timeout)
            time.sleep(PAUSE)
        return (self._place / "out").read_text(), (self._place / "err").read_text()


class Forks:
    """What commands are forked from. It ends when the pipe from its creator closes."""

    def __init__(self) -> None:
        self._places = tempfile.TemporaryDirectory(prefix="forks-")
        self._count = 0
        self._server = subprocess.Popen(
            [sys.executable, "-c", "from tests.forks import serve; serve()"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(
        self,
        arguments: tuple[str, ...],
        folder: Path,
        environment: dict[str, str],
        spare: bool = False,
    ) -> Forked:
        """Start ``python -m bench`` in a folder and an environment.

        With ``spare``, what it forks its workers from is a fork too, and imports nothing again.
        """
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        place = Path(self._places.name) / str(self._count)
        place.mkdir()
        self._count += 1
        order = (arguments, str(folder), environment, str(place), spare)
        print(json.dumps(order), file=self._server.stdin, flush=True)
        return Forked(int(self._server.stdout.readline()), place)


def forkable(variables: Iterable[str]) -> bool:
    """Return whether a command may have these variables of its own and be a fork."""
    return not any(name.startswith(COLD) for name in variables)


@functools.cache
def forks() -> Forks:
    """Return what this process's commands are forked from."""
    return Forks()


def serve() -> None:
    """Import everything, then start a command for every line of standard input."""
    for name in PACKAGES:
        importlib.import_module(name)
    for line in sys.stdin:
        if os.fork() == 0:
            _keep(*json.loads(line))
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:  # who has waited for a command that ended
                pass


def _keep(
    arguments: list[str], folder: str, environment: dict[str, str], place: str, spare: bool
) -> None:
    """Fork a command, say its number, wait for its end and write it down."""
    child = os.fork()
    if child == 0:
        _become(arguments, folder, environment, Path(place), spare)
    os.write(1, f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    noted = Path(place) / "noted"
    noted.write_text(str(os.waitstatus_to_exitcode(status)))
    noted.rename(Path(place) / "status")
    os._exit(0)


def _become(
    arguments: list[str], folder: str, environment: dict[str, str], place: Path, spare: bool
) -> None:
    """Be ``python -m bench`` to the end."""
    code: Any = CRASHED
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        for number, name in enumerate(("in", "out", "err")):
            os.dup2(os.open(place / name, os.O_RDWR | os.O_CREAT), number)
        _move(folder, environment, folder)
        if spare:
            vars(multiprocessing.util)["spawnv_passfds"] = Spare().start
        sys.argv[:] = ["bench", *arguments]
        runpy.run_module("bench", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        atexit._run_exitfuncs()
        os._exit(code if isinstance(code, int) else 0)


def _move(folder: str, environment: dict[str, str], *first: str) -> None:
    """Work in a folder and an environment, and look for modules where an interpreter would there.

    ``first`` are folders to look in before those of ``PYTHONPATH``.
    """
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    named = filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))
    inherited = [path for path in sys.path if path not in ("", str(ROOT))]
    sys.path[:] = [*first, *named, *inherited]
    importlib.invalidate_caches()


class Spare:
    """A child that waits until this process starts its server of workers, and then becomes it."""

    def __init__(self) -> None:
        self._here, there = socket.socketpair()
        self._pid: int | None = os.fork()
        if self._pid == 0:
            self._here.close()
            _wait_and_become(there)
        there.close()
        self._anew = multiprocessing.util.spawnv_passfds

    def start(self, path: bytes, arguments: list[str], files: list[int]) -> int:
        """Start a program as ``multiprocessing`` does, which does so for its servers only."""
        if self._pid is None or "multiprocessing.forkserver" not in arguments[-1]:
            return self._anew(path, arguments, files)
        order = {
            "code": arguments[-1],
            "files": files,
            "folder": str(Path.cwd()),
            "environment": dict(os.environ),
            "blocked": [*signal.pthread_sigmask(signal.SIG_BLOCK, ())],
        }
        socket.send_fds(self._here, [json.dumps(order).encode()], files)
        self._here.close()
        pid, self._pid = self._pid, None
        return pid


def _wait_and_become(command: socket.socket) -> None:
    """Wait for an order, and run its code with its files as a fresh interpreter would."""
    try:
        message, files, _, _ = socket.recv_fds(command, 1 << 20, 8)
        if not message:
            os._exit(0)  # the command has ended and had no workers
        order = json.loads(message)
        _place(files, order["files"])
        signal.pthread_sigmask(signal.SIG_SETMASK, order["blocked"])
        _move(order["folder"], order["environment"])
        sys.modules["__main__"] = types.ModuleType("__main__")
        exec(order["code"], {})
    except SystemExit:
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(CRASHED)


def _place(files: list[int], numbers: list[int]) -> None:
    """Give files the numbers that they had where they come from, and close all others."""
    high = [fcntl.fcntl(file, fcntl.F_DUPFD, 1000) for file in files]
    os.closerange(3, 1000)
    for file, number in zip(high, numbers, strict=True):
        os.dup2(file, number)
        os.close(file)
