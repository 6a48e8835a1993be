"""Runs on other engines: real clusters of separate processes, some of which are killed."""

from __future__ import annotations

import contextlib
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from tests.conftest import Bench

DIES = ("--set", "dies.above=0.5")
METHODS = ("--methods", "half,slow,hangs,dies,cheat", *DIES)
RUN = ("run", "--datasets", "tiny", "--quiet", "-j", "2", "--time-limit", "4")


def scores(bench: Bench, folder: str) -> pd.DataFrame:
    return pd.read_csv(bench.folder / folder / "scores.csv", dtype={"image": str})


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, plugins: Path) -> pd.DataFrame:
    """What ``-j 2`` gives on this machine."""
    bench = Bench(tmp_path_factory.mktemp("here"), plugins)
    assert bench(*RUN, *METHODS, "--output", "out").returncode == 1
    return scores(bench, "out")


def alike(there: pd.DataFrame, here: pd.DataFrame) -> None:
    """Hold scores against those of the same cells on this machine."""
    label = ["method", "image"]
    cells = pd.MultiIndex.from_frame(here[label]).isin(pd.MultiIndex.from_frame(there[label]))
    here = here[cells].reset_index(drop=True)
    assert list(there["status"]) == list(here["status"])
    assert set(there["status"]) == {"ok", "failed"}
    columns = ["seconds", "reason"]  # a reason names exit codes and limits alike, in other words
    pd.testing.assert_frame_equal(there.drop(columns=columns), here.drop(columns=columns))


def configured(bench: Bench, text: str) -> tuple[str, str]:
    (bench.folder / "parallel.toml").write_text(text)
    return "--parallel-config", "parallel.toml"


def done(folder: Path) -> int:
    if not (folder / "cells.sqlite").exists():
        return 0
    with sqlite3.connect(folder / "cells.sqlite", timeout=20) as db:
        try:
            return db.execute("SELECT count(*) FROM cells").fetchone()[0]
        except sqlite3.OperationalError:
            return 0


def wait_for(folder: Path, cells: int, process: subprocess.Popen[str]) -> None:
    while done(folder) < cells:
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)


def test_a_dask_cluster_with_a_worker_killed_gives_what_local_processes_give(
    bench: Bench, here: pd.DataFrame
) -> None:
    pytest.importorskip("distributed")
    command = (*RUN, *METHODS, "--output", "dask")
    process = bench.start(*command, *configured(bench, 'backend = "dask"'))
    wait_for(bench.folder / "dask", 3, process)
    workers = [child for child in psutil.Process(process.pid).children() if is_worker(child)]
    assert len(workers) == 2
    workers[0].send_signal(signal.SIGKILL)
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 1, errors  # some cells fail, here as there
    found = scores(bench, "dask")
    assert len(found) == len(here)
    alike(found, here)
    assert "It took longer than the time limit of 4 s" in errors
    assert not psutil.pid_exists(workers[1].pid)


def is_worker(process: psutil.Process) -> bool:
    """Whether a child is a worker of Dask's: they are spawned, and have children of their own."""
    with contextlib.suppress(psutil.NoSuchProcess):  # a helper that ended meanwhile
        return "spawn_main" in " ".join(process.cmdline())
    return False


def test_a_scheduler_that_is_killed_ends_the_run_and_loses_nothing(bench: Bench) -> None:
    pytest.importorskip("distributed")
    environment = {**bench.environment, "TINY_LOG": str(bench.folder / "log")}
    address = "tcp://127.0.0.1:18786"
    cluster = [
        subprocess.Popen(
            [sys.executable, "-m", *command], env=environment, stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, cwd=bench.folder,
        )
        for command in (
            ("distributed.cli.dask_scheduler", "--host", address, "--no-dashboard"),
            ("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"),
        )
    ]  # fmt: skip
    try:
        where = configured(bench, f'backend = "dask"\ndask_address = "{address}"')
        command = (*RUN, "--methods", "slow", "--output", "out")
        process = bench.start(*command, *where)
        wait_for(bench.folder / "out", 2, process)
        cluster[0].kill()
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 1, errors
        assert "The Dask scheduler was lost" in errors
        assert "Traceback" not in errors
    finally:
        for part in cluster:
            for member in psutil.Process(part.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
            part.kill()
            part.wait()
    kept = done(bench.folder / "out")
    assert 2 <= kept < 6
    (bench.folder / "log").unlink(missing_ok=True)
    assert bench(*command, TINY_LOG=str(bench.folder / "log")).returncode == 0
    assert len((bench.folder / "log").read_text().split()) == 6 - kept  # what is done is not sent


def test_submitit_gives_what_local_processes_give(bench: Bench, here: pd.DataFrame) -> None:
    pytest.importorskip("submitit")
    # Each chunk is a job that imports anew: few of them, and time for it on a busy machine.
    cells = ("--methods", "half,dies", *DIES, "--images", "2", "--time-limit", "200")
    ended = bench(*RUN, *cells, "--output", "there", *configured(bench, 'backend = "submitit"'))
    assert ended.returncode == 1, ended.stderr
    found = scores(bench, "there")
    assert len(found) == 4
    alike(found, here)
    jobs = bench.folder / "there" / "jobs"
    assert list(jobs.glob("*/*.err"))
    assert not list(jobs.glob("*/*.pkl"))


def test_an_engine_that_is_not_there_is_said(bench: Bench) -> None:
    pytest.importorskip("distributed")
    where = configured(bench, 'backend = "dask"\ndask_address = "tcp://127.0.0.1:9"')
    ended = bench(*RUN, "--methods", "half", *where)
    assert ended.returncode == 1, ended.stderr
    assert "There is no Dask scheduler at tcp://127.0.0.1:9" in ended.stderr
