"""Commands forked from a process that has imported other people's packages already.

Importing PyTorch and the rest takes several CPU seconds, and the suite gives some two hundred
commands. A fork has them at once; everything of the project's own is imported in the fork, from
the search path, in the folder and in the environment of that command, as ``python -m bench`` does.
The server from which a run forks its workers imports the same packages once more; it is a second
fork, made before the command has done anything.
"""

from __future__ import annotations

import atexit
import fcntl
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
import traceback
import types
from collections.abc import Mapping
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
LIMIT = 900
"""Seconds that a command may take."""
CRASHED = 70


class Warm:
    """A server of commands. It ends when its creator does, whose end of the pipe closes then."""

    def __init__(self) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-c", "from tests.warm import serve; serve()"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def serves(environment: Mapping[str, str]) -> bool:
        """Whether a command may have these variables set and be a fork."""
        return not any(name.startswith(COLD) for name in environment)

    def run(
        self, arguments: tuple[str, ...], folder: Path, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run ``python -m bench`` to its end, in a folder and an environment."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        with tempfile.TemporaryDirectory() as place:
            order = {
                "arguments": arguments,
                "folder": str(folder),
                "environment": dict(environment),
                "place": place,
            }
            print(json.dumps(order), file=self._server.stdin, flush=True)
            code = int(self._server.stdout.readline())
            output, errors = ((Path(place) / name).read_text() for name in ("out", "err"))
        return subprocess.CompletedProcess(arguments, code, output, errors)


def serve() -> None:
    """Import the packages, then fork a command for every line of standard input."""
    for name in PACKAGES:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _become(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(order: dict[str, Any]) -> None:
    """Be ``python -m bench`` in a session, with files, a folder and an environment of its own."""
    code = CRASHED
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.alarm(LIMIT)
        place = Path(order["place"])
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(place / "out", os.O_WRONLY | os.O_CREAT), 1)
        os.dup2(os.open(place / "err", os.O_WRONLY | os.O_CREAT), 2)
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        _search(order["folder"], order["environment"].get("PYTHONPATH", ""))
        vars(multiprocessing.util)["spawnv_passfds"] = Spare().start
        sys.argv[:] = ["bench", *order["arguments"]]
        code = _run()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        atexit._run_exitfuncs()
        os._exit(code)


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
        os.environ.clear()
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        _search("", order["environment"]["PYTHONPATH"])
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


def _search(folder: str, named: str) -> None:
    """Look for modules where a fresh interpreter would that is started in a folder."""
    inherited = [path for path in sys.path if path not in ("", str(ROOT))]
    sys.path[:] = [*filter(None, [folder, *named.split(os.pathsep)]), *inherited]
    importlib.invalidate_caches()


def _run() -> int:
    try:
        runpy.run_module("bench", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0
