"""What ``bench list`` shows is read, not imported, and is what the classes say.

What the project's own classes say of themselves is written down in ``described.json``, in
``methods/`` and in ``datasets/``. After a change write both again:
``python -m tests.bench.test_listing``.
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.datasets.places import place
from bench.harness import doctor, listing
from bench.harness.interview import Introduction, describe_class
from bench.methods import needs
from bench.registry import DATASETS, METHODS, Registry

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "numpy", "scipy", "pandas", "cv2", "skimage", "matplotlib", "bokeh", "requests")
ASKED_OF_SAMPLES = ("published-dd", "published-dds")
"""Replays that find their images with the samples, so that their class misses nothing itself."""


def own(registry: Registry[Any]) -> list[str]:
    return [name for name, entry in registry.entries.items() if entry.origin == "bench"]


def said() -> dict[str, dict[str, dict[str, Any]]]:
    """What the classes say, as the files have it."""
    fields = [field.name for field in dataclasses.fields(Introduction)]
    methods = {
        name: dataclasses.asdict(describe_class(METHODS.load(name))) for name in own(METHODS)
    }
    return {
        "methods": {name: {key: about[key] for key in fields} for name, about in methods.items()},
        "datasets": {name: {"title": DATASETS.load(name).title} for name in own(DATASETS)},
    }


def test_the_classes_say_what_is_written_down_of_them() -> None:
    found = json.loads(json.dumps(said()))
    assert found == {"methods": METHODS.described, "datasets": DATASETS.described}


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
        (["table", "out"], ("matplotlib", "bokeh", "skimage", "cv2", "bench.methods.generators")),
        (["compare", "out", "out"], ("matplotlib", "bokeh", "bench.methods.generators")),
    ],
)
def test_commands_import_what_they_use(
    arguments: list[str], spared: tuple[str, ...], tmp_path: Path
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


if __name__ == "__main__":
    for package, table in said().items():
        text = json.dumps(table, indent=1, ensure_ascii=False) + "\n"
        (ROOT / package / "described.json").write_text(text, encoding="utf-8")
