"""The photographs' step: registration, inputs, examples, network, training, and rows that take
it."""

from __future__ import annotations

import dataclasses
import functools
import math

import pytest
import torch

from bench.errors import Unavailable
from bench.methods.feedforward.networks import UNet
from bench.methods.feedforward.photographs.network import reach, restore
from bench.methods.learned.method import KnownKernelLearned, Learned
from bench.methods.learned.network import calibrate, calibrated
from bench.methods.learned.photographs import network, train
from bench.methods.learned.photographs.examples import Examples, Maker, load_plan
from bench.methods.learned.photographs.inputs import (
    CHANNELS,
    LEVEL,
    SHARP,
    carried,
    plane_inputs,
)
from bench.methods.learned.photographs.step import photograph_deconvolve
from bench.methods.photographs.method import SparseEdges
from bench.methods.photographs.registration import image_offset, moved
from bench.methods.training.recipe import load_recipe
from bench.methods.training.trainer import Progress
from bench.metrics import psnr
from bench.physics.forward import blur
from bench.protocol import Task, Truth

DEPTH = (1, 1, 1, 1, 1)


def textured(channels: int, height: int, width: int) -> torch.Tensor:
    """Blocks of several sizes: edges at all places, in [0, 1]."""
    draw = torch.Generator().manual_seed(1)
    image = torch.zeros(1, channels, height, width)
    for cell in (3, 7, 17):
        coarse = torch.rand(1, channels, -(-height // cell), -(-width // cell), generator=draw)
        blocks = coarse.repeat_interleave(cell, 2).repeat_interleave(cell, 3)
        image += blocks[..., :height, :width] / 3
    return image


@pytest.fixture(scope="module")
def photograph():
    """A grey scene, a bent streak of 9×9, and its valid observation with 1 % of noise."""
    scene = textured(1, 96, 104)
    kernel = torch.zeros(1, 9, 9)
    kernel[0, range(1, 8), (2, 2, 3, 4, 5, 6, 6)] = 1 / 7
    y = blur(scene, kernel, "valid")
    draw = torch.Generator().manual_seed(0)
    return scene[..., 4:-4, 4:-4], kernel, (y + 0.01 * torch.randn(y.shape, generator=draw))


def unlike_at_start(width: int = 8, depth: tuple[int, ...] = DEPTH) -> network.PlaneNetwork:
    """A network whose correction is not zero, as it is before training."""
    torch.manual_seed(0)
    made = network.build(width, depth).eval()
    for parameter in made.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    return made


@pytest.mark.parametrize("offset", [(0.0, 0.0), (0.37, -0.61), (-5.2, 3.45)])
def test_a_truth_is_found_again_to_a_fiftieth_of_a_pixel(offset):
    truth = torch.nn.functional.avg_pool2d(textured(1, 120, 130), 3, 1, 1)[0]
    draw = torch.Generator().manual_seed(2)
    there = moved(truth, torch.tensor(offset))
    restored = there + 0.02 * torch.randn(truth.shape, generator=draw)
    assert image_offset(restored, truth).tolist() == pytest.approx(offset, abs=0.02)


def test_moving_goes_down_and_right_and_leaves_the_borders_sound():
    image = textured(1, 64, 64)[0]
    there = moved(image, torch.tensor([2.0, 3.0]))
    assert torch.allclose(there[:, 2:, 3:], image[:, :-2, :-3], atol=1e-5)
    half = moved(image, torch.tensor([0.5, 0.5]))
    assert half.min() > image.min() - 0.2


def test_what_is_left_is_carried_back_by_the_adjoint_of_the_blur(photograph):
    _, kernel, _ = photograph
    draw = torch.Generator().manual_seed(3)
    image, residual = torch.rand(2, 1, 1, 40, 30, generator=draw)
    forth = (blur(image[None], kernel) * residual).sum()
    back = (image * carried(residual[None], kernel, "circular")).sum()
    assert forth.item() == pytest.approx(back.item(), rel=1e-4)


def test_every_colour_is_an_example_of_its_own(photograph):
    _, kernel, y = photograph
    colour = torch.cat([y, 0.5 * y, y.flip(3)], 1)
    inputs = plane_inputs(colour, kernel, "free")
    assert inputs.shape == (3, CHANNELS, *y.shape[2:])
    assert torch.equal(inputs[:, 2], colour[0])
    assert inputs[:, 4].unique().numel() == 1
    rough = [(image[1:] - image[:-1]).abs().mean() for image in inputs[0, :2]]
    assert rough[0] > rough[1]  # the first weight is the smaller one
    assert SHARP == 1


def test_the_noise_that_is_named_counts_where_less_is_seen(photograph):
    _, kernel, y = photograph
    seen, named, less = (plane_inputs(y, kernel, "free", told) for told in (0.0, 0.05, 1e-4))
    assert named[0, 4].unique().item() == pytest.approx(math.log10(0.05 / LEVEL))
    assert torch.equal(seen, less)
    rough = [(inputs[0, 0, 1:] - inputs[0, 0, :-1]).abs().mean() for inputs in (seen, named)]
    assert rough[0] > rough[1]


def test_tiles_change_nothing():
    made = unlike_at_start()
    inputs = torch.rand(2, CHANNELS, 150, 133, generator=torch.Generator().manual_seed(0))
    margin, step = reach(DEPTH), functools.partial(calibrated, made, shares=(0.3, 0.7))
    whole = restore(step, inputs, "free", margin)
    tiled = restore(step, inputs, "free", margin, tile=40)
    assert torch.allclose(whole, tiled, atol=1e-6)
    careless = restore(step, inputs, "free", 8, tile=40)
    assert not torch.allclose(whole, careless, atol=1e-4)


def test_a_circular_image_has_no_border():
    made = unlike_at_start()
    inputs = torch.rand(1, CHANNELS, 40, 48, generator=torch.Generator().manual_seed(0))
    margin, step = reach(DEPTH), functools.partial(calibrated, made, shares=(0.3, 0.7))
    there = restore(step, inputs.roll((8, -16), (2, 3)), "circular", margin)
    here = restore(step, inputs, "circular", margin)
    assert torch.allclose(there, here.roll((8, -16), (2, 3)), atol=1e-5)


@pytest.mark.parametrize("boundary", ["free", "circular"])
@pytest.mark.parametrize("size", [(9, 9), (17, 30), (64, 41)])
def test_images_of_any_size_are_restored(photograph, size, boundary):
    _, kernel, y = photograph
    cut = y[..., : size[0], : size[1]].clamp(0, 1)
    restored = photograph_deconvolve(cut, kernel, boundary)
    assert restored.shape == cut.shape
    assert 0 <= restored.min() <= restored.max() <= 1


def test_the_step_restores_and_goes_where_the_kernel_has_it(photograph):
    image, kernel, y = photograph
    restored = photograph_deconvolve(y.clamp(0, 1), kernel, "free")
    inner = (..., slice(12, -12), slice(12, -12))
    assert psnr(restored[inner], image[inner]) > psnr(y[inner], image[inner]) + 3
    shifted = photograph_deconvolve(y.clamp(0, 1), kernel.roll((1, -1), (1, 2)), "free")
    back = shifted.roll((1, -1), (2, 3))
    assert psnr(back[inner], restored[inner]) > 30


def test_images_of_a_batch_are_restored_as_they_are_alone(photograph):
    _, kernel, y = photograph
    grey = photograph_deconvolve(y.clamp(0, 1), kernel, "free")
    both = photograph_deconvolve(
        torch.cat([y, y.flip(3)]).clamp(0, 1), kernel.repeat(2, 1, 1), "free"
    )
    assert torch.equal(both[:1], grey)


def test_the_row_takes_sparse_edges_unless_told(photograph):
    _, _, y = photograph
    y = y.clamp(0, 1)
    task = Task("natural", tuple(y.shape[2:]), 1, (9, 9), boundary="free")
    found = Learned(task).deblur(y)
    kernel = SparseEdges(task).estimate_kernel(y)
    assert found.kernel is not None
    assert torch.equal(found.kernel, kernel / kernel.sum())
    assert torch.allclose(found.image, photograph_deconvolve(y, kernel, "free"), atol=1e-5)
    assert found.residual is None
    named = Learned(task, kernel_from="pmp").deblur(y)
    assert named.kernel is not None
    assert not torch.equal(named.kernel, found.kernel)


def test_the_oracle_takes_the_true_kernel(photograph):
    image, kernel, y = photograph
    y = y.clamp(0, 1)
    for boundary in ("free", "circular"):
        task = Task("faces", tuple(y.shape[2:]), 1, (9, 9), boundary=boundary)
        found = KnownKernelLearned(task).deblur(y, Truth(image, kernel))
        assert torch.equal(found.image, photograph_deconvolve(y, kernel, boundary, "true"))
        assert not torch.equal(found.image, photograph_deconvolve(y, kernel, boundary))
        assert (found.residual is None) == (boundary == "free")


def test_assets_are_the_photographs_where_no_class_is_known():
    task = Task("natural", (64, 64), boundary="free")
    first, second = Learned.assets_for(task, {}), Learned.assets_for(task, {"kernel_from": "pmp"})
    assert first[network.NAME] == second[network.NAME]
    assert "version of sparse-edges" in first
    assert "version of pmp" in second
    assert network.NAME not in Learned.assets_for(Task("svhn", (32, 32)), {})
    assert KnownKernelLearned.assets(task)[network.NAME] == first[network.NAME]


def test_without_weights_a_sentence_says_how_they_are_made(tmp_path):
    with pytest.raises(Unavailable, match="bench train nonblind-photographs"):
        network.load_network(tmp_path)


def test_calibration_finds_the_shares_that_fit():
    made = unlike_at_start()
    inputs = torch.rand(2, CHANNELS, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        images = inputs[:, :1].lerp(inputs[:, 1:2], 0.3) + 0.6 * made.correction(inputs)
    assert calibrate(made, inputs, images) == pytest.approx((0.3, 0.6), abs=1e-3)


def examples(count: int = 6) -> Examples:
    """Noise on blocks: something to learn."""
    draw = torch.Generator().manual_seed(0)
    images = textured(count, 40, 40).transpose(0, 1)
    noisy = images + 0.1 * torch.randn(images.shape, generator=draw)
    inputs = noisy.repeat(1, CHANNELS, 1, 1)
    known = torch.arange(count) % 3 == 0
    return Examples(inputs.half(), images.half(), known)


@pytest.fixture(scope="module")
def recipe():
    small = {"width": 8, "depth": DEPTH, "batch": 4, "part": 24, "steps": 60, "lr": 3e-3}
    return load_recipe(network.NAME, **small)


def test_parts_are_turned_with_their_images():
    whole = examples()
    exact = dataclasses.replace(whole, inputs=whole.images.repeat(1, CHANNELS, 1, 1))
    inputs, images = train.parts(exact, 12, 24, torch.Generator().manual_seed(0))
    assert inputs.shape == (12, CHANNELS, 24, 24)
    assert torch.equal(inputs[:, :1], images)
    assert len({float(image.sum()) for image in images}) > 6


def test_training_fits_its_examples(recipe):
    trainer = train.PhotographTrainer(recipe, examples(), examples())
    before = trainer.evaluate()
    losses = [trainer.advance() for _ in range(40)]
    assert sum(losses[-5:]) < sum(losses[:5])
    assert before.keys() == trainer.evaluate().keys() == {"estimated", "true"}


def test_resumed_training_equals_uninterrupted_training(recipe, tmp_path):
    whole = train.PhotographTrainer(recipe, examples(), examples())
    for _ in range(6):
        whole.advance()
    first = train.PhotographTrainer(recipe, examples(), examples())
    for _ in range(3):
        first.advance()
    first.save(tmp_path / "half.safetensors", Progress())
    second = train.PhotographTrainer(recipe, examples(), examples(), fresh=False)
    second.resume(tmp_path / "half.safetensors")
    for _ in range(3):
        second.advance()
    for name, value in whole.average.state_dict().items():
        assert torch.equal(value, second.average.state_dict()[name]), name


def test_what_is_exported_is_calibrated_for_estimated_and_for_true_kernels(recipe, tmp_path):
    trainer = train.PhotographTrainer(recipe, examples(), examples())
    trainer.advance()
    card = trainer.export(Progress(), tmp_path)
    found = card["validation"]
    assert (found["estimated"]["images"], found["true"]["images"]) == (4, 2)
    for kernels in ("estimated", "true"):
        assert network.load_shares(kernels, tmp_path) == tuple(found[kernels]["shares"])


def test_an_example_depends_on_its_number_alone():
    plan = dataclasses.replace(load_plan(), side=96)
    assert plan.key() != load_plan().key()
    assert dataclasses.replace(plan, searches=5).key() == plan.key()
    try:
        maker = Maker(plan, "val")
    except Unavailable as missing:
        pytest.skip(str(missing))
    both, second = maker.make(range(2, 4)), maker.make(range(3, 4))
    assert both.inputs.shape[1:] == (CHANNELS, 96, 96)
    assert torch.equal(both.inputs[-len(second) :], second.inputs)
    assert second.known.all()  # every fourth held-out one
    truth, smooth = both.images[:, 0].float(), both.inputs[:, 1].float()
    assert psnr(smooth[:, None], truth[:, None]).min() > 15


def test_the_network_knows_no_more_than_its_reach():
    made = unlike_at_start(depth=(1, 2, 3, 2, 1))
    side = 2 * reach((1, 2, 3, 2, 1)) + 3 * UNet.multiple
    inputs = torch.zeros(1, CHANNELS, side, side, requires_grad=True)
    middle = side // 2
    (slope,) = torch.autograd.grad(made.correction(inputs)[0, 0, middle, middle], inputs)
    seen = slope.abs().sum((0, 1)).nonzero()
    assert (seen - middle).abs().max() <= reach((1, 2, 3, 2, 1))
