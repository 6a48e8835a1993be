"""Damaged inputs in a forked child: what came of them, and whether that is allowed.

The parent has imported everything, so that an input costs milliseconds; the child may do whatever
the damage leads it to. Several inputs may share a child, since a fork costs more than most of them;
where one of these is at fault, each gets a child of its own, and that verdict counts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from bench.cli import main
from bench.errors import BenchError

CPU_SECONDS = 20
WALL_SECONDS = 300.0
"""For machines on which much else runs; a hang without computing takes so long to be noticed."""
MEMORY = 2 << 30
"""Bytes that a child may have resident at its peak."""
ADDRESSES = 6 << 30
"""Bytes of address space beyond those of the parent: what asks for terabytes must not get them."""
CODES = (0, 1, 2)
"""Documented: all well, some cells failed or something broke, refused."""
UNEXPECTED = 99


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What came of an input.

    Attributes
    ----------
    code : int
        Exit code, negative for a signal.
    said : str
        What was printed.
    fault : str
        Why that is not allowed, or "".
    """

    code: int
    said: str
    fault: str


def command(*arguments: str) -> int:
    """Run a command as a user does; argparse's own refusals are exit codes too."""
    try:
        return main(list(arguments))
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else UNEXPECTED


def call(function: Callable[..., object], *arguments: object) -> int:
    """Call a reader that a command calls, which says in a ``BenchError`` what is wrong."""
    try:
        function(*arguments)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def judge(act: Callable[[Path], int], folder: Path) -> Verdict:
    """Let a child act on a folder and judge it.

    Parameters
    ----------
    act : callable
        Returns an exit code. It may write into ``folder/out``, and nowhere else.
    folder : Path
        Whose inputs are there already.
    """
    before = _listing(folder)
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            _limit()
            os._exit(_try(act, folder, said.fileno()))
        code, peak, hung = _wait(child)
        text = _text(said)
    return Verdict(code, text, _fault(code, peak, hung, text, before, _listing(folder)))


def judge_together(act: Callable[[Path], int], folders: Sequence[Path]) -> Verdict:
    """Let one child act on folders in turn; return the verdict on the first that is at fault.

    Where none is, the verdict is on all of them, which have one child's time and memory.
    """
    before = [_listing(folder) for folder in folders]
    with contextlib.ExitStack() as stack:
        said = [stack.enter_context(tempfile.TemporaryFile()) for _ in folders]
        noted = stack.enter_context(tempfile.TemporaryFile())
        child = os.fork()
        if child == 0:
            _limit()
            for folder, output in zip(folders, said, strict=True):
                os.write(noted.fileno(), f"{_try(act, folder, output.fileno())}\n".encode())
            os._exit(0)
        code, peak, hung = _wait(child)
        texts = [_text(output) for output in said]
        codes = [int(line) for line in _text(noted).split()]
    whole = "\n".join(texts)
    fault = _fault(code, peak, hung, "", None, None)
    if fault or len(codes) < len(folders):
        return Verdict(code, whole, fault or "it ended before its turn")
    for ended, text, folder, listing in zip(codes, texts, folders, before, strict=True):
        if fault := _fault(ended, 0, False, text, listing, _listing(folder)):
            return Verdict(ended, text, fault)
    return Verdict(code, whole, "")


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def _limit() -> None:
    """Bound what this child, and what it starts, may take."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_addresses() + ADDRESSES,) * 2)


def _try(act: Callable[[Path], int], folder: Path, output: int) -> int:
    """Act on a folder in this child; return an exit code."""
    try:
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = os.fdopen(1, "w", errors="backslashreplace", closefd=False)
        sys.stderr = os.fdopen(2, "w", errors="backslashreplace", closefd=False)
        os.chdir(folder)
        return act(folder)
    except BaseException:
        traceback.print_exc()
        return UNEXPECTED
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _addresses() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def _wait(child: int) -> tuple[int, int, bool]:
    """Wait for a child; return its code, its peak memory in bytes, and whether it hung."""
    deadline, pause = time.monotonic() + WALL_SECONDS, 0.001
    while True:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code, usage.ru_maxrss * 1024, code == -signal.SIGXCPU
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            _, _, usage = os.wait4(child, 0)
            return -signal.SIGKILL, usage.ru_maxrss * 1024, True
        time.sleep(pause)
        pause = min(2 * pause, 0.05)


def _listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Files around a folder, all but those of ``folder/out``, with their sizes and times."""
    out = folder / "out"
    found = (path for path in folder.parent.rglob("*") if not path.is_relative_to(out))
    return {
        str(path): (path.lstat().st_size, path.lstat().st_mtime_ns)
        for path in found
        if not path.is_dir()
    }


def _fault(code: int, peak: int, hung: bool, said: str, before: object, after: object) -> str:
    if hung:
        return f"it hung: {CPU_SECONDS} s of computing, or {WALL_SECONDS:g} s in all"
    if "Traceback (most recent call last)" in said or code == UNEXPECTED:
        return "it ended in a traceback"
    if code < 0:
        return f"it ended by the signal {signal.Signals(-code).name}"
    if code not in CODES:
        return f"it ended with the exit code {code}, which is not documented"
    if code and not said.strip():
        return f"it ended with the exit code {code} and no word"
    if peak > MEMORY:
        return f"it took {peak / 2**30:.1f} GiB"
    if before != after:
        return "it changed files outside the output folder"
    return ""
