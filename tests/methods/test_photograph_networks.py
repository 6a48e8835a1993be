"""The networks for photographs: what they are trained on, that training resumes, their methods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.datasets.photos import Photos
from bench.errors import NotApplicable
from bench.methods.feedforward.photographs.method import UNetNatural
from bench.methods.feedforward.photographs.train import PhotographTrainer
from bench.methods.kernel_net.network import centre
from bench.methods.kernel_net.photographs.method import KernelNetNatural
from bench.methods.kernel_net.photographs.network import (
    WINDOW,
    WindowNetwork,
    estimate_kernel,
    windows,
)
from bench.methods.kernel_net.photographs.train import WindowTrainer
from bench.methods.training import photographs
from bench.methods.training.photographs import LARGEST, PhotographBatches, mixed_kernels, turned
from bench.methods.training.recipe import load_recipe
from bench.methods.training.trainer import Progress, checkpoint_path
from bench.metrics import kernel_similarity, psnr
from bench.physics import forward
from bench.physics.alignment import centroid
from bench.protocol import Task

TINY: dict[str, Any] = {"batch": 2, "steps": 4, "eval_every": 100, "save_every": 100}
UNET: dict[str, Any] = {"width": 6, "depth": (1, 1, 1, 1, 1), "image_size": 32}
TRAINERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "unet-photographs": (PhotographTrainer, UNET),
    "kernel-net-photographs": (WindowTrainer, {"width": 8, "blocks": 1}),
}


@pytest.fixture(autouse=True)
def few_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photographs, "BANK", 6)


@pytest.fixture(scope="module")
def pictures() -> list[Tensor]:
    draw = torch.Generator().manual_seed(0)
    coarse = torch.rand(3, 3, 20, 24, generator=draw)
    fine = torch.nn.functional.interpolate(coarse, (200, 240), mode="bicubic").clamp(0, 1)
    return [(255 * picture).to(torch.uint8) for picture in fine]


def photograph(side: int) -> Tensor:
    """Enlarge an embedded photograph, shape (1, 3, side, side)."""
    image = Photos()[0].image[None]
    return torch.nn.functional.interpolate(image, (side, side), mode="bicubic").clamp(0, 1)


def test_kernels_of_all_kinds_are_kernels_in_the_middle() -> None:
    kernels = mixed_kernels(6, "a test")
    assert kernels.shape == (6, LARGEST, LARGEST)
    assert (kernels >= 0).all()
    assert torch.allclose(kernels.sum((1, 2)), torch.ones(6), atol=1e-5)
    assert (centroid(kernels) - LARGEST // 2).abs().max() < 0.1
    assert len({int((kernel > 1e-3).sum()) for kernel in kernels}) > 3


def test_an_image_is_turned_in_eight_ways() -> None:
    image = torch.arange(6.0).view(1, 2, 3)
    ways = {str(turned(image, turn).tolist()) for turn in range(8)}
    assert len(ways) == 8


def test_batches_depend_on_seed_and_step_and_are_blurred(pictures: list[Tensor]) -> None:
    batches = PhotographBatches("a test", 0, pictures, 4, 32)
    sharp, observation, kernel = batches.batch(3)
    again = PhotographBatches("a test", 0, pictures, 4, 32).batch(3)
    for one, other in zip((sharp, observation, kernel), again, strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(observation, batches.batch(4)[1])
    assert sharp.shape == observation.shape == (4, 1, 32, 32)
    middle = forward.blur(sharp, centre(kernel, 31), "valid")
    assert (psnr(centre(observation, 2), middle) > 20).all()  # at most 5 % noise, no other model


@pytest.mark.parametrize("name", TRAINERS)
def test_resumed_training_equals_uninterrupted_training(
    name: str, pictures: list[Tensor], tmp_path: Path
) -> None:
    trainer, small = TRAINERS[name]
    recipe = load_recipe(name, **TINY, **small)
    whole = trainer(recipe, pictures, pictures)
    whole.train(tmp_path / "whole")
    half = trainer(recipe, pictures)
    while half.step < 2:
        half.advance()
    half.save(checkpoint_path(tmp_path / "cut", recipe.name), Progress())
    again = trainer(recipe, pictures, pictures)
    again.train(tmp_path / "cut")
    for key, value in again.average.state_dict().items():
        assert torch.equal(value, whole.average.state_dict()[key]), key


def test_the_kernel_network_does_not_see_the_seam() -> None:
    torch.manual_seed(0)
    network = WindowNetwork(width=8, blocks=1).eval()
    ramp = torch.linspace(0.2, 0.8, WINDOW).expand(1, 1, WINDOW, WINDOW)
    rows, cols = network.seen(ramp)[0, 1:3]
    assert rows.abs().max() < 1e-6
    assert cols[:, -1].abs().max() == 0
    assert cols.abs().max() < 0.03  # and no jump from the right border to the left one


@pytest.mark.parametrize("size", [(13, 13), (28, 28), (45, 45), (61, 55)])
def test_kernels_of_any_size_are_estimated(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    network = WindowNetwork(width=8, blocks=1).eval()
    grey = torch.rand(200, 260, generator=torch.Generator().manual_seed(0))
    kernel = estimate_kernel(network, grey, size)
    assert kernel.shape == size
    assert (kernel >= 0).all()
    assert float(kernel.sum()) == pytest.approx(1, abs=1e-5)


def test_the_windows_cover_a_photograph() -> None:
    grey = torch.arange(200.0 * 150).view(200, 150)
    found = windows(grey)
    assert all(window.shape == (WINDOW, WINDOW) for window in found)
    assert {float(grey[0, 0]), float(grey[-1, -1])} <= {
        float(value) for window in found for value in (window[0, 0], window[-1, -1])
    }


@pytest.mark.parametrize("boundary", ["circular", "free"])
def test_photographs_are_restored(boundary: Any) -> None:
    image = photograph(160)
    kernel = mixed_kernels(1, "a test")
    formation: Any = "circular" if boundary == "circular" else "replicate"
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    y = (forward.blur(image, kernel, formation) + 0.01 * noise).clamp(0, 1)
    task = Task("natural", (160, 160), noise=0.01, kernel_size=(35, 35), boundary=boundary)
    restored = UNetNatural(task).deblur(y)
    assert restored.kernel is None
    assert psnr(restored.image, image) > psnr(y, image) + 0.5
    found = KernelNetNatural(task).deblur(y)
    assert found.kernel is not None
    assert kernel_similarity(found.kernel, centre(kernel, 35)) > 0.6
    grey = UNetNatural(Task("natural", (160, 160), channels=1, boundary=boundary)).deblur(y[:, :1])
    assert torch.allclose(grey.image, restored.image[:, :1], atol=1e-6)


def test_classes_with_networks_of_their_own_and_small_images_are_refused() -> None:
    for method, name in ((UNetNatural, "'unet'"), (KernelNetNatural, "'kernel-net'")):
        with pytest.raises(NotApplicable, match=name):
            method(Task("svhn", (32, 32)))
    with pytest.raises(NotApplicable, match="is 64×64 to it"):
        KernelNetNatural(Task("natural", (64, 64)))
    with pytest.raises(NotApplicable, match="is 120×120 to it"):
        KernelNetNatural(Task("natural", (160, 160), kernel_size=(60, 60)))
