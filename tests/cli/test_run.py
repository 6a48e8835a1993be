"""``python -m bench run`` as a user sees it."""

from __future__ import annotations

import json
import os
import shutil
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

RUN = ("run", "--datasets", "tiny", "--output", "out", "--quiet")


def scores(bench: Bench, folder: str = "out") -> pd.DataFrame:
    return pd.read_csv(bench.folder / folder / "scores.csv", dtype={"image": str})


def without_times(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=["seconds"])


def test_a_run_leaves_scores_table_sheet_and_provenance(bench: Bench) -> None:
    done = bench(*RUN, "--methods", "half,cheat,known-kernel", "--seed", "3")
    assert done.returncode == 0, done.stderr
    frame = scores(bench)
    columns = {
        *("dataset", "method", "image", "noise", "blur_length", "seed"),
        *("psnr", "psnr_centred", "ssim", "ssim_rgb", "gmsd", "kernel_similarity"),
        *("generator_evaluations", "seconds", "status"),
    }
    assert columns <= set(frame.columns)
    assert len(frame) == 18
    assert (frame["status"] == "ok").all()
    assert (frame["seed"] == 3).all()
    of = {str(method): rows for method, rows in frame.groupby("method")}
    assert of["known-kernel"]["error_ratio"].eq(1).all()
    assert of["half"]["error_ratio"].gt(1).all()
    assert of["cheat"]["psnr"].min() > 90  # the truth, up to 16-bit storage
    table = (bench.folder / "out" / "table.md").read_text()
    assert "| half " in table
    assert "oracle: is given the truth" in table
    assert (bench.folder / "out" / "sheets" / "tiny.png").stat().st_size > 10_000
    (origin,) = json.loads((bench.folder / "out" / "provenance.json").read_text())
    assert origin["seeds"] == [3]
    assert origin["packages"]["torch"]
    assert origin["command"].startswith("python -m bench run")
    printed = bench("table", "out", "--markdown")
    assert printed.stdout.strip() == table.strip()


def test_all_methods_see_the_same_observation_whatever_the_order(bench: Bench) -> None:
    bench(*RUN, "--methods", "half,blurry")
    bench("run", "--datasets", "tiny", "--output", "alone", "--quiet", "--methods", "half")
    together = scores(bench).query("method == 'half'").reset_index(drop=True)
    assert without_times(together).equals(without_times(scores(bench, "alone")))


def test_a_second_run_computes_nothing_and_a_wider_one_only_the_rest(bench: Bench) -> None:
    log = str(bench.folder / "log")
    bench(*RUN, "--methods", "half", "--images", "4", TINY_LOG=log)
    assert Path(log).read_text().split() == ["2", "2"]
    bench(*RUN, "--methods", "half", "--images", "4", TINY_LOG=log)
    assert Path(log).read_text().split() == ["2", "2"]
    bench(*RUN, "--methods", "half", TINY_LOG=log)
    assert Path(log).read_text().split() == ["2", "2", "2"]
    bench(*RUN, "--methods", "half", "--set", "half.share=0.25", "--images", "2", TINY_LOG=log)
    assert Path(log).read_text().split() == ["2", "2", "2", "2"]
    assert set(scores(bench)["method"]) == {"half", "half[share=0.25]"}
    bench(*RUN, "--methods", "half", "--no-resume", TINY_LOG=log)
    assert Path(log).read_text().split() == ["2"] * 7


