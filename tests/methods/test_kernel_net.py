"""The kernel network: what it returns, that it learns, and that its training resumes exactly."""

import json

import pytest
import torch

from bench.datasets.motion_blur import motion_blur_kernels
from bench.errors import NotApplicable, Unavailable
from bench.methods.kernel_net.loading import load_card, load_network
from bench.methods.kernel_net.method import KernelNet
from bench.methods.kernel_net.network import NETWORKS, centre, gradient_autocorrelation, kernels
from bench.methods.kernel_net.train import KernelTrainer, kernel_loss
from bench.methods.training.recipe import load_recipe, recipe_names
from bench.methods.training.trainer import Progress, checkpoint_path
from bench.physics.forward import blur
from bench.protocol import Task

TINY = {"width": 16, "blocks": 1, "batch": 4, "steps": 6, "eval_every": 100, "save_every": 100}


@pytest.fixture(scope="module")
def images():
    draw = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (12, 3, 32, 32), dtype=torch.uint8, generator=draw)


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("size", [32, 64])
def test_estimates_are_kernels_on_the_published_grid(size, kind):
    torch.manual_seed(0)
    network = NETWORKS[kind](size, width=8, blocks=1)
    estimate = network.estimate(torch.rand(3, 3, size, size))
    assert estimate.shape == (3, 28, 28)
    assert (estimate >= 0).all()
    assert torch.allclose(estimate.sum((1, 2)), torch.ones(3))


def test_autocorrelation_of_a_doubled_image_shows_the_distance():
    draw = torch.Generator().manual_seed(1)
    x = torch.rand(1, 1, 64, 64, generator=draw).expand(-1, 3, -1, -1)
    doubled = (x + x.roll((3, 5), (2, 3))) / 2
    lags = centre(gradient_autocorrelation(doubled), 28)[0, 0].clone()
    lags[12:17, 12:17] = 0  # the peak of zero lag
    row, col = divmod(int(lags.argmax()), 28)
    assert (row - 14, col - 14) in ((3, 5), (-3, -5))


def test_a_tiny_set_is_overfitted(images):
    recipe = load_recipe("kernel-net-svhn", **{**TINY, "steps": 300, "lr": 2e-3, "augment": ()})
    trainer = KernelTrainer(recipe, images[:4])
    _, observation, kernel = trainer.batches.batch(0)
    optimiser = trainer.optimisers["optimiser"]
    losses: list[float] = []
    while len(losses) < 200 and min(losses, default=1) >= 0.3:
        loss = kernel_loss(kernels(trainer.model(observation)), kernel)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[0] > 1
    assert losses[-1] < 0.3


def test_resumed_training_equals_uninterrupted_training(images, tmp_path):
    recipe = load_recipe("kernel-net-svhn", **TINY)
    whole = KernelTrainer(recipe, images, images)
    whole.train(tmp_path / "whole")
    half = KernelTrainer(recipe, images)
    while half.step < 3:
        half.advance()
    half.save(checkpoint_path(tmp_path / "cut", recipe.name), Progress())
    again = KernelTrainer(recipe, images, images)
    again.train(tmp_path / "cut")
    for key, value in again.average.state_dict().items():
        assert torch.equal(value, whole.average.state_dict()[key]), key


def test_every_recipe_is_of_a_class_with_its_image_size():
    for name in set(recipe_names("kernel_net")) - {"kernel-net-photographs"}:
        recipe = load_recipe(name)
        assert name == f"kernel-net-{recipe.image_class}"
        assert recipe.image_size == (32 if recipe.image_class == "svhn" else 64)


def test_unknown_classes_and_sizes_are_refused():
    with pytest.raises(Unavailable, match="no kernel network"):
        load_card("natural")
    with pytest.raises(NotApplicable, match="64×64"):
        KernelNet.check_available(Task("shoes", (32, 32)))


def test_a_changed_file_is_refused(tmp_path):
    card = {**load_card("shoes"), "file": "x", "sha256": "0"}
    (tmp_path / "kernel-net-shoes.json").write_text(json.dumps(card))
    (tmp_path / "x").write_bytes(b"other weights")
    with pytest.raises(Unavailable, match="do not match"):
        load_network("shoes", tmp_path)


def test_a_shoe_is_deblurred():
    from bench.datasets.generated import ShoesSamples

    images = torch.stack([ShoesSamples()[i].image for i in range(4)])
    kernel = motion_blur_kernels(4, 9, length=14)
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(0))
    y = (blur(images, kernel) + 0.01 * noise).clamp(0, 1)
    restored = KernelNet(Task("shoes", (64, 64))).deblur(y)
    before = (y - images).square().mean()
    assert (restored.image - images).square().mean() < before
