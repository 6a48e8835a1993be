"""Kills, signals and full disks: nothing recorded is lost, and no command ends well in silence.

The long form makes the table of ``docs/robustness.md``::

    python -m bench selftest --long -k disasters
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest

from tests.cli.hostile import install
from tests.conftest import Bench
from tests.disasters.kills import kill, kill_groups, kill_octaves, kill_workers, server
from tests.disasters.study import PATIENCE, Count, Running, Study, heading, machine

DETACHES = '''
import subprocess, time
from bench.protocol import Method, Restoration

class Detaches(Method):
    """Starts a program that nobody is the parent of, in a session of its own."""
    batch_size = 1

    def deblur(self, y):
        subprocess.run(["sh", "-c", "setsid sleep 4321 >/dev/null 2>&1 & echo $! >> started"])
        time.sleep(0.3)
        return Restoration(y)
'''
CLOCK = """
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#define PAST 981158400 /* 3 February 2001 */
int clock_gettime(clockid_t clock, struct timespec *t) {
    int failed = syscall(SYS_clock_gettime, clock, t);
    if (clock == CLOCK_REALTIME) t->tv_sec = PAST;
    return failed;
}
time_t time(time_t *t) { if (t) *t = PAST; return PAST; }
int gettimeofday(struct timeval *restrict t, void *restrict zone) {
    t->tv_sec = PAST; t->tv_usec = 0; return 0;
}
"""


def once_at_work(study: Study) -> Running:
    """Start the command and return when it has recorded another cell."""
    process, known = study.start(), len(study.cells())
    study.wait_for(lambda: len(study.cells()) > known, process)
    return process


def signalled(number: int, times: int = 1) -> Callable[[Study], None]:
    """A signal to the group of a run at work, as a terminal sends it, once or several times."""

    def disturb(study: Study) -> None:
        process = once_at_work(study)
        for _ in range(times):
            if process.poll() is None:
                os.killpg(process.pid, number)
                time.sleep(0.1)
        study.ended(process)

    return disturb


def kill_server(study: Study) -> None:
    """Kill -9 of what all processes are forked from."""
    process = once_at_work(study)
    kill([found for found in [server(process)] if found])
    study.ended(process)


def fill_disk(study: Study) -> None:
    """A limit on the size of files, which writing meets as it meets a full disk."""
    study.give("--images", "2", "--output", str(study.out))
    size = (study.out / "cells.sqlite").stat().st_size
    process = study.start()
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size + 1024, size + 1024))
    said = study.ended(process)
    assert "full or failing" in said or process.returncode == 0, said


def forbid_writing(study: Study) -> None:
    """A results folder that may not be written (of which nobody tells root)."""
    done = study.give("--images", "2", "--output", str(study.out))
    assert done.returncode == 0
    study.out.chmod(0o555)
    mounted = os.geteuid() == 0
    if mounted:
        out = str(study.out)
        binds = ["mount", "--bind", out, out], ["mount", "-o", "remount,ro,bind", out]
        if any(subprocess.run(bind).returncode for bind in binds):
            pytest.skip("root may write everywhere, and nothing can be mounted here")
    try:
        said = study.ended(study.start())
    finally:
        if mounted:
            subprocess.run(["umount", study.out], check=True)
        study.out.chmod(0o755)
    assert "cannot be written" in said


def rename_folder(study: Study) -> None:
    """The folder is renamed under a run, and back before the next."""
    process = once_at_work(study)
    away = study.out.with_name("renamed")
    study.out.rename(away)
    _, said = process.communicate(timeout=PATIENCE)
    if study.out.exists():  # whatever was written to its old place
        shutil.rmtree(study.out)
    away.rename(study.out)
    study.ended(process, said)
    assert "deleted, moved or replaced during the run" in said


def delete_folder(study: Study) -> None:
    """The folder is deleted under a run; what was in it is gone, and that is said."""
    process = once_at_work(study)
    while study.out.exists():  # the run may be making a file in it
        shutil.rmtree(study.out, ignore_errors=True)
    study.forget()
    said = study.ended(process)
    assert process.returncode == 1
    assert "deleted, moved or replaced during the run" in said


def run_twice(study: Study) -> None:
    """A second run into the folder while one is at work."""
    process = once_at_work(study)
    second = study.give("--output", str(study.out))
    assert second.returncode == 2
    assert "Another run is writing" in second.stderr
    study.ended(process)


def set_clock_back(study: Study) -> None:
    """A run is killed, and goes on in a process whose clock says 2001."""
    if not (compiler := shutil.which("cc")):
        pytest.skip("no C compiler is here to make another clock with")
    process = once_at_work(study)
    os.killpg(process.pid, signal.SIGKILL)
    study.ended(process)
    source, clock = study.bench.folder / "clock.c", study.bench.folder / "clock.so"
    source.write_text(CLOCK)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", clock, source], check=True)
    study.ended(study.start(LD_PRELOAD=str(clock)))
    assert '"2001-02-03' in (study.out / "provenance.json").read_text()


KINDS: dict[str, tuple[Callable[[Study], None], int]] = {
    "SIGTERM": (signalled(signal.SIGTERM), 3),
    "SIGHUP": (signalled(signal.SIGHUP), 3),
    "Ctrl-C": (signalled(signal.SIGINT), 3),
    "Ctrl-C three times": (signalled(signal.SIGINT, 3), 3),
    "kill -9 of the server of processes": (kill_server, 3),
    "full disk": (fill_disk, 2),
    "read-only folder": (forbid_writing, 1),
    "folder renamed": (rename_folder, 2),
    "results folder deleted": (delete_folder, 2),
    "two runs at once": (run_twice, 2),
    "clock set back": (set_clock_back, 1),
}
QUICK = ("SIGHUP", "Ctrl-C three times", "folder renamed")


@pytest.mark.long  # takes a minute, and on a busy machine a signal may come after the end
def test_a_disturbed_run_loses_nothing_and_ends_as_it_would_have(bench: Bench) -> None:
    study = Study(bench)
    for name in QUICK:
        KINDS[name][0](study)
    assert study.finish().good, study.count


def test_nothing_that_a_method_started_outlives_a_killed_run(bench: Bench) -> None:
    (bench.folder / "detaches.py").write_text(DETACHES)
    install(bench.folder, "detaches", {"detaches": "detaches:Detaches"})
    path = f"{bench.environment['PYTHONPATH']}{os.pathsep}{bench.folder}"
    options = "--datasets tiny --methods detaches --workers 1 --quiet"
    study = Study(bench, ("run", *options.split()))
    process = study.start(PYTHONPATH=path)
    started = bench.folder / "started"
    assert study.wait_for(lambda: started.exists() and len(study.cells()) > 1, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    numbers = [int(line) for line in started.read_text().split()]
    deadline = time.monotonic() + 60
    while (alive := [n for n in numbers if psutil.pid_exists(n)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(numbers) > 1
    assert not alive


GROUPS, WORKERS, OCTAVES = 30, 55, 15
OCTAVE = ("run", "--methods", "dp", "--datasets", "svhn-samples", "--images", "4")
OCTAVE_OPTIONS = ("--workers", "1", "--quiet", "--set", "dp.iterations=60")
KILLS: dict[str, Callable[[Study, random.Random], None]] = {
    "kill -9 of the process group": lambda study, draw: kill_groups(study, GROUPS, draw),
    "kill -9 of single workers, asked, idle, being sent a job or at work": (
        lambda study, draw: kill_workers(study, WORKERS, draw)
    ),
}


@pytest.fixture(scope="module")
def expected(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, plugins: Path
) -> pd.DataFrame:
    """Scores of a run that nobody disturbed."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\n{machine()}\n\n{heading()}", file=sys.stderr, flush=True)
    return Study(Bench(tmp_path_factory.mktemp("undisturbed"), plugins)).undisturbed()


