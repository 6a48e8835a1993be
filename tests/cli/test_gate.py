"""``check``, ``compare``, ``export``, ``score`` and ``sweep`` as a user sees them."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from bench import check
from bench.errors import BenchError
from tests.conftest import ROOT, Bench


def test_the_gate_holds() -> None:
    """Every method is where the reference says; run by ``make test`` and so by CI."""
    done = subprocess.run(
        [sys.executable, "-m", "bench", "check", "--quiet"],
        cwd=ROOT, capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_whoever_changes_the_reference_says_so() -> None:
    digits = hashlib.sha256((ROOT / "results" / "reference.csv").read_bytes()).hexdigest()[:8]
    assert digits in (ROOT / "CHANGELOG.md").read_text(), (
        f"results/reference.csv was changed: name {digits} in CHANGELOG.md and say why."
    )


def test_updating_one_method_leaves_the_other_lines(tmp_path: Path) -> None:
    path = tmp_path / "reference.csv"
    old = check.read_reference()
    wrong = old.copy()
    wrong.loc[old["method"].isin(["blurry", "known-kernel"]), "psnr"] = 1.0
    wrong.loc[old["method"] == "blurry", "tolerance"] = 0.3
    wrong.to_csv(path, index=False)
    check.update("blurry", quiet=True, path=path)
    new = check.read_reference(path).merge(old, on=["method", "dataset"], suffixes=("", "_old"))
    found = new[(new["method"] == "blurry") & new["dataset"].str.endswith("-samples")]
    assert len(found)
    assert (found["psnr"] - found["psnr_old"]).abs().max() < 0.01
    assert (found["tolerance"] == 0.3).all()  # edited by hand
    assert (new.loc[new["method"] == "known-kernel", "psnr"] == 1).all()
    with pytest.raises(BenchError, match="no-such-method"):
        check.update("no-such-method", quiet=True, path=path)


def test_a_method_made_worse_on_purpose_is_caught(tmp_path: Path) -> None:
    def leave_large(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if name in ("__pycache__", "weights", "record")}

    for room in ("bench", "methods", "datasets", "results"):
        shutil.copytree(ROOT / room, tmp_path / room, symlinks=True, ignore=leave_large)
    for weights in (ROOT / "methods").rglob("weights"):
        (tmp_path / weights.relative_to(ROOT)).symlink_to(weights)
    path = tmp_path / "methods" / "known_kernel.py"
    line = "tv_deconvolve(y, kernel, self.weight,"
    code = path.read_text()
    assert code.count(line) == 1
    path.write_text(code.replace(line, "tv_deconvolve(y, kernel, 30 * self.weight,"))
    done = subprocess.run(
        [sys.executable, "-m", "bench", "check", "--methods", "blurry,known-kernel", "--quiet"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    fallen = [line for line in done.stdout.splitlines() if line.startswith("fell")]
    assert len(fallen) == 3
    assert all("known-kernel on" in line and "before" in line for line in fallen)


def test_compare_tells_a_worse_run(bench: Bench) -> None:
    common = ("run", "--datasets", "tiny", "--methods", "half", "--quiet")
    bench(*common, "--out", "old")
    bench(*common, "--out", "new")
    same = bench("compare", "old", "new")
    assert same.returncode == 0
    assert "0 significant" in same.stdout
    frame = pd.read_csv(bench.folder / "new" / "scores.csv", dtype={"image": str})
    frame["psnr"] -= 1
    frame.to_csv(bench.folder / "new" / "scores.csv", index=False)
    worse = bench("compare", "old", "new", "--metrics", "psnr")
    assert worse.returncode == 1
    assert "| half " in worse.stdout
    assert "There is no metric 'colour'" in bench.refused(
        "compare", "old", "new", "--metrics", "colour"
    )


def test_images_restored_elsewhere_land_in_the_table(bench: Bench) -> None:
    done = bench("export", "tiny", "observations", "--images", "4")
    assert done.returncode == 0, done.stderr
    done = bench("score", "observations", "--name", "nothing-done", "--origin", "me, by hand")
    assert done.returncode == 0, done.stderr
    assert "origin: me, by hand" in done.stdout
    frame = pd.read_csv(bench.folder / "runs" / "scored" / "scores.csv")
    assert (frame["origin"] == "me, by hand").all()
    bench(
        "run",
        "--datasets",
        "tiny",
        "--methods",
        "blurry",
        "--images",
        "4",
        "--out",
        "out",
        "--quiet",
    )
    ours = pd.read_csv(bench.folder / "out" / "scores.csv")
    assert frame["psnr"].to_numpy() == pytest.approx(ours["psnr"].to_numpy(), abs=0.01)
    assert "with a manifest" in bench.refused("score", "out", "--name", "x")


def test_a_sweep_leaves_its_curves(bench: Bench) -> None:
    done = bench(
        *("sweep", "noise", "--methods", "known-kernel", "--datasets", "svhn"),
        *("--values", "0.01,0.1", "--images", "2", "--out", "out", "--quiet"),
    )
    if done.returncode == 2:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    points = pd.read_csv(bench.folder / "out" / "curves.csv")
    assert len(points) == 4
    assert (bench.folder / "out" / "curves.svg").stat().st_size > 1000
