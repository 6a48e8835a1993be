"""Commands forked from a process that has imported everything, to be killed by the hundred.

A start costs several CPU seconds of imports; a fork has them at once. In all else it is the command
as a shell starts it in the background: a session and a process group of its own, its own folder and
environment, and nobody of the test's among its parents but one who waits for its end.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import importlib
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PRELOADED = (
    *("bench.cli.run", "bench.harness.session", "bench.harness.worker", "bench.harness.reaper"),
    *("bench.datasets.generated", "bench.harness.guests", "bench.report.printed"),
    *("matplotlib.backends.backend_agg", "scipy.stats", "skimage.metrics", "tqdm", "tabulate"),
)
PAUSE = 0.01
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
            [sys.executable, "-c", "from tests.disasters.forks import serve; serve()"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(
        self, arguments: tuple[str, ...], folder: Path, environment: dict[str, str]
    ) -> Forked:
        """Start ``python -m bench`` in a folder and an environment."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        place = Path(self._places.name) / str(self._count)
        place.mkdir()
        self._count += 1
        order = (arguments, str(folder), environment, str(place))
        print(json.dumps(order), file=self._server.stdin, flush=True)
        return Forked(int(self._server.stdout.readline()), place)


@functools.cache
def forks() -> Forks:
    """Return what this process's commands are forked from."""
    return Forks()


def serve() -> None:
    """Import everything, then start a command for every line of standard input."""
    for name in PRELOADED:
        importlib.import_module(name)
    for line in sys.stdin:
        if os.fork() == 0:
            _keep(*json.loads(line))
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:  # who has waited for a command that ended
                pass


def _keep(arguments: list[str], folder: str, environment: dict[str, str], place: str) -> None:
    """Fork a command, say its number, wait for its end and write it down."""
    child = os.fork()
    if child == 0:
        _become(arguments, folder, environment, Path(place))
    os.write(1, f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    noted = Path(place) / "noted"
    noted.write_text(str(os.waitstatus_to_exitcode(status)))
    noted.rename(Path(place) / "status")
    os._exit(0)


def _become(arguments: list[str], folder: str, environment: dict[str, str], place: Path) -> None:
    """Be ``python -m bench`` to the end."""
    code: Any = 70
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        for number, name in enumerate(("in", "out", "err")):
            os.dup2(os.open(place / name, os.O_RDWR | os.O_CREAT), number)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        named = environment.get("PYTHONPATH", "").split(os.pathsep)
        sys.path[:] = [folder, *filter(None, named), *(path for path in sys.path if path != folder)]
        importlib.invalidate_caches()
        sys.argv[:] = ["bench", *arguments]
        runpy.run_module("bench", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        atexit._run_exitfuncs()
        os._exit(code if isinstance(code, int) else 0)
