"""Pairs of blurred and sharp photographs of one's own, in every layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.datasets.pairs import BlurredDataset, find_pairs
from bench.errors import BenchError, InvalidInput
from bench.harness import scores
from bench.harness.columns import METRICS
from bench.harness.plan import load_dataset
from bench.metrics import score
from bench.physics.condition import Condition, effective
from bench.physics.observation import observe
from bench.protocol import Alignment, Sample, Status
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


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Two photographs large enough for their naturalness to be measured, and a small one."""
    large = np.kron(SMOOTH, np.ones((3, 4, 1), np.uint8))
    picture(tmp_path / "photographs" / "a.png", large // 2 + np.roll(large, 3, 1) // 2)
    picture(tmp_path / "photographs" / "b.png", np.roll(large, 5, 0))
    picture(tmp_path / "photographs" / "small.png")
    return tmp_path / "photographs"


def test_photographs_without_truth(tmp_path: Path, photographs: Path) -> None:
    dataset = load_dataset(f"folder:{photographs}?truth=unknown&kernel_size=9")
    observed = observe(dataset, 0, effective(Condition(), dataset))
    assert observed.sample.image.isnan().all()
    assert observed.sample.image.shape == observed.observation.shape
    assert observed.task(dataset, Condition(noise=None), "cpu").kernel_size == (9, 9)

    lone = tmp_path / "lone"
    picture(lone / "blur" / "a.png")
    assert load_dataset(f"folder:{lone}").truth_unknown

    assert not load_dataset(f"folder:{photographs}").truth_unknown
    with pytest.raises(InvalidInput, match="truth='no'; give 'known' or 'unknown'"):
        load_dataset(f"folder:{photographs}?truth=no")
    with pytest.raises(InvalidInput, match="no boundary to choose"):
        load_dataset(f"folder:{photographs}?truth=unknown&boundary=valid")
    picture(photographs / "a.jpg")
    with pytest.raises(InvalidInput, match="two photographs a; rename one"):
        load_dataset(f"folder:{photographs}?truth=unknown")


class Liar(BlurredDataset):
    """Says that nobody knows the truth, and has one."""

    name = "liar"

    def __init__(self) -> None: ...

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        image = torch.full((3, 16, 16), 0.5)
        return Sample(0, "a", image, torch.full((3, 3), float("nan")), "none", image)


def test_a_truth_where_none_is_declared_is_refused() -> None:
    with pytest.raises(InvalidInput, match="has an image, and its set says that nobody knows it"):
        observe(Liar(), 0, Condition(noise=None))


def test_photographs_without_truth_are_shown_and_measured(bench: Bench, photographs: Path) -> None:
    done = bench(
        *("run", "--methods", "blurry,sparse-edges,known-kernel", "--quiet", "--workers", "1"),
        *("--datasets", f"folder:{photographs}", "--truth", "unknown", "--kernel-size", "9"),
        *("--output", "shown"),
    )
    assert done.returncode == 0, done.stderr
    frame = scores.read(bench.folder / "shown")
    oracle = frame[frame["method"] == "known-kernel"]
    assert set(oracle["status"]) == {Status.NOT_APPLICABLE}
    found = frame[frame["method"] == "sparse-edges"].sort_values("image")
    assert found["psnr"].isna().all()
    assert (found["sharpness"] >= 0).all()
    assert found["naturalness"].notna().tolist() == [True, True, False]

    assert "PSNR" not in done.stdout
    assert "sharpness index" in (bench.folder / "shown" / "table.md").read_text("utf-8")
    assert "there is no truth to be near to" in done.stdout
    reported = bench("report", "--results", "shown", "--output", "shown-report")
    assert reported.returncode == 0, reported.stderr
    assert "There is no truth" in (bench.folder / "shown-report" / "index.html").read_text("utf-8")


def test_the_truth_makes_measures_that_need_none_superfluous() -> None:
    image = torch.rand(1, 1, 200, 200, generator=torch.Generator().manual_seed(1))
    kernel = torch.full((1, 3, 3), 1 / 9)
    known = score(image, kernel, image / 2, kernel, Alignment())
    unknown = score(image, kernel, image * float("nan"), kernel * float("nan"), Alignment())
    for name, metric in METRICS.items():
        assert bool(known[name].isnan()) != metric.needs_truth
        assert bool(unknown[name].isnan()) == metric.needs_truth
