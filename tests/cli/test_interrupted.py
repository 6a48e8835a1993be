"""Runs that are killed, stopped, deprived of their disk or disturbed by another."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.cli import hostile
from tests.cli.test_run import RUN, scores, without_times
from tests.conftest import Bench
from tests.forks import Forked, forks

PATIENCE = 300.0
"""Seconds, for machines on which much else runs."""
MORTAL = """
import os
from pathlib import Path

from tiny_plugin import Tiny


def die_once(what):
    note = Path(f"died {what}")
    if not note.exists():
        note.touch()
        os._exit(9)


if Path("died of a question").exists():
    die_once("while it was imported")


class Mortal(Tiny):
    name = "mortal"

    def __getitem__(self, index):
        Path("pid").write_text(str(os.getpid()))
        if Path("go").exists():
            die_once("of a question")
        return super().__getitem__(index)
"""
WAITS = """
import time
from pathlib import Path

from tiny_plugin import Half


class Waits(Half):
    def deblur(self, observation):
        Path("working").touch()
        while not Path("go").exists():
            time.sleep(0.05)
        return super().deblur(observation)
"""


def start(bench: Bench, *arguments: str) -> Forked:
    """Start a command and leave it running."""
    return forks().start(arguments, bench.folder, bench.environment)


def test_killed_halfway_and_started_again_gives_the_same_scores(bench: Bench) -> None:
    arguments = ("run", "--datasets", "tiny", "--methods", "slow,half", "--workers", "1", "--quiet")
    bench(*arguments, "--output", "whole")
    process = start(bench, *arguments, "--output", "killed")
    wait_for_cells(bench.folder / "killed" / "cells.sqlite", 2)
    descendants = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert not [p for p in psutil.wait_procs(descendants, timeout=10)[1] if alive(p)]
    before = cells_done(bench.folder / "killed" / "cells.sqlite")
    assert 2 <= before < 12
    process = start(bench, *arguments, "--output", "killed")
    wait_for_cells(bench.folder / "killed" / "cells.sqlite", before + 1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    done = bench(*arguments, "--output", "killed")
    assert done.returncode == 0, done.stderr
    assert without_times(scores(bench, "killed")).equals(without_times(scores(bench, "whole")))


def test_of_a_stopped_run_a_merge_brings_what_it_has_computed(bench: Bench) -> None:
    options = ("--datasets", "tiny", "--workers", "1", "--quiet")
    bench("run", *options, "--methods", "half", "--output", "whole")
    asked = ("run", *options, "--methods", "slow", "--output", "stopped")
    process = start(bench, *asked)
    wait_for_cells(bench.folder / "stopped" / "cells.sqlite", 2)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    for out in ("both", "stopped"):
        done = bench("merge", "whole", "stopped", "-o", out)
        assert "cells that were planned and never ran are left out" in done.stdout, done.stderr
        frame = scores(bench, out)
        assert set(frame["status"]) == {"ok"}
        assert set(frame["image"][frame["method"] == "half"]) == {f"{i:02d}" for i in range(6)}
        assert 2 <= (frame["method"] == "slow").sum() < 6
        assert "pending" not in bench("table", out).stdout
    assert bench(*asked).returncode == 0
    assert (scores(bench, "stopped")["status"] == "ok").all()
    assert len(scores(bench, "stopped")) == 12


def test_a_killed_worker_costs_a_retry_and_every_cell_knows_its_run(bench: Bench) -> None:
    process = start(bench, *RUN, "--methods", "slow,half", "--workers", "1")
    origin, store = bench.folder / "out" / "provenance.json", bench.folder / "out" / "cells.sqlite"
    wait_for_cells(store, 1)
    (begun,) = json.loads(origin.read_text())
    assert begun["finished"] is None
    server = next(p for p in psutil.Process(process.pid).children() if has_children(p))
    max(server.children(), key=psutil.Process.create_time).kill()  # a worker, not the data set
    wait_for_cells(store, cells_done(store) + 2)  # past the second try of the cell that it had
    server.kill()  # what workers are forked from, and with it whoever is at work
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert (scores(bench)["status"] == "ok").all()
    (ended,) = json.loads(origin.read_text())
    assert ended == {**begun, "finished": ended["finished"]}
    assert ended["finished"] is not None
    with sqlite3.connect(store) as db:
        recorded = db.execute("SELECT DISTINCT invocation FROM cells").fetchall()
    assert recorded == [(begun["invocation"],)]


def test_a_data_set_may_die_once_of_everything(bench: Bench) -> None:
    for name, text, group in (("mortal", MORTAL, "datasets"), ("waits", WAITS, "methods")):
        (bench.folder / f"{name}.py").write_text(text)
        hostile.install(bench.folder, name, {name: f"{name}:{name.title()}"}, group)
    bench.find(bench.folder)
    what = ("--datasets", "mortal", "--methods", "waits", "--workers", "1")
    process = start(bench, "run", *what, "--output", "out", "--quiet")
    wait_until((bench.folder / "working").exists, "begun restoration")
    guest = psutil.Process(int((bench.folder / "pid").read_text()))
    guest.kill()  # between two questions
    guest.wait(PATIENCE)
    (bench.folder / "go").touch()
    _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert len(list(bench.folder.glob("died *"))) == 2
    assert (scores(bench)["status"] == "ok").all()


def test_a_results_folder_deleted_in_mid_run_is_an_error(bench: Bench) -> None:
    process = start(bench, *RUN, "--methods", "slow", "--workers", "1")
    wait_for_cells(bench.folder / "out" / "cells.sqlite", 1)
    shutil.rmtree(bench.folder / "out")
    _, stderr = process.communicate()
    assert process.returncode == 1
    assert "deleted, moved or replaced during the run" in stderr
    assert "Traceback" not in stderr


def test_ctrl_c_exits_130_and_loses_nothing(bench: Bench) -> None:
    arguments = (*RUN, "--methods", "slow", "--workers", "1")
    process = start(bench, *arguments)
    wait_for_cells(bench.folder / "out" / "cells.sqlite", 1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert "stopped" in stderr
    assert cells_done(bench.folder / "out" / "cells.sqlite") >= 1
    assert bench(*arguments).returncode == 0


def test_two_runs_into_one_folder_at_once_are_refused(bench: Bench) -> None:
    process = start(bench, *RUN, "--methods", "slow", "--workers", "1")
    wait_for_cells(bench.folder / "out" / "cells.sqlite", 1)
    os.kill(process.pid, signal.SIGSTOP)  # or it might have ended before the other has started
    try:
        assert "Another run" in bench.refused(*RUN, "--methods", "half")
    finally:
        os.kill(process.pid, signal.SIGCONT)
    process.communicate()
    assert process.returncode == 0


@pytest.mark.skipif(not shutil.which("octave-cli"), reason="octave-cli is not on PATH")
def test_octave_killed_in_the_middle_costs_that_cell_and_the_next_run_repairs_it(
    bench: Bench,
) -> None:
    arguments = (*RUN, "--methods", "dp", "--images", "1", "--set", "dp.iterations=400")
    process = start(bench, *arguments)
    deadline = time.monotonic() + PATIENCE
    working: list[psutil.Process] = []
    while not working and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
        working = octaves(process.pid, after=1.5)  # past its start
    assert working, "Octave never got to work"
    for octave in octaves(process.pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            octave.kill()
    _, stderr = process.communicate()
    assert process.returncode == 1, stderr
    assert (scores(bench)["status"] == "failed").all()
    quick = [part if "iterations" not in part else "dp.iterations=1" for part in arguments]
    assert bench(*quick).returncode == 0


def test_a_full_disk_is_said_and_what_was_recorded_is_safe(bench: Bench) -> None:
    bench(*RUN, "--methods", "half", "--images", "2")
    size = (bench.folder / "out" / "cells.sqlite").stat().st_size
    command = ["python", "-m", "bench", *RUN, "--methods", "half,blurry"]
    limit = f"ulimit -f {size // 1024 + 1}; exec {' '.join(command)}"  # in KiB
    done = subprocess.run(
        ["bash", "-c", limit],
        cwd=bench.folder,
        env={**bench.environment, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1, done.stderr
    assert "full or failing" in done.stderr
    assert "Traceback" not in done.stderr
    assert bench(*RUN, "--methods", "half,blurry").returncode == 0
    assert (scores(bench)["status"] == "ok").all()


def has_children(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):  # a helper that ended meanwhile
        return bool(process.children())
    return False


def octaves(parent: int, after: float = 0.0) -> list[psutil.Process]:
    """The Octaves of a run that have computed for so many seconds; others may end meanwhile."""
    found = []
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(parent).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if "octave" in process.name() and process.cpu_times().user >= after:
                    found.append(process)
    return found


def alive(process: psutil.Process) -> bool:
    """Whether a process is there and has not merely not been waited for yet."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def cells_done(path: Path) -> int:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return int(db.execute("SELECT COUNT(*) FROM cells WHERE status = 'ok'").fetchone()[0])


def wait_for_cells(path: Path, count: int) -> None:
    def are_there() -> bool:
        with contextlib.suppress(sqlite3.OperationalError):  # the tables are not there yet
            return path.exists() and cells_done(path) >= count
        return False

    wait_until(are_there, f"{count} cells in {path}")


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"no {what} after {PATIENCE:g} s"
        time.sleep(0.05)
