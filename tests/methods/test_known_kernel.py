"""The oracles with the true kernel, on synthetic images and, where they are, development images."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.errors import InvalidInput, NotApplicable, Unavailable
from bench.harness.plan import load_dataset
from bench.methods.deconvolution.tv import tuned_weight
from bench.methods.oracles import known_kernel
from bench.methods.oracles.known_kernel import KnownKernel, KnownKernelLMMSE, class_statistics
from bench.metrics import psnr
from bench.physics.condition import Condition
from bench.physics.forward import blur
from bench.physics.observation import observe
from bench.protocol import Task, Truth
from bench.registry import DATASETS

SVHN = Task("svhn", (32, 32), kernel_size=(9, 9))


def _pairs(
    count: int = 3, channels: int = 3, size: int = 32
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, channels, 6, 6, generator=draw)
    image = torch.nn.functional.interpolate(coarse, (size, size))
    kernel = torch.rand(count, 9, 9, generator=draw) ** 3
    kernel /= kernel.sum((1, 2), keepdim=True)
    noise = torch.randn(image.shape, generator=draw)
    return image, kernel, (blur(image, kernel) + 0.01 * noise).clamp(0, 1)


def test_true_kernel_restores():
    image, kernel, y = _pairs()
    restoration = KnownKernel(SVHN).deblur(y, Truth(image, kernel))
    assert (psnr(restoration.image, image) > psnr(y, image) + 5).all()
    assert restoration.kernel is not None
    assert torch.equal(restoration.kernel, kernel)


def test_true_image_is_not_looked_at():
    image, kernel, y = _pairs()
    seen = KnownKernel(SVHN).deblur(y, Truth(image, kernel))
    blind = KnownKernel(SVHN).deblur(y, Truth(torch.zeros_like(image), kernel))
    assert torch.equal(seen.image, blind.image)


def test_residual_is_the_noise():
    image, kernel, y = _pairs()
    residual = KnownKernel(SVHN).deblur(y, Truth(image, kernel)).residual
    assert residual is not None
    assert residual.shape == (3,)
    assert residual.tolist() == pytest.approx([0.01] * 3, rel=0.4)


def test_colour_with_a_free_boundary_and_its_residual():
    """The sample goes on beyond the border: what is not known there is no residual."""
    image, kernel, _ = _pairs(1, 3, 64)
    noise = torch.randn(1, 3, 56, 56, generator=torch.Generator().manual_seed(1))
    y = (blur(image, kernel, "valid") + 0.01 * noise).clamp(0, 1)
    truth = image[..., 4:60, 4:60]
    task = Task("natural", (56, 56), kernel_size=(9, 9), boundary="free")
    restoration = KnownKernel(task).deblur(y, Truth(truth, kernel))
    assert psnr(restoration.image, truth) > psnr(y, truth) + 1
    assert restoration.residual is not None
    assert restoration.residual.item() == pytest.approx(0.01, rel=0.4)


def test_grey_images_with_a_free_boundary():
    image, kernel, y = _pairs(1, 1, 48)
    task = Task("natural", (48, 48), channels=1, kernel_size=(9, 9), boundary="free")
    restoration = KnownKernel(task).deblur(y, Truth(image, kernel))
    assert restoration.image.shape == (1, 1, 48, 48)
    assert psnr(restoration.image, image) > psnr(y, image) + 1


def test_weight_is_the_tuned_one_unless_given():
    assert KnownKernel(SVHN).weight == tuned_weight("svhn", 0.01)
    assert KnownKernel(SVHN, weight=0.5).weight == 0.5
    assert set(KnownKernel.assets(SVHN)) == {"tv.toml"}


@pytest.mark.parametrize(
    "task",
    [
        Task("natural", (64, 64)),
        Task("celeba", (64, 64), boundary="free"),
        Task("celeba", (32, 32)),
        Task("celeba", (64, 64), channels=1),
    ],
)
def test_covariance_is_only_known_for_the_classes(task):
    with pytest.raises(NotApplicable):
        KnownKernelLMMSE.check_available(task)


def test_missing_archive_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    with pytest.raises(Unavailable, match="BENCH_DATA"):
        KnownKernelLMMSE.check_available(SVHN)


@pytest.fixture
def archive(monkeypatch, tmp_path):
    """A tiny archive of 8×8 images, and a count of how often it was learned from."""
    path, learned = tmp_path / "svhn.zip", []
    path.write_bytes(b"an archive")
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (200, 3, 8, 8), generator=draw, dtype=torch.uint8)

    def training_images(name: str) -> torch.Tensor:
        learned.append(name)
        return images

    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(known_kernel, "archive_path", lambda name: path)
    monkeypatch.setattr(known_kernel, "training_images", training_images)
    class_statistics.cache_clear()
    yield path, learned
    class_statistics.cache_clear()


def test_statistics_are_learned_once_and_kept(archive):
    _, learned = archive
    first = class_statistics("svhn")
    class_statistics.cache_clear()
    second = class_statistics("svhn")
    assert learned == ["svhn"]
    assert torch.equal(first.covariance, second.covariance)
    assert torch.equal(first.mean, second.mean)


def test_another_archive_is_learned_again(archive):
    path, learned = archive
    class_statistics("svhn")
    class_statistics.cache_clear()
    Path(path).write_bytes(b"another archive")
    class_statistics("svhn")
    assert len(learned) == 2


def test_linear_estimate_is_better_than_total_variation_on_development_images():
    location = DATASETS.load("svhn-val").location()
    if not location.found:
        pytest.skip(f"no training archive at {location.path}; set BENCH_DATA")
    dataset = load_dataset("svhn-val")
    observed = [observe(dataset, index, Condition()) for index in range(16)]
    y = torch.stack([item.observation for item in observed])
    truth = Truth(
        torch.stack([item.sample.image for item in observed]),
        torch.stack([item.sample.kernel for item in observed]),
    )
    task = Task("svhn", (32, 32))
    variation = KnownKernel(task).deblur(y, truth)
    linear = KnownKernelLMMSE(task).deblur(y, truth)
    blurry, tv, lmmse = (
        psnr(image, truth.image).mean() for image in (y, variation.image, linear.image)
    )
    assert tv > blurry + 6
    assert lmmse > tv + 1


def test_bad_input_is_refused():
    image, kernel, y = _pairs()
    y[1, 0, 3, 3] = float("nan")
    with pytest.raises(InvalidInput, match="Observation 1"):
        KnownKernel(SVHN).deblur(y, Truth(image, kernel))
