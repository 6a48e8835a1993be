"""``python -m bench run`` as a user sees it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
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


def test_a_quick_run_says_what_it_does_and_has_a_mean_in_every_row(bench: Bench) -> None:
    done = bench("run", "--quick", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("16 cells to compute (4 methods, 1 data set)")
    assert all(len(line) < 200 for line in done.stderr.splitlines()), "a bar over and over in a log"
    rows = json.loads(done.stdout)
    assert len(rows) == 4
    assert all(row["psnr"] > 15 for row in rows)


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
    bench.find(bench.folder)
    assert bench(*RUN, "--methods", "flaky").returncode == 1
    marker.touch()
    done = bench(*RUN, "--methods", "flaky")
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
