"""What each method loses to its kernel, its step, its range and its choice among restarts."""

from __future__ import annotations

import pandas as pd
import pytest

from bench.errors import BenchError
from bench.harness import scores as score_table
from bench.harness.columns import columns
from bench.physics.condition import Condition
from bench.protocol import Status
from bench.report import decompose, decomposition
from tests.conftest import Bench

IMAGES = 12
CONDITION = str(Condition())


def scored(method, psnr):
    """Rows of the score table for one method, some images better than others."""
    return [
        {"dataset": "svhn", "condition": CONDITION, "method": method, "kind": "method",
         "image": f"{i:03d}", "psnr": psnr + i % 3, "status": Status.OK, "seed": 0, "noise": 0.01}
        for i in range(IMAGES)
    ]  # fmt: skip


def measured(method, **values):
    """Rows of a decomposition, in which ``values`` are higher for the same images."""
    return [
        {"dataset": "svhn", "condition": CONDITION, "method": method, "kind": "method",
         "image": f"{i:03d}", "kernel_id": f"k{i}",
         **{name: value + i % 3 for name, value in values.items()}}
        for i in range(IMAGES)
    ]  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    steps = {"estimated_tv": 24.0, "estimated_learned": 26.0, "true_tv": 29.0, "true_learned": 31.0}
    rows = [
        *measured("dd", psnr=22.0, range_image=22.0, kept_restart=22.0, best_restart=23.5, **steps),
        *measured("marginal-tv", psnr=24.0, **steps),
    ]
    frame = pd.DataFrame(rows, columns=decompose.COLUMNS)
    frame.to_csv(tmp_path / decompose.FILE, index=False)
    scores = pd.DataFrame([*scored("dd", 22.0), *scored("range-oracle", 27.0)], columns=columns())
    scores.to_csv(tmp_path / "scores.csv", index=False)
    return tmp_path


def test_losses_are_paired_and_add_up(folder):
    first, second = decomposition.rungs(folder, score_table.read(folder))["svhn"]
    assert (first.method, first.step, second.method) == ("dd", "learned", "marginal-tv")
    losses = {name: loss.mean for name, loss in first.losses.items()}
    assert losses == pytest.approx({"kernel": 5.0, "step": 4.0, "range": 4.0, "restarts": 1.5})
    assert first.psnr + losses["kernel"] + losses["step"] == pytest.approx(31 + 1)
    assert first.losses["kernel"].low == pytest.approx(5.0)  # every pair is 5 dB apart
    assert set(second.losses) == {"kernel", "step"}


def test_the_report_has_a_table_and_a_figure(folder, tmp_path):
    frame, reports = score_table.read(folder), tmp_path / "reports"
    reports.mkdir()
    written = {path.name for path in decomposition.write(folder, frame, reports)}
    assert {"decomposition.md", "decomposition.png", "decomposition.svg"} <= written
    text = (reports / "decomposition.md").read_text()
    assert "5.00 [5.00, 5.00]" in text
    assert "## svhn" in text
    before = (reports / "decomposition.svg").read_bytes()
    list(decomposition.write(folder, frame, reports))
    assert before == (reports / "decomposition.svg").read_bytes()


def test_a_folder_that_was_not_decomposed_has_no_report(folder, tmp_path):
    frame = score_table.read(folder)
    (folder / decompose.FILE).unlink()
    assert not list(decomposition.write(folder, frame, tmp_path))
    (folder / decompose.FILE).write_text("method\n")
    with pytest.raises(BenchError, match="no decomposition"):
        decomposition.rungs(folder, frame)


def test_a_run_is_decomposed_third_parties_included(bench: Bench) -> None:
    run = ("run", "--quiet", "--output", "out", "--images", "2")
    ours = ("--methods", "kernel-net,blurry", "--datasets", "svhn-samples")
    assert bench(*run, *ours).returncode == 0
    assert bench(*run, "--methods", "half", "--datasets", "tiny").returncode == 0
    done = bench("decompose", "out", "--images", "1")
    assert done.returncode == 0, done.stderr
    path = bench.folder / "out" / decompose.FILE
    assert str(path.relative_to(bench.folder)) in done.stdout
    frame = pd.read_csv(path, dtype={"image": str})
    scores = pd.read_csv(bench.folder / "out" / "scores.csv", dtype={"image": str})
    digits = frame[(frame["dataset"] == "svhn-samples") & (frame["method"] == "kernel-net")].iloc[0]
    natural = frame[(frame["dataset"] == "tiny") & (frame["method"] == "half")].iloc[0]
    own = scores[
        (scores["dataset"] == "svhn-samples")
        & (scores["method"] == "kernel-net")
        & (scores["image"] == digits["image"])
    ]
    assert digits["psnr"] == pytest.approx(float(own["psnr"].iloc[0]), abs=2e-3)
    # Its own step is this one, before the pair is centred.
    assert digits["estimated_tv"] == pytest.approx(digits["psnr"], abs=1.5)
    assert digits["true_tv"] > digits["estimated_tv"]
    assert digits[["true_posterior-mean", "true_learned"]].notna().all()
    assert natural[["estimated_tv", "true_tv"]].notna().all()
    assert natural[["true_posterior-mean", "true_learned"]].isna().all()
    assert len(frame) == 2


def test_a_folder_without_kernels_is_refused(bench: Bench) -> None:
    run = ("run", "--methods", "blurry", "--datasets", "svhn-samples", "--images", "1")
    assert bench(*run, "--quiet", "--output", "out").returncode == 0
    assert "no finished cell" in bench.refused("decompose", "out")
