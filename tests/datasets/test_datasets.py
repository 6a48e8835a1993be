"""Datasets as the runner sees them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image

from bench.datasets import archives, levin, official
from bench.datasets.motion_blur import MotionBlur, motion_blur_kernels
from bench.datasets.paper import OUTPUTS, RANGE_OUTPUTS
from bench.datasets.photos import photo_crops
from bench.datasets.shaken_photos import softened, tremor
from bench.errors import BenchError, Unavailable
from bench.harness.plan import load_dataset
from bench.methods.oracles import range_oracle
from bench.physics.alignment import centroid
from bench.physics.condition import Condition, effective
from bench.physics.forward import blur
from bench.physics.observation import Observed, observe
from bench.registry import DATASETS
from bench.seeds import generator


@pytest.mark.parametrize("name", DATASETS.names())
def test_every_dataset_keeps_the_contract(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name.endswith("-range"):  # their images are fitted when first asked for
        brief = dataclasses.replace(range_oracle.PRESETS["fast"], steps=1)
        monkeypatch.setitem(range_oracle.PRESETS, "fast", brief)
        monkeypatch.setenv("BENCH_CACHE", str(tmp_path))
    place = DATASETS.load(name).location()
    if not place.found:
        pytest.skip(f"{name} is not at {place.path}")
    dataset = load_dataset(name)
    mixed = dataset.alignment == "half kernel"  # sets of whole photographs
    names = [dataset[index].name for index in range(len(dataset))]
    assert len(set(names)) == len(names) > 0
    for index in (0, len(dataset) - 1):
        sample = dataset[index]
        assert sample.image.shape[0] == dataset.channels
        sizes = zip(sample.image.shape[1:], dataset.image_size, strict=True)
        assert all(side == largest or (mixed and side < largest) for side, largest in sizes)
        assert sample.image.dtype == torch.float32
        assert (sample.observation is None) == (dataset.boundary != "free")
        if dataset.truth_unknown:
            assert sample.image.isnan().all()
            assert sample.kernel.isnan().all()
            continue
        assert sample.image.min() >= 0
        assert sample.image.max() <= 1
        assert sample.kernel.min() >= 0
        assert sample.kernel.sum() == pytest.approx(1, abs=1e-5)
        assert torch.equal(dataset[index].image, sample.image)


def test_the_published_sets(data: Path) -> None:
    sets = {name: load_dataset(name) for name in ("svhn", "shoes", "celeba")}
    assert [len(dataset) for dataset in sets.values()] == [100, 80, 80]
    kernels = [dataset[7].kernel for dataset in sets.values()]
    assert all(torch.equal(kernel, kernels[0]) for kernel in kernels)
    assert len({dataset[7].kernel_id for dataset in sets.values()}) == 1
    assert "dds_image" not in sets["svhn"][0].published
    for dataset in sets.values():
        published = dataset[7].published
        assert published["dd_kernel"].sum() == pytest.approx(1, abs=1e-5)
        sample = dataset[7]
        residual = published["dd_blurry"] - blur(sample.image[None], sample.kernel)[0]
        assert residual.std() < 0.012  # the noise: image i was blurred by kernel i


def test_levin_s_kernels_are_turned_to_convolve(data: Path) -> None:
    from bench.physics.alignment import align
    from bench.protocol import Alignment

    sample = load_dataset("levin")[9]
    assert sample.name == "im02_ker02"
    wide = Alignment(9, 0.25, 25)
    assert sample.kernel is not None
    assert sample.observation is not None
    as_read = blur(sample.image[None], sample.kernel)
    turned = blur(sample.image[None], sample.kernel.flip(0, 1))
    errors = []
    for blurred in (as_read, turned):
        aligned, target = align(blurred, sample.observation[None], wide)
        gain = (aligned * target).sum() / (aligned * aligned).sum()  # the camera's exposure
        errors.append((gain * aligned - target).std())
    assert errors[0] < 0.006
    assert errors[1] > 2 * errors[0]


def crop(path: Path) -> torch.Tensor:
    """The published top left corner of an observation, in levels of 8 bits."""
    return torch.from_numpy(np.array(Image.open(path), np.float32)).permute(2, 0, 1)


def published_crops(name: str, data: Path) -> Iterator[tuple[Observed, torch.Tensor]]:
    """Our observations, uncropped, beside the published crops."""
    folder = data / name / "published_crops"
    if not folder.is_dir():
        pytest.skip(f"There is no {folder}")
    dataset = load_dataset(name)
    numbers = {dataset[index].name: index for index in range(len(dataset))}
    condition = effective(Condition(), dataset)
    paths = sorted(folder.iterdir())
    assert len(paths) == 10
    for path in paths:
        yield observe(dataset, numbers[path.stem], condition), crop(path)


def test_text_is_made_as_it_was_published_bit_for_bit(data: Path) -> None:
    for observed, published in published_crops("text", data):
        assert torch.equal((observed.observation[:, :96, :96] * 255).round(), published)


def test_lai_is_made_as_it_was_published(data: Path) -> None:
    """Every published pixel lies where the model puts it, and so does every one of ours."""
    outside = 0
    for observed, published in published_crops("lai", data):
        corner, kernel = observed.sample.image[None, :, :144, :144].double(), observed.sample.kernel
        ours = (observed.observation[:, :96, :96] * 255).round()
        low, high = _interval(corner, kernel)
        for levels in (published, ours):
            assert ((low <= levels) & (levels <= high)).all()
        assert not torch.equal(ours, published)  # their noise is not known
        low, high = _interval(corner, kernel.flip(0, 1))
        outside += int(((published < low) | (published > high)).sum())
    assert outside > 10_000  # were the kernels not turned round


def _interval(image: torch.Tensor, kernel: torch.Tensor) -> list[torch.Tensor]:
    """The lowest and the highest level that uniform noise leaves for each pixel of a crop."""
    clean = blur(image, kernel, "replicate")[0, :, :96, :96]
    return [(255 * (clean + noise).clamp(0, 1)).round() for noise in (0, 0.01)]


def test_photographs_have_a_true_boundary(data: Path) -> None:
    for name, size in (("bsd68-levin", 19), ("bsd68-motion", 15)):
        dataset = load_dataset(name)
        assert len(dataset) == 68
        observed = observe(dataset, 0, Condition())
        sample = dataset[0]
        assert sample.kernel.shape == (size, size)
        height, width = sample.image.shape[1:]
        assert observed.observation.shape == (3, height - size + 1, width - size + 1)
        assert observed.sample.image.shape == observed.observation.shape
    sizes = {dataset[index].kernel.shape[0] for index in range(0, 68, 5)}
    assert sizes == set(range(15, 46, 2)) & sizes
    assert max(sizes) > 28


def test_motion_blur_matches_the_published_kernels(data: Path) -> None:
    published = torch.stack([load_dataset("svhn")[i].kernel for i in range(100)]).double()
    drawn = motion_blur_kernels(4000, seed=5).double()

    def facts(kernels: torch.Tensor) -> torch.Tensor:
        energy = kernels.square().sum((1, 2)).mean()
        support = (kernels > 0.01).double().sum((1, 2)).mean()  # of 1 % of the light or more
        return torch.stack([energy, kernels.amax((1, 2)).mean(), support])

    # 100 published kernels know these means to 4 to 6 % themselves; the agreement is closer.
    assert torch.allclose(facts(drawn) / facts(published), torch.ones(3).double(), atol=0.03)


def test_a_kernel_depends_on_its_index_alone() -> None:
    kernels = MotionBlur()
    batch = motion_blur_kernels(5, seed=3)
    assert torch.equal(kernels.kernel(4, seed=3), batch[4])
    assert not torch.equal(kernels.kernel(4, seed=4), batch[4])
    middle = torch.arange(28.0)
    assert float(batch[2].sum(1) @ middle) == pytest.approx(13.5, abs=0.05)


def test_validation_never_meets_training(data: Path) -> None:
    train, val = (archives.training_images("svhn", split) for split in ("train", "val"))
    assert len(train) + len(val) < len(archives.load_archive("svhn").images)  # guarded borders
    assert not set(map(hash_of, val)) & set(map(hash_of, train))
    faces = archives.training_images("celeba", "val")
    assert faces.shape == (1000, 3, 64, 64)
    stretched = archives.to_unit_range(faces[:5], "celeba")
    assert torch.allclose(stretched.amin((1, 2, 3)), torch.zeros(5))
    assert torch.allclose(stretched.amax((1, 2, 3)), torch.ones(5))


def hash_of(image: torch.Tensor) -> int:
    return hash(image.numpy().tobytes())


def test_colour_variants_of_a_shape_stay_together() -> None:
    draw = torch.Generator().manual_seed(0)
    coarse = torch.rand(6, 1, 8, 8, generator=draw)
    shapes = torch.nn.functional.interpolate(coarse, (64, 64), mode="nearest") > 0.6
    paint = torch.rand(2, 6, 3, 1, 1, generator=draw) * 0.8
    images = torch.where(shapes, paint, 1.0).flatten(0, 1)
    groups = archives.group_by_shape((images * 255).byte())
    assert (groups[:6] == groups[6:]).all()
    assert len(set(groups)) == 6


def test_photographs_need_no_data_and_tuning_has_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    assert len(load_dataset("photos")) == 24
    test, val = photo_crops("test"), photo_crops("val")
    assert not set(map(hash_of, test)) & set(map(hash_of, val))


def test_damaged_and_missing_files_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    with pytest.raises(Unavailable, match=r"svhn.npz.*data fetch"):
        load_dataset("svhn")
    for folder, name in (("paper", "svhn.npz"), ("train", "svhn.zip"), ("levin", "im01_ker01.mat")):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / name).write_bytes(b"not what it should be" * 20)
    with pytest.raises(BenchError, match=r"svhn.npz is damaged"):
        load_dataset("svhn")
    with pytest.raises(BenchError, match=r"svhn.zip is no whole archive"):
        archives.training_images("svhn")
    levin._read.cache_clear()
    with pytest.raises(BenchError, match=r"im01_ker01.mat is damaged"):
        load_dataset("levin")[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dd_image": np.zeros((100, 32, 32), np.uint8)}, r"'dd_image' as uint8 \(100, 32, 32\)"),
        ({"kernel": np.zeros((100, 28, 28), np.uint8)}, "'kernel' as uint8"),
        ({"range_image": None}, "is damaged"),
    ],
)
def test_a_published_set_of_other_arrays_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, change: dict[str, np.ndarray], words: str
) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    arrays: dict[str, Any] = {
        name: np.zeros((100, 28, 28) if "kernel" in name else (100, 32, 32, 3), np.uint8)
        for name in ("image", *OUTPUTS, *RANGE_OUTPUTS)
    }
    arrays = {**arrays, "kernel": np.zeros((100, 28, 28)), **change}
    (tmp_path / "paper").mkdir()
    path = tmp_path / "paper" / "svhn.npz"
    np.savez_compressed(path, **{k: v for k, v in arrays.items() if v is not None})
    with pytest.raises(BenchError, match=words):
        load_dataset("svhn")


def test_a_published_set_with_a_damaged_middle_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, data: Path
) -> None:
    whole = bytearray((data / "paper" / "svhn.npz").read_bytes())
    whole[len(whole) // 3 : len(whole) // 3 + 5000] = bytes(5000)
    (tmp_path / "paper").mkdir()
    (tmp_path / "paper" / "svhn.npz").write_bytes(whole)
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    with pytest.raises(BenchError, match=r"svhn.npz is damaged"):
        load_dataset("svhn")


def official_folders(root: Path) -> None:
    """Small folders of the official layout."""
    random = np.random.default_rng(0)
    (root / "svhn").mkdir(parents=True)
    for part, count in (("train", 1000), ("extra", 500)):
        digits = random.integers(0, 256, (32, 32, 3, count), dtype=np.uint8)
        scipy.io.savemat(root / "svhn" / f"{part}_32x32.mat", {"X": digits, "y": np.ones(count)})
    for folder, size, count in (
        ("celeba/img_align_celeba", (218, 178), 12),
        ("ut-zap50k-images/Boots/Ankle", (102, 136), 60),
    ):
        (root / folder).mkdir(parents=True)
        for index in range(count):
            pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
            name = f"{index:06d}" if "celeba" in folder else f"{index // 4}.{index % 4}"
            Image.fromarray(pixels).save(root / folder / f"{name}.jpg")


def test_official_distributions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    official_folders(tmp_path / "official")
    sizes = {"svhn": (1400, 74), "celeba": (11, 1), "shoes": (56, 1)}
    for name, expected_sizes in sizes.items():
        train, test = (official.READERS[name](split) for split in ("train", "test"))
        assert (len(train), len(test)) == expected_sizes
        groups = train._groups()  # digits by block of neighbours, shoes by model
        assert not set(groups[train.indices]) & set(groups[test.indices])
        side = 32 if name == "svhn" else 64
        assert test[0].shape == (3, side, side)
        assert test[0].min() >= 0
        assert test[0].max() <= 1
    stored = scipy.io.loadmat(tmp_path / "official/svhn/train_32x32.mat")["X"]
    digits = official.OfficialSVHN("train")
    first = next(i for i, index in enumerate(digits.indices) if index < 1000)
    expected = torch.from_numpy(stored[..., digits.indices[first]]).permute(2, 0, 1) / 255
    assert torch.equal(digits[first], expected)


def test_the_published_crop_and_frame() -> None:
    face = Image.new("RGB", (178, 218), "black")
    face.paste("white", (35, 55, 143, 163))  # the central 108×108
    assert (official.celeba_crop(face) == 255).all()
    shoe = Image.new("RGB", (136, 102), "black")
    frame = official.shoes_frame(shoe)
    assert (frame[:7] == 255).all()
    assert (frame[10:54] == 0).all()
    assert (frame[-7:] == 255).all()


def test_official_distributions_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="put the official distribution there"):
        official.OfficialSVHN(folder=tmp_path / "nothing")
    with pytest.raises(Unavailable, match="no images"):
        official.OfficialShoes(folder=tmp_path)


def test_a_lens_spreads_a_point_by_its_width() -> None:
    point = torch.zeros(1, 1, 31, 31)
    point[..., 15, 15] = 1
    assert torch.equal(softened(point, 0.0), point)
    spot = softened(point, 1.1)[0, 0]
    assert spot.sum() == pytest.approx(1, abs=1e-5)
    steps = torch.arange(31.0) - 15
    for axis in (0, 1):
        assert spot.sum(axis) @ steps.square() == pytest.approx(1.1**2, abs=1e-3)


def test_a_trembling_hand_rests_where_its_kernel_is_bright() -> None:
    kernels = torch.stack([tremor(21, generator("test", index)) for index in range(8)])
    assert kernels.sum((1, 2)) == pytest.approx([1.0] * 8, abs=1e-5)
    outer = kernels.clone()
    outer[:, 2:-2, 2:-2] = 0
    assert not outer.any()
    assert (centroid(kernels) - 10).abs().max() < 1e-3
    seen = [kernel[kernel > 0] for kernel in kernels]
    contrast = torch.stack([part.quantile(0.95) / part.median() for part in seen])
    assert contrast.mean() > 3
