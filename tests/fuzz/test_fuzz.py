"""Damaged inputs end in no traceback, hang, crash or flood, and write nothing where they may not.

Every input is drawn from its target's name and a number. A failure says how to have it again::

    python -m pytest tests/fuzz --fuzz store:17
"""

from __future__ import annotations

import random
import resource
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.judging import command, judge, judge_together
from tests.fuzz.targets import TARGETS

QUICK = 66
"""Inputs for each target in the normal suite, 2,000 in all and more."""
OPTIONS = 75
TOGETHER = 11
"""Inputs that share a child."""
LONG_SECONDS = 3600.0
CHUNK = 20
"""Inputs of a target in turn, in the long run."""


def lay_out(name: str, number: int, place: Path) -> tuple[Path, str]:
    """Write an input of a target, damaged; return its folder and the damaged file's name."""
    draw = random.Random(f"{name}:{number}")
    target = TARGETS[name]
    files = dict(target.files())
    victim = draw.choice(sorted(target.damaged))
    files[victim] = target.damaged[victim](files[victim], draw)
    folder = place / f"{name}-{number}" / "work"
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder, victim


def try_input(name: str, number: int, place: Path) -> str:
    """Have a damaged input of a target read; return what is wrong, or ""."""
    folder, victim = lay_out(name, number, place)
    verdict = judge(TARGETS[name].act, folder)
    if not verdict.fault:
        shutil.rmtree(folder.parent)
        return ""
    return (
        f"{victim} of {name}:{number}: {verdict.fault}.\n{verdict.said[-3000:]}\n"
        f"Again: python -m pytest tests/fuzz --fuzz {name}:{number} --basetemp /tmp/fuzz"
    )


def try_inputs(name: str, numbers: range, place: Path, together: int = TOGETHER) -> list[str]:
    """Try several inputs of a target; those that are read as they should be leave nothing.

    So many at a time share a child; where one of them is at fault, each is tried again by itself,
    and what only happens in company is a fault too.
    """
    faults = []
    for first in range(numbers.start, numbers.stop, together):
        some = range(first, min(first + together, numbers.stop))
        folders = [lay_out(name, number, place)[0] for number in some]
        verdict = judge_together(TARGETS[name].act, folders)
        for folder in folders:
            shutil.rmtree(folder.parent)
        if verdict.fault:
            alone = [fault for number in some if (fault := try_input(name, number, place))]
            numbered = f"{name}:{some.start} to {some.stop - 1}, in one process"
            faults += alone or [f"{numbered}: {verdict.fault}.\n{verdict.said[-3000:]}"]
    return faults


def pytest_report(faults: list[str]) -> str:
    return f"{len(faults)} inputs; the first:\n{faults[0]}" if faults else ""


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_inputs_are_refused_in_a_line_or_read(
    name: str, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    wanted = pytestconfig.getoption("fuzz")
    if wanted:
        if wanted.partition(":")[0] != name:
            pytest.skip("another input is asked for")
        number = int(wanted.partition(":")[2])
        assert not (fault := try_input(name, number, tmp_path)), fault
        return
    faults = try_inputs(name, range(QUICK // TARGETS[name].slowness), tmp_path)
    assert not faults, pytest_report(faults)


NUMBERS = st.one_of(
    st.sampled_from(["0", "-1", "1", "nan", "inf", "1e999", "0.01", "9" * 30, "", ",", "1,2", "٣"]),
    st.floats().map(str),
    st.integers().map(str),
)
NAMES = st.one_of(
    st.sampled_from(
        ["blurry", "dd", "*", "[", "photos", "folder:", "folder:/proc", "folder:x?y", "a=b"]
    ),
    st.text(max_size=20).filter(lambda text: "\0" not in text),
)
OPTION = st.one_of(
    st.tuples(
        st.sampled_from(["--noise", "--blur-length", "--seed", "--images", "--workers"]), NUMBERS
    ),
    st.tuples(st.sampled_from(["--time-limit", "--gallery", "--bits"]), NUMBERS),
    st.tuples(st.sampled_from(["--methods", "--datasets", "--kernels", "--boundary"]), NAMES),
    st.tuples(st.sampled_from(["--set", "--device", "--class", "--no-such"]), NAMES),
)


@settings(
    max_examples=OPTIONS,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@seed(0)
@given(st.lists(OPTION, max_size=4))
def test_options_of_a_run_are_refused_in_a_line_or_taken(
    tmp_path_factory: pytest.TempPathFactory, options: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("options") / "work"
    folder.mkdir()
    given_options = [part for option in options for part in option]

    def act(folder: Path) -> int:
        from bench.harness import session

        def executed(*_: object, **__: object) -> None:
            raise SystemExit(0)  # what is asked for makes sense: it would be run now

        session.execute = executed  # type: ignore[assignment]
        return command("run", *given_options)

    verdict = judge(act, folder)
    assert not verdict.fault, f"{given_options}: {verdict.fault}\n{verdict.said[-3000:]}"


@pytest.mark.long
def test_an_hour_of_damaged_inputs(tmp_path: Path) -> None:
    """Other inputs than the normal suite's, target by target, as long as there is time."""
    began, first, faults, tried = time.monotonic(), QUICK, [], 0
    while time.monotonic() - began < LONG_SECONDS:
        for name in TARGETS:
            faults += try_inputs(name, range(first, first + CHUNK), tmp_path, together=1)
            tried += CHUNK
        first += CHUNK
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"{tried} inputs, {len(faults)} faults, at most {peak:.2f} GiB")
    assert not faults, pytest_report(faults)
