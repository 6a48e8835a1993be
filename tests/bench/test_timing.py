"""Seconds that travel from one machine to another."""

from __future__ import annotations

import json
from pathlib import Path

import bench
from bench.harness import timing


def test_a_run_says_how_fast_its_machine_is_and_how_busy(tmp_path: Path) -> None:
    bench.run("blurry", "photos", images=1, out=tmp_path, workers=1)
    (run,) = json.loads((tmp_path / "provenance.json").read_text())
    assert 1e-4 < run["machine"]["calibration_seconds"] < 5
    assert timing.contended(run) in (True, False)
    assert timing.relative(2 * run["machine"]["calibration_seconds"], run) == 2


def test_runs_of_older_versions_say_nothing() -> None:
    assert timing.contended({}) is None
    assert timing.relative(1.0, {"machine": {}}) is None
    assert timing.contended({"machine": {"load_at_start": 3.0}})