def test_killed_halfway_and_started_again_gives_the_same_scores(bench: Bench) -> None:
    arguments = ("run", "--datasets", "tiny", "--methods", "slow,half", "--workers", "1", "--quiet")
    bench(*arguments, "--output", "whole")
    process = bench.start(*arguments, "--output", "killed")
    wait_for_cells(bench.folder / "killed" / "cells.sqlite", 2)
    descendants = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert not psutil.wait_procs(descendants, timeout=10)[1], "a worker outlived kill -9"
    before = cells_done(bench.folder / "killed" / "cells.sqlite")
    assert 2 <= before < 12
    process = bench.start(*arguments, "--output", "killed")
    wait_for_cells(bench.folder / "killed" / "cells.sqlite", before + 1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = bench(*arguments, "--output", "killed")
    assert done.returncode == 0, done.stderr
    assert without_times(scores(bench, "killed")).equals(without_times(scores(bench, "whole")))


def test_a_killed_worker_costs_a_retry_and_every_cell_knows_its_run(bench: Bench) -> None:
    process = bench.start(*RUN, "--methods", "slow,half", "--workers", "1")
    origin, store = bench.folder / "out" / "provenance.json", bench.folder / "out" / "cells.sqlite"
    wait_for_cells(store, 1)
    (begun,) = json.loads(origin.read_text())
    assert begun["finished"] is None
    server = next(p for p in psutil.Process(process.pid).children() if p.children())
    server.children()[0].kill()  # a worker in the middle of its job
    wait_for_cells(store, 3)
    server.kill()  # what workers are forked from, and with it whoever is at work
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert (scores(bench)["status"] == "ok").all()
    (ended,) = json.loads(origin.read_text())
    assert ended == {**begun, "finished": ended["finished"]}
    assert ended["finished"] is not None
    with sqlite3.connect(store) as db:
        recorded = db.execute("SELECT DISTINCT invocation FROM cells").fetchall()
    assert recorded == [(begun["invocation"],)]


def test_a_results_folder_deleted_in_mid_run_is_an_error(bench: Bench) -> None:
    process = bench.start(*RUN, "--methods", "slow", "--workers", "1")
    wait_for_cells(bench.folder / "out" / "cells.sqlite", 1)
    shutil.rmtree(bench.folder / "out")
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "deleted, moved or replaced during the run" in stderr
    assert "Traceback" not in stderr


def test_workers_that_cannot_start_are_an_error(bench: Bench) -> None:
    """A script without a guard is run again by every worker, and this one then ends."""
    script = bench.folder / "study.py"
    script.write_text(
        "import os, sys\n"
        "from bench.cli import main\n"
        "if os.path.exists('out'):\n"
        "    sys.exit('out is there already')\n"
        "print('exit code', main(['run', '--methods', 'blurry', '--datasets', 'photos', '--output',"
        " 'out', '--quiet']))\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=bench.folder, env=bench.environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert "The worker process died (exit code 1)" in done.stderr
    assert "exit code 1" in done.stdout


def test_ctrl_c_exits_130_and_loses_nothing(bench: Bench) -> None:
    arguments = (*RUN, "--methods", "slow", "--workers", "1")
    process = bench.start(*arguments)
    wait_for_cells(bench.folder / "out" / "cells.sqlite", 1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert "stopped" in stderr
    assert cells_done(bench.folder / "out" / "cells.sqlite") >= 1
    assert bench(*arguments).returncode == 0


def test_two_runs_into_one_folder_at_once_are_refused(bench: Bench) -> None:
    process = bench.start(*RUN, "--methods", "slow", "--workers", "1")
    wait_for_cells(bench.folder / "out" / "cells.sqlite", 1)
    process.send_signal(signal.SIGSTOP)  # or it might have ended before the other has started
    try:
        assert "Another run" in bench.refused(*RUN, "--methods", "half")
    finally:
        process.send_signal(signal.SIGCONT)
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("raises", "RuntimeError: too bright for me"),
        ("hangs", "time limit of 2 s"),
        ("dies", "died (exit code 3)"),
        ("not-a-number", "NaN"),
    ],
)
def test_a_bad_method_costs_its_bad_cells_only(bench: Bench, method: str, reason: str) -> None:
    done = bench(*RUN, "--methods", f"{method},half", "--time-limit", "2")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert reason in done.stderr
    frame = scores(bench)
    assert (frame.query("method == 'half'")["status"] == "ok").all()
    bad = frame[frame["method"] == method]
    failed = bad[bad["status"] == "failed"]
    assert 0 < len(failed) < 6
    assert failed["reason"].str.contains(reason, regex=False).all()
    assert failed["psnr"].isna().all()
    table = (bench.folder / "out" / "table.md").read_text()
    (row,) = [line for line in table.splitlines() if line.startswith(f"| {method} ")]
    assert f"{6 - len(failed)}/6" in row
    assert reason in table


@pytest.mark.parametrize(
    ("method", "reason"),
    [("nonsense", "returned Tensor, not a Restoration"), ("out-of-range", "clamp the image")],
)
def test_nonsense_is_a_failure_not_a_score(bench: Bench, method: str, reason: str) -> None:
    done = bench(*RUN, "--methods", method, "--images", "2")
    assert done.returncode == 1
    assert reason in done.stderr
    assert (scores(bench)["status"] == "failed").all()


def test_failed_cells_are_tried_again(bench: Bench) -> None:
    marker = bench.folder / "once"
    (bench.folder / "flaky_plugin.py").write_text(
        "from pathlib import Path\n"
        "from bench.protocol import Method, Restoration\n"
        "class Flaky(Method):\n"
        "    def deblur(self, observation):\n"
        f"        if not Path({str(marker)!r}).exists():\n"
        "            raise OSError('not yet')\n"
        "        return Restoration(observation)\n"
    )
    info = bench.folder / "flaky-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: flaky\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[bench.methods]\nflaky = flaky_plugin:Flaky\n")
    path = f"{bench.environment['PYTHONPATH']}{os.pathsep}{bench.folder}"
    assert bench(*RUN, "--methods", "flaky", PYTHONPATH=path).returncode == 1
    marker.touch()
    done = bench(*RUN, "--methods", "flaky", PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert (scores(bench)["status"] == "ok").all()


def test_a_plugin_that_cannot_be_imported_is_unavailable_and_the_rest_runs(bench: Bench) -> None:
    done = bench(*RUN, "--methods", "broken-import,half", "--images", "2")
    assert done.returncode == 1
    statuses = scores(bench).groupby("method")["status"].unique().map(list).to_dict()
    assert statuses == {"broken-import": ["unavailable"], "half": ["ok"]}
    assert "tiny_plugin_that_is_not_there" in (bench.folder / "out" / "table.md").read_text()


def test_without_octave_the_other_methods_still_run(bench: Bench) -> None:
    python = Path(sys.executable).parent
    done = bench(*RUN, "--methods", "dp,blurry", "--images", "2", PATH=str(python))
    assert done.returncode == 1
    assert "octave" in done.stderr.lower()
    assert "Traceback" not in done.stderr
    frame = scores(bench)
    assert frame.groupby("method")["status"].unique().map(list).to_dict() == {
        "blurry": ["ok"],
        "dp": ["unavailable"],
    }
    listed = bench("list", "methods", PATH=str(python)).stdout
    assert "apt-get install octave" in " ".join(listed.split())


@pytest.mark.skipif(not shutil.which("octave-cli"), reason="octave-cli is not on PATH")
def test_octave_killed_in_the_middle_costs_that_cell_and_the_next_run_repairs_it(
    bench: Bench,
) -> None:
    arguments = (*RUN, "--methods", "dp", "--images", "1", "--set", "dp.iterations=400")
    process = bench.start(*arguments)
    deadline = time.monotonic() + 60
    working: list[psutil.Process] = []
    while not working and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
        working = [o for o in octaves(process.pid) if o.cpu_times().user > 1.5]  # past its start
    assert working, "Octave never got to work"
    for octave in octaves(process.pid):
        octave.kill()
    _, stderr = process.communicate(timeout=120)
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


def octaves(parent: int) -> list[psutil.Process]:
    return [p for p in psutil.Process(parent).children(recursive=True) if "octave" in p.name()]


def cells_done(path: Path) -> int:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return int(db.execute("SELECT COUNT(*) FROM cells WHERE status = 'ok'").fetchone()[0])


def wait_for_cells(path: Path, count: int) -> None:
    for _ in range(600):
        try:
            if path.exists() and cells_done(path) >= count:
                return
        except sqlite3.OperationalError:  # the tables are not there yet
            pass
        time.sleep(0.05)
    raise AssertionError(f"no {count} cells in {path} after 30 s")


def test_a_clone_without_its_store_keeps_what_was_published(bench: Bench) -> None:
    """A committed results folder has scores, sheets and a gallery, and no restorations."""
    shown = (*RUN, "--images", "3", "--gallery", "2")
    bench(*shown, "--methods", "half,blurry")
    before, out = scores(bench), bench.folder / "out"
    sheet = (out / "sheets" / "tiny.png").read_bytes()
    for path in out.glob("cells.sqlite*"):
        path.unlink()
    done = bench(*shown, "--methods", "known-kernel")
    assert done.returncode == 0, done.stderr
    after = scores(bench)
    kept = after[after["method"] != "known-kernel"].reset_index(drop=True)
    moved = ["error_ratio"]  # there is an oracle to compare with now
    assert kept[moved].gt(1).all(axis=None)
    pd.testing.assert_frame_equal(
        kept.drop(columns=moved), before.drop(columns=moved), check_dtype=False
    )
    assert list(after["method"].unique()) == sorted(after["method"].unique())
    assert "| half " in (out / "table.md").read_text()
    assert (out / "sheets" / "tiny.png").read_bytes() == sheet
    (group,) = json.loads((out / "gallery" / "gallery.json").read_text())["groups"]
    assert list(group["methods"]) == ["blurry", "half", "known-kernel"]
    assert {path.suffix for path in (out / "gallery" / "tiny-noise-0.01").iterdir()} == {".webp"}
    bench(*shown, "--methods", "half", "--images", "1")
    assert len(scores(bench)) == len(after)


def test_a_worker_has_one_thread_however_many_there_are(bench: Bench) -> None:
    """Or the same seed would give other sums, and chaotic methods other results."""
    for workers in ("1", "2"):
        bench(*RUN, "--methods", "half", "--workers", workers, "--no-resume", OMP_NUM_THREADS="2")
        assert scores(bench)["iterations"].eq(1).all()  # where that plugin counts threads
