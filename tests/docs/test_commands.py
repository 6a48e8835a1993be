"""The commands of the documentation run, in a folder that has what they name, on fewer images."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from tests.conftest import ROOT, Bench
from tests.docs.test_docs import PAGES, commands

ELSEWHERE = {
    "check": "tests/cli/test_gate.py",
    "selftest": "it would run the suite in the suite",
    "train": "tests/cli/test_train.py, with recipes of a minute",
    "import-weights": "tests/methods/test_weights.py, with files of its own",
    "data fetch": "it wants the network; tests/datasets/test_fetch.py has a server of its own",
    "benchmark": "it wants a GPU",
    "--device cuda": "it wants a GPU",
    "--parallel-config": "tests/cli/test_clusters.py",
    "-j 4": "it is a run like the others, of a dozen methods",
}
"""What is not run here, by words of the command, and where it is or why it is nowhere."""
SAMPLES = {"celeba": "celeba-samples", "shoes": "shoes-samples"}
"""In place of data sets that have to be fetched."""
PHOTOGRAPHS = {"sharp": data.astronaut()[80:208, 150:310], "other": data.coffee()[100:228, 200:360]}

pytestmark = pytest.mark.long


def short(line: str) -> list[str]:
    """The words of a command after ``python -m bench``, of one image where it measures."""
    words = shlex.split(line, comments=True)
    words = words[words.index("bench") + 1 :]
    if words[0] in ("run", "export"):
        words = [SAMPLES.get(word, word) for word in words] + ["--images", "1"]
    return words


def elsewhere(words: list[str]) -> bool:
    text = f" {' '.join(words)} "
    return any(f" {known} " in text for known in ELSEWHERE)


def write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1])


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, plugins: Path) -> Bench:
    """A folder with pictures, the runs that are compared and merged, and the example's method."""
    folder = tmp_path_factory.mktemp("reader")
    for name, image in PHOTOGRAPHS.items():
        seen = cv2.blur(image, (1, 9))
        write(folder / "pictures" / f"{name}.png", image)
        write(folder / "pairs" / "sharp" / f"{name}.png", image)
        write(folder / "pairs" / "blur" / f"{name}.png", seen)
        write(folder / "blurred" / f"{name}.png", seen)
    for name in ("photo.jpg", "one.jpg", "two.tif"):
        write(folder / name, cv2.blur(PHOTOGRAPHS["sharp"], (1, 9)))
    (folder / "results").symlink_to(ROOT / "results")
    text = (ROOT / "CONTRIBUTING.md").read_text()
    example = re.search(r"```python\n(import torch\n.*?class BoxWiener.*?)```", text, re.DOTALL)
    assert example
    (folder / "wiener.py").write_text(example[1])
    info = folder / "wiener-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: wiener\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[bench.methods]\nbox-wiener = wiener:BoxWiener\n")
    bench = Bench(folder, plugins)
    for place, methods in {"before": "blurry,unet", "mine": "dd"}.items():
        given = ("run", "-m", methods, "-d", "celeba-samples", "-n", "1", "-q")
        assert bench(*given, "-o", f"runs/{place}").returncode == 0
    for place, origin in {
        "after": "before",
        "default": "before",
        "here": "before",
        "there": "mine",
    }.items():
        shutil.copytree(folder / "runs" / origin, folder / "runs" / place)
    assert bench("export", "celeba-samples", "restored", "-n", "1").returncode == 0
    return bench


def test_what_is_not_run_here_is_on_a_page() -> None:
    lines = [f" {' '.join(short(line))} " for page in PAGES for line in commands(page)]
    for known in ELSEWHERE:
        assert any(f" {known} " in line for line in lines), known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_run(page: Path, prepared: Bench) -> None:
    for line in commands(page):
        words = short(line)
        if elsewhere(words):
            continue
        variables = {}
        if "box-wiener" in line:
            own = [prepared.environment["PYTHONPATH"], str(prepared.folder)]
            variables = {"PYTHONPATH": os.pathsep.join(own)}
        if words[0] == "explain":
            words[-1] = "000"  # the only one of the short run
        done = prepared(*words, **variables)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        assert done.stdout.strip(), line
