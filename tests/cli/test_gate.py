"""``check``, ``compare``, ``export``, ``score`` and ``sweep`` as a user sees them."""

from __future__ import annotations

import argparse
import hashlib
import importlib.resources
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench import gate
from bench.cli import check as command
from bench.errors import BenchError, Unavailable
from bench.gate import perturbation, reference, rows, stability
from bench.methods.deconvolution import tv
from bench.methods.engineered import octave_session
from tests.conftest import ROOT, Bench

EVERYTHING = {"full": False, "update": False, "measure_tolerance": False, "workers": 1}


def check(*options: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", "check", "--quiet", *options],
        cwd=folder, capture_output=True, text=True, timeout=1200, check=False,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip


def test_the_gate_holds() -> None:
    """Every piece and method is where the reference says; run by ``make test`` and so by CI."""
    done = check()
    assert not [line for line in done.stdout.splitlines() if line.startswith("fell")], done.stdout
    try:
        octave_session.find_octave()
    except Unavailable as error:
        pytest.skip(f"What needs Octave could not be checked: {error}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_whoever_changes_the_reference_says_so() -> None:
    digits = hashlib.sha256((ROOT / "results" / "reference.csv").read_bytes()).hexdigest()[:8]
    assert digits in (ROOT / "CHANGELOG.md").read_text(), (
        f"results/reference.csv was changed: name {digits} in CHANGELOG.md and say why."
    )


def test_the_reference_comes_with_the_package() -> None:
    packaged = importlib.resources.files("bench.gate") / "reference.csv"
    assert packaged.read_bytes() == (ROOT / "results" / "reference.csv").read_bytes()
    lines = reference.read().values()
    assert {"piece", "quick"} <= {line.part for line in lines}
    assert all(len(line.values) == rows.IMAGES for line in lines if line.part != "piece")
    assert all(line.tolerance <= 0.5 for line in lines)


def test_updating_one_method_leaves_the_other_lines(tmp_path: Path) -> None:
    path = tmp_path / "reference.csv"
    old = reference.read()
    wrong = {
        key: reference.Line(line.part, line.name, line.on, 0.3, (1.0,) * len(line.values))
        for key, line in old.items()
        if line.name in ("blurry", "known-kernel", "tv", "metrics")
    }
    reference.write(wrong.values(), path)
    _, complaints = gate.update("blurry,tv", workers=1, quiet=True, path=path)
    new = reference.read(path)
    assert not complaints
    assert new.keys() == wrong.keys()
    for key, line in new.items():
        assert line.tolerance == 0.3  # edited by hand
        measured = old[key].values if line.name in ("blurry", "tv") else wrong[key].values
        assert line.values == pytest.approx(measured, abs=0.002, rel=1e-4)
    with pytest.raises(BenchError, match="no-such-method"):
        gate.update("no-such-method", quiet=True, path=path)


def test_new_lines_need_no_data_and_what_fails_keeps_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "reference.csv"
    kept = reference.Line("quick", "unet", "svhn-samples", 0.02, (20.0,) * 8)
    reference.write([kept], path)

    def measured(pairs: list[tuple[str, str]], *how: object) -> dict[tuple[str, str], rows.Row]:
        found = rows.Row((25.0,) * 8, direct=True)
        broken = rows.Row(status="failed", reason="No weights.")
        return {pair: broken if pair[0] == "unet" else found for pair in pairs}

    monkeypatch.setattr(rows, "run", measured)
    names = "unet,known-kernel,known-kernel-lmmse,published-dd"
    _, complaints = gate.update(names, path=path)
    assert complaints == ["unet on svhn-samples: failed: No weights."]
    lines = reference.read(path)
    assert lines[kept.key] == kept
    assert lines["known-kernel", "celeba-samples"].part == "quick"
    assert lines["known-kernel-lmmse", "celeba-samples"].part == "full"
    assert {line.part for line in lines.values() if line.name == "published-dd"} == {"full"}


def test_code_made_worse_on_purpose_is_caught(tmp_path: Path) -> None:
    def leave_large(folder: str, names: list[str]) -> set[str]:
        return {name for name in names if name in ("__pycache__", "weights", "record")}

    for part in ("bench", "methods", "datasets", "results"):
        shutil.copytree(ROOT / part, tmp_path / part, symlinks=True, ignore=leave_large)
    for weights in (ROOT / "methods").rglob("weights"):
        (tmp_path / weights.relative_to(ROOT)).symlink_to(weights)
    for name, line, worse in (
        ("oracles/known_kernel.py", "tv_deconvolve(y, kernel, self.weight,", ("self", "30 * self")),
        ("marginal/likelihood.py", "residual.abs().square() / a + a.log()", ("a.", "0.9 * a.")),
    ):
        path = tmp_path / "methods" / name
        code = path.read_text()
        assert code.count(line) == 1
        path.write_text(code.replace(line, line.replace(*worse)))
    done = check(
        *("--methods", "blurry,known-kernel,tv,evidence of svhn,objective on svhn"),
        folder=tmp_path,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    fallen = {line.split(":")[0] for line in done.stdout.splitlines() if line.startswith("fell")}
    assert {line.removeprefix("fell").strip() for line in fallen} == {
        "known-kernel on celeba-samples",
        "known-kernel on shoes-samples",
        "known-kernel on svhn-samples",
        "evidence of svhn (value)",
        "evidence of svhn (gradient)",
    }


def test_a_piece_that_moves_by_a_part_in_a_thousand_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert all(finding.ok for finding in gate.check("tv,noise level"))
    right = tv.tuned_weight
    monkeypatch.setattr(tv, "tuned_weight", lambda *known: 1.01 * right(*known))
    found = {finding.line.on: finding for finding in gate.check("tv,noise level")}
    assert not found["circular"].ok
    assert found["64 pixels"].ok


def test_what_cannot_be_checked_is_counted_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("OCTAVE_EXECUTABLE", raising=False)
    monkeypatch.setattr(octave_session, "_SESSION", octave_session.OctaveSession())
    names = {"methods": "step of ep,noise level", "quiet": True}
    assert command.run(argparse.Namespace(**EVERYTHING, **names)) == 1
    printed = capsys.readouterr().out
    assert "2 of 4 lines hold." in printed
    assert "2 could not be checked: GNU Octave is not installed" in printed


def test_tolerances_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, report = tmp_path / "reference.csv", tmp_path / "gate.md"
    chosen = [line for line in reference.read().values() if line.name == "blurry"]
    reference.write(chosen[:1], path)
    monkeypatch.setattr(stability, "PERTURBATIONS", perturbation.PERTURBATIONS[:2])
    unstable = gate.measure_stability("blurry", workers=1, quiet=True, path=path, report=report)
    assert not unstable
    (line,) = reference.read(path).values()
    assert line.tolerance == 0.02
    assert "| blurry | celeba-samples | +0.000 " in " ".join(report.read_text().split())
    assert len(pd.read_csv(report.with_suffix(".csv"))) == 2


def test_the_tolerance_covers_what_rounding_does_to_the_median() -> None:
    steady = np.linspace(20, 27, 8)
    lost = np.array([0, 0, 3, 0, 0, -4, 0, 0])
    still = {"as it is": tuple(steady), "other": tuple(steady + 1e-3)}
    few = {"as it is": tuple(steady), "other": tuple(steady + lost)}
    all_of_them = {"as it is": tuple(steady), "other": tuple(steady + 2)}
    assert stability.tolerance(still, least=0.02) == 0.02
    assert stability.tolerance(few, least=0.2) == 0.2
    assert stability.tolerance(all_of_them, least=0.02) == 0.5
    assert stability.needed(all_of_them) > 0.5
    assert stability.bistable(few) == {2: pytest.approx(3), 5: pytest.approx(4)}


def test_compare_tells_a_worse_run(bench: Bench) -> None:
    common = ("run", "--datasets", "tiny", "--methods", "half", "--quiet")
    bench(*common, "--output", "old")
    bench(*common, "--output", "new")
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
        "--output",
        "out",
        "--quiet",
    )
    ours = pd.read_csv(bench.folder / "out" / "scores.csv")
    assert frame["psnr"].to_numpy() == pytest.approx(ours["psnr"].to_numpy(), abs=0.01)
    assert "with a manifest" in bench.refused("score", "out", "--name", "x")


def test_a_sweep_leaves_its_curves(bench: Bench) -> None:
    done = bench(
        *("sweep", "noise", "--methods", "known-kernel", "--datasets", "svhn"),
        *("--values", "0.01,0.1", "--images", "2", "--output", "out", "--quiet"),
    )
    if done.returncode == 2:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    points = pd.read_csv(bench.folder / "out" / "curves.csv")
    assert len(points) == 4
    assert (bench.folder / "out" / "curves.svg").stat().st_size > 1000