def hold(count: Count, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Print a line of the table, and insist that it is good."""
    with capsys.disabled():
        print(count.row(name), *count.notes, sep="\n", file=sys.stderr, flush=True)
    assert count.good, count


@pytest.mark.long
@pytest.mark.parametrize("name", KINDS)
def test_a_disaster_loses_nothing(
    bench: Bench, expected: pd.DataFrame, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    disturb, times = KINDS[name]
    study = Study(bench)
    for _ in range(times):
        shutil.rmtree(study.out, ignore_errors=True)  # a disaster may have done so
        disturb(study)
    hold(study.finish(expected), name, capsys)


@pytest.mark.long
@pytest.mark.parametrize("name", KILLS)
def test_kills_by_the_dozen_lose_nothing(
    bench: Bench, expected: pd.DataFrame, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    study = Study(bench)
    KILLS[name](study, random.Random(name))
    hold(study.finish(expected), name, capsys)


@pytest.mark.long
@pytest.mark.skipif(
    not (shutil.which("octave-cli") or shutil.which("octave")), reason="Octave is not installed"
)
def test_octave_killed_again_and_again_loses_nothing(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    study = Study(bench, (*OCTAVE, *OCTAVE_OPTIONS))
    kill_octaves(study, OCTAVES, random.Random(0))
    hold(study.finish(), "kill -9 of Octave in the middle of a call", capsys)
