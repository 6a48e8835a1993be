"""What ``bench list`` shows is read, not imported, and is what the classes say.

What the project's own classes say of themselves is written down in ``described.json``, in
``methods/``, ``datasets/`` and ``bench/metrics/``. After a change write both again:
``python -m tests.bench.test_listing``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench.datasets.places import place
from bench.harness import doctor, listing, startup_benchmark
from bench.harness.interview import Introduction, describe_class
from bench.harness.introductions import DatasetIntroduction
from bench.methods import needs
from bench.metrics.scoring import classes
from bench.registry import DATASETS, METHODS, Registry

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "numpy", "scipy", "pandas", "cv2", "skimage", "matplotlib", "bokeh", "requests")
UNREAD = {*HEAVY, "bench.methods.generators"} - {"numpy", "pandas"}
"""What a table is read and compared without."""
ASKED_OF_SAMPLES = ("published-dd", "published-dds")
"""Replays that find their images with the samples, so that their class misses nothing itself."""


def own(registry: Registry[Any]) -> list[str]:
    return [name for name, entry in registry.entries.items() if entry.origin == "bench"]


def without(about: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in about.items() if name != key}


def said() -> dict[str, dict[str, dict[str, Any]]]:
    """What the classes say, as the files have it."""
    fields = [field.name for field in dataclasses.fields(Introduction)]
    methods = {
        name: dataclasses.asdict(describe_class(METHODS.load(name))) for name in own(METHODS)
    }
    sets = {name: DatasetIntroduction.of(DATASETS.load(name)) for name in own(DATASETS)}
    metrics = {name: dataclasses.asdict(kind.describe()) for name, kind in classes().items()}
    return {
        "methods": {name: {key: about[key] for key in fields} for name, about in methods.items()},
        "datasets": {name: dataclasses.asdict(about) for name, about in sets.items()},
        "bench/metrics": {name: without(about, "name") for name, about in metrics.items()},
    }


def test_the_classes_say_what_is_written_down_of_them() -> None:
    for package, found in said().items():
        written = json.loads((ROOT / package / "described.json").read_text("utf-8"))
        assert json.loads(json.dumps(found)) == written


@pytest.mark.parametrize("data", ["here", "missing"])
def test_what_a_method_or_data_set_lacks_is_what_its_class_says(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if data == "missing":
        monkeypatch.setenv("BENCH_DATA", str(tmp_path))
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("OCTAVE_EXECUTABLE", raising=False)
    ready = {name: not doctor.judge(name).status for name in own(METHODS)}
    found = {name: not needs.lacking(name) for name in own(METHODS)}
    for name in ASKED_OF_SAMPLES:
        del ready[name], found[name]
    assert found == ready
    assert {name: place(name) for name in own(DATASETS)} == {
        name: DATASETS.load(name).location() for name in own(DATASETS)
    }


def test_every_line_of_the_list_is_complete() -> None:
    lines = [*listing.methods(), *listing.datasets()]
    assert len(lines) >= len(own(METHODS)) + len(own(DATASETS))
    assert all(line.title not in ("", "?") for line in lines if line.origin == "bench")


@pytest.mark.parametrize(
    ("arguments", "spared"),
    [
        (["--help"], HEAVY),
        (["run", "--help"], HEAVY),
        (["list"], HEAVY),
        (["list", "--json"], HEAVY),
        (["table", "out"], sorted(UNREAD - {"scipy"})),  # its tests of significance are SciPy's
        (["table", "out", "--markdown"], sorted(UNREAD - {"scipy"})),
        (["compare", "out", "out"], sorted(UNREAD)),
    ],
)
def test_commands_import_what_they_use(
    arguments: list[str], spared: Sequence[str], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    header = (ROOT / "results" / "record" / "scores.csv").open().readlines()[:30]
    (tmp_path / "out" / "scores.csv").write_text("".join(header))
    code = (
        "import sys; from bench.cli import main\n"
        f"try: main({arguments!r})\n"
        "except SystemExit: pass\n"
        f"print(sorted(set({spared!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout
    assert done.stderr.splitlines()[-1] == "[]"


@pytest.mark.parametrize(("cost", "code"), [(1.0, 0), (1.9, 1)])
def test_a_start_that_costs_more_than_it_may_fails_the_check(
    cost: float, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cost of imports of PyTorch that take 2 s; reading tables may take 0.7 of them."""
    seconds = {startup_benchmark.YARDSTICK: 2.0, ("-c", "import bench.api"): 5.0}
    monkeypatch.setattr(startup_benchmark, "_cpu_seconds", lambda c: seconds.get(c, cost))
    assert startup_benchmark.run(argparse.Namespace(times=1, check=True)) == code
    assert f"| {cost:.2f} | {cost / 2:.2f} | 0.7 |" in capsys.readouterr().out
    assert startup_benchmark.run(argparse.Namespace(times=1, check=False)) == 0


if __name__ == "__main__":
    for package, table in said().items():
        text = json.dumps(table, indent=1, ensure_ascii=False) + "\n"
        (ROOT / package / "described.json").write_text(text, encoding="utf-8")
