"""The examples run as they are written, in short form, and each leaves its picture."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.docs.notebook import EXAMPLES, SCRIPT, notebook

SHORT = {
    "compare_two": "3",
    "first_table": "1",
    "own_folder": "96",
    "own_method": "2",
    "read_record": "",
}
"""What each is given here: fewer images, or smaller ones."""
LONG = {"own_folder"}


def run(code: Path | str, folder: Path, *arguments: str) -> str:
    """Run a script, or code, in a folder; return what it prints."""
    words = [str(code)] if isinstance(code, Path) else ["-c", code]
    environment = {
        **os.environ,
        "PYTHONPATH": str(EXAMPLES.parent),
        "OMP_NUM_THREADS": "1",
        "MPLBACKEND": "agg",
    }
    done = subprocess.run(
        [sys.executable, *words, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run_here() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == SHORT.keys()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.long] if name in LONG else []) for name in SHORT],
)
def test_an_example_runs_and_leaves_its_picture(name: str, tmp_path: Path) -> None:
    script = EXAMPLES / f"{name}.py"
    assert len(script.read_text(encoding="utf-8").splitlines()) < 40
    assert run(script, tmp_path, *filter(None, [SHORT[name]])).strip()
    for picture in (tmp_path / f"{name}.png", EXAMPLES / f"{name}.png"):
        with Image.open(picture) as drawn:
            levels = np.asarray(drawn.convert("L"))
        assert levels.min() < 64
        assert levels.max() > 192


def test_the_notebook_is_the_script(tmp_path: Path) -> None:
    written = SCRIPT.with_suffix(".ipynb").read_text(encoding="utf-8")
    assert written == notebook(SCRIPT), "run python -m tests.docs.notebook"
    cells = [cell for cell in json.loads(written)["cells"] if cell["cell_type"] == "code"]
    assert len(cells) == 3
    printed = run("\n".join("".join(cell["source"]) for cell in cells), tmp_path)
    assert "known-kernel" in printed


def test_the_documentation_shows_every_example() -> None:
    page = (EXAMPLES.parent / "docs" / "examples.md").read_text(encoding="utf-8")
    for name in SHORT:
        assert f"examples/{name}.png" in page
        assert f'--8<-- "{name}.py"' in page
