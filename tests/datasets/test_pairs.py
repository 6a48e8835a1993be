"""Pairs of blurred and sharp photographs of one's own, in every layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.datasets.pairs import find_pairs
from bench.errors import BenchError, InvalidInput
from bench.harness import scores
from bench.harness.plan import load_dataset
from bench.physics.observation import Condition, effective, observe
from bench.protocol import Status
from tests.conftest import Bench

DRAW = np.random.default_rng(3)
SMOOTH = np.kron(DRAW.integers(40, 215, (9, 11, 3)), np.ones((8, 8, 1))).astype(np.uint8)


def picture(path: Path, pixels: np.ndarray = SMOOTH) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.mark.parametrize(
    ("blurred", "sharp", "name"),
    [
        ("blur/a.png", "sharp/a.png", "a"),
        ("GOPR0384_11_00/blur/000047.png", "GOPR0384_11_00/sharp/000047.png",
         "GOPR0384_11_00-000047"),
        ("scene001/blur/blur_7.png", "scene001/gt/gt_7.png", "scene001-7"),
        ("dog_blur.png", "dog_sharp.png", "dog"),
        ("dog_Blurred.jpg", "dog_GT.png", "dog"),
    ],
)  # fmt: skip
def test_layouts(tmp_path: Path, blurred: str, sharp: str, name: str) -> None:
    picture(tmp_path / blurred)
    picture(tmp_path / sharp)
    (pair,) = find_pairs(tmp_path)
    assert pair == (name, tmp_path / blurred, tmp_path / sharp)


def test_a_blurred_photograph_without_its_sharp_one_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "blur" / "a.png")
    picture(tmp_path / "sharp" / "b.png")
    with pytest.raises(InvalidInput, match=r"blur/a.png has no sharp"):
        find_pairs(tmp_path)
    lone = tmp_path / "lone"
    picture(lone / "blur" / "a.png")
    with pytest.raises(InvalidInput, match="bench deblur"):
        load_dataset(f"folder:{lone}")


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two pairs, of other sizes, the second softer."""
    soft = SMOOTH // 2 + np.roll(SMOOTH, 1, 1) // 2
    picture(tmp_path / "pairs" / "sharp" / "a.png")
    picture(tmp_path / "pairs" / "blur" / "a.png", soft)
    picture(tmp_path / "pairs" / "sharp" / "b.png", SMOOTH[:64])
    picture(tmp_path / "pairs" / "blur" / "b.png", soft[:64])
    return tmp_path / "pairs"


def test_noise_is_estimated_and_said_to_be_unknown(pairs: Path) -> None:
    (pairs / "dataset.toml").write_text("kernel_size = 9\n")
    dataset = load_dataset(f"folder:{pairs}")
    condition = effective(Condition(), dataset)
    assert str(condition) == "noise unknown, seed 0"
    observed = observe(dataset, 0, condition)
    task = observed.task(dataset, condition, "cpu")
    assert task.kernel_size == (9, 9)
    assert task.boundary == "free"
    assert 0.002 <= task.noise < 0.2
    with pytest.raises(InvalidInput, match="nobody knows"):
        effective(Condition(0.04), dataset)


def test_pairs_take_no_kernels(pairs: Path) -> None:
    with pytest.raises(BenchError, match="no kernels to choose"):
        load_dataset(f"folder:{pairs}?kernels=levin")
    with pytest.raises(BenchError, match="kernel_size='wide'"):
        load_dataset(f"folder:{pairs}?kernel_size=wide")


def test_pairs_are_measured_without_code(bench: Bench, pairs: Path) -> None:
    done = bench(
        *("run", "--methods", "blurry,sparse-edges,known-kernel", "--quiet", "--workers", "1"),
        *("--datasets", f"folder:{pairs}", "--kernel-size", "9", "--output", "pairs-run"),
    )
    assert done.returncode == 0, done.stderr
    assert "not known, and an oracle is given them" in done.stderr
    frame = scores.read(bench.folder / "pairs-run")
    blurry = frame[frame["method"] == "blurry"]
    assert list(blurry["status"]) == [Status.OK, Status.OK]
    assert blurry["psnr"].notna().all()
    found = frame[frame["method"] == "sparse-edges"]
    assert found["psnr"].notna().all()
    assert found["kernel_similarity"].isna().all()
    assert set(frame["condition"]) == {"noise unknown, seed 0"}
    assert frame["noise"].isna().all()
