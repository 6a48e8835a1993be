"""The judge of damaged inputs: what one of several does is seen, and which of them it was."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz import judging, test_fuzz
from tests.fuzz.judging import judge_together
from tests.fuzz.targets import TARGETS, Target


def ends(code: int) -> Callable[[], int]:
    def act() -> int:
        print("bench: so it is", file=sys.stderr)
        return code

    return act


def raises() -> int:
    raise KeyError("column")


def writes() -> int:
    Path("elsewhere").write_text("x")
    return 0


def computes() -> int:
    while True:
        pass


def eats() -> int:
    kept = bytes([1]) * (1 << 30)
    return ends(kept[-1] - 1)()


def sleeps() -> int:
    time.sleep(60)
    return 0


def dies() -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


BAD: dict[str, tuple[Callable[[], int], str]] = {
    "raises": (raises, "traceback"),
    "writes": (writes, "changed files outside"),
    "undocumented": (ends(3), "exit code 3"),
    "silent": (lambda: 2, "and no word"),
    "exits": (lambda: os._exit(0), "before its turn"),
    "killed": (dies, "SIGKILL"),
    "hangs": (sleeps, "hung"),
    "computes": (computes, "hung"),
    "eats": (eats, "it took"),
}


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    monkeypatch.setattr(judging, "MEMORY", 1 << 30)
    found = [tmp_path / str(number) / "work" for number in range(3)]
    for folder in found:
        folder.mkdir(parents=True)
    return found


@pytest.mark.parametrize("name", BAD)
def test_what_one_of_several_does_is_seen(
    name: str, folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, words = BAD[name]
    if words == "hung":
        monkeypatch.setattr(judging, "CPU_SECONDS", 1)
        monkeypatch.setattr(judging, "WALL_SECONDS", 3.0)
    verdict = judge_together(lambda place: (bad if place == folders[1] else ends(0))(), folders)
    assert words in verdict.fault


def test_several_that_are_read_or_refused_are_well(folders: list[Path]) -> None:
    codes = dict(zip(folders, (0, 1, 2), strict=True))
    verdict = judge_together(lambda place: ends(codes[place])(), folders)
    assert not verdict.fault
    assert verdict.said.count("so it is") == 3


def test_the_input_at_fault_is_named_and_so_is_a_fault_of_company(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Path] = []

    def first_in_its_process(folder: Path) -> int:
        seen.append(folder)
        return ends(0)() if len(seen) == 1 else raises()

    def third(folder: Path) -> int:
        return raises() if folder.parent.name.endswith("-2") else ends(0)()

    for act, words in ((third, "again:2: it ended"), (first_in_its_process, "in one process")):
        target = Target(lambda: {"in/a": b"a"}, {"in/a": lambda data, draw: data}, act)
        monkeypatch.setitem(TARGETS, "again", target)
        (fault,) = test_fuzz.try_inputs("again", range(4), tmp_path)
        assert words in fault
