"""The learned step: its inputs, its examples, its training, and the rows that take it."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from bench.errors import InvalidInput, NotApplicable, Unavailable, UnknownName
from bench.methods.kernel_net.method import KernelNet
from bench.methods.learned import train
from bench.methods.learned.examples import load_plan
from bench.methods.learned.inputs import CHANNELS, network_inputs
from bench.methods.learned.method import KnownKernelLearned, Learned
from bench.methods.learned.network import build, calibrate
from bench.methods.learned.step import learned_deconvolve
from bench.methods.marginal.estimate import Estimate, single
from bench.methods.marginal.nonblind import mean_image, mean_kernel
from bench.methods.photographs.method import SparseEdges
from bench.methods.training.recipe import load_recipe
from bench.metrics import psnr
from bench.physics.alignment import centroid
from bench.physics.forward import blur
from bench.protocol import Task, Truth

TASK = Task("svhn", (32, 32))


@pytest.fixture(scope="module")
def digit():
    """An image with edges, a bar of a kernel, and a noisy observation, all centred."""
    image = torch.full((1, 3, 32, 32), 0.3)
    image[:, :, 8:24, 13:19] = 0.8
    image[:, 1, 12:16, 4:28] = 0.6
    kernel = torch.zeros(1, 28, 28)
    kernel[0, 13:15, 10:18] = 1 / 16
    draw = torch.Generator().manual_seed(0)
    y = blur(image, kernel) + 0.01 * torch.randn(image.shape, generator=draw)
    return image, kernel, y.clamp(0, 1)


def two_kernels(kernel):
    """An estimate of two kernels, the second of which counts for a quarter."""
    both = torch.cat([kernel, kernel.transpose(1, 2)])
    scales = torch.zeros(2, 6)
    weight = torch.tensor([0.75, 0.25])
    return Estimate(both, torch.zeros(2, 1), scales, weight, torch.zeros(2), 0.01)


def test_images_and_kernels_are_averaged_by_weight(digit):
    _, kernel, _ = digit
    estimate = two_kernels(kernel)
    images = torch.stack([torch.zeros(3, 4, 4), torch.ones(3, 4, 4)])
    assert mean_image(images, estimate).unique().tolist() == [0.25]
    assert mean_kernel(estimate.kernel, estimate).sum() == pytest.approx(1)


def test_inputs_hold_what_a_network_needs(digit):
    _, kernel, y = digit
    inputs, found = network_inputs(y, two_kernels(kernel), "svhn")
    assert inputs.shape == (1, CHANNELS, 32, 32)
    assert torch.equal(inputs[:, 6:9], y)
    assert inputs[:, 12].max() > 0  # the two kernels disagree
    assert inputs[:, 13].unique().tolist() == [0]  # 1 % of noise
    assert found.shape == kernel.shape
    alone, _ = network_inputs(y, single(kernel, 0.1), "svhn")
    assert alone[:, 12].abs().max() < 1e-3
    assert alone[:, 13].unique().tolist() == pytest.approx([1])


def test_the_step_restores_and_beats_what_it_begins_with(digit):
    image, kernel, y = digit
    restored = learned_deconvolve(y, kernel, "svhn")
    inputs, _ = network_inputs(y, single(kernel, 0.01), "svhn")
    assert 0 <= restored.min() <= restored.max() <= 1
    worse = min(psnr(inputs[:, :3], image), psnr(inputs[:, 3:6], image))
    assert psnr(restored, image) > worse > psnr(y, image)


def test_a_kernel_off_its_centre_is_centred_with_its_image(digit):
    _, kernel, y = digit
    inputs, centred = network_inputs(y, single(kernel, 0.01), "svhn")
    moved, found = network_inputs(y, single(kernel.roll((2, -1), (1, 2)), 0.01), "svhn")
    assert torch.allclose(found, centred, atol=1e-4)
    # Total variation knows no place; the Gaussian model does.
    assert (moved - inputs)[:, 3:6].abs().max() < 1e-3


def test_the_row_takes_another_method_s_kernel(digit):
    _, _, y = digit
    found = Learned(TASK, kernel_from="kernel-net").deblur(y)
    kernel = KernelNet(TASK).deblur(y).kernel
    assert found.image.shape == y.shape
    assert found.kernel is not None
    assert kernel is not None
    assert centroid(found.kernel)[0].tolist() == pytest.approx([13.5, 13.5], abs=0.1)
    assert torch.allclose(found.image, learned_deconvolve(y, kernel, "svhn"), atol=1e-5)


def test_the_oracle_takes_the_true_kernel(digit):
    image, kernel, y = digit
    found = KnownKernelLearned(TASK).deblur(y, Truth(image, kernel))
    assert torch.allclose(found.image, learned_deconvolve(y, kernel, "svhn"), atol=1e-6)


def test_assets_and_knowledge_follow_the_other_method():
    first = Learned.assets_for(TASK, {})
    second = Learned.assets_for(TASK, {"kernel_from": "l0"})
    assert "kernel-net-svhn" in first
    assert "kernel-net-svhn" not in second
    assert first["nonblind"] == second["nonblind"]
    either = Learned.knowledge({})
    assert either.training.startswith(KernelNet.knows.training)
    assert either.kernel_size, "what photographs' kernels come from is told the size"
    assert SparseEdges.knows.training in either.training


@pytest.mark.parametrize("name", ["known-kernel", "learned", "published-dd"])
def test_oracles_replays_and_itself_have_no_kernel_for_it(name):
    with pytest.raises(InvalidInput, match=name):
        Learned(TASK, kernel_from=name)


def test_unknown_methods_and_other_images_are_refused():
    with pytest.raises(UnknownName, match="kernel-nat"):
        Learned(TASK, kernel_from="kernel-nat")
    with pytest.raises(NotApplicable, match="32×32"):
        Learned(Task("svhn", (64, 64)))


def test_mirroring_and_colours_keep_inputs_and_images_together():
    images = torch.rand(4, 3, 8, 8)
    inputs = torch.cat([images, 0.5 * images, images, images, images[:, :2]], 1)
    turned = 0
    for step in range(6):
        draw = torch.Generator().manual_seed(step)
        seen, wanted = train.varied(inputs, images, draw)
        assert torch.equal(seen[:, :3], wanted)
        assert torch.equal(seen[:, 3:6], 0.5 * wanted)
        turned += not torch.equal(wanted, images)
    assert turned > 3


def test_training_fits_its_examples_and_repeats_itself():
    recipe = load_recipe("nonblind", width=8, batch=4, steps=60, lr=3e-3, classes=("svhn",))
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(6, 3, 16, 16, generator=draw)
    noisy = images + 0.1 * torch.randn(images.shape, generator=draw)
    inputs = torch.cat([noisy, noisy, noisy, noisy, noisy[:, :2]], 1).half()

    def losses(steps):
        trainer = train.NonBlindTrainer(recipe, [(inputs, images.half())])
        return [trainer.advance() for _ in range(steps)]

    first = losses(40)
    assert losses(2) == first[:2]
    assert sum(first[-5:]) < sum(first[:5])


def test_calibration_finds_the_shares_that_fit():
    network = build(8, (1, 1, 1, 1, 1))
    torch.nn.init.normal_(network.unet.exit.weight, std=0.1)
    inputs = torch.rand(2, CHANNELS, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        images = inputs[:, :3].lerp(inputs[:, 3:6], 0.3) + 0.6 * network.correction(inputs)
    assert calibrate(network, inputs, images) == pytest.approx((0.3, 0.6), abs=1e-3)


def test_examples_are_planned_per_class():
    plan = load_plan("svhn")
    assert dataclasses.replace(plan, searches=500).key() == plan.key()  # more of the same examples
    assert dataclasses.replace(plan, distance=1.0).key() != plan.key()
    with pytest.raises(Unavailable, match="'natural'"):
        load_plan("natural")
