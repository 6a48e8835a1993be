"""Kernels fitted to a restored image, and the learned step's second turn."""

from __future__ import annotations

import pytest
import torch

from bench.methods.generators.loading import load_generator
from bench.methods.learned.fitting import refitted
from bench.methods.learned.inputs import CHANNELS
from bench.methods.learned.network import calibrated, load_network, load_shares, symmetric
from bench.methods.learned.step import learned
from bench.methods.marginal.both import MarginalBoth
from bench.methods.marginal.estimate import Estimate
from bench.methods.marginal.refit import MarginalRefit
from bench.methods.marginal.search import unit_kernels
from bench.methods.marginal.steps import REFIT, restore
from bench.metrics import kernel_similarity
from bench.physics.forward import blur
from bench.protocol import Task

NOISE = 0.01
DIGITS = Task("svhn", (32, 32))


def _pair(rows: int = 4) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, Estimate]:
    """Draw a sharp image, its observation, the true kernel, and an estimate that is off."""
    source = torch.Generator().manual_seed(3)
    prior = load_generator("motion-blur")
    latent = torch.randn(rows + 1, prior.latent_size, generator=source)
    with torch.no_grad():
        kernels = unit_kernels(prior(latent))
    image = torch.rand(1, 3, 32, 32, generator=source)
    observation = blur(image, kernels[:1]) + NOISE * torch.randn(image.shape, generator=source)
    near = latent[:1] + 0.6 * (latent[1:] - latent[:1])
    with torch.no_grad():
        found = unit_kernels(prior(near))
    weight = torch.full((rows,), 1 / rows)
    zeros = torch.zeros(rows, 6)
    return image, observation, kernels[:1], Estimate(found, near, zeros, weight, weight, NOISE)


def test_a_sharp_image_tells_the_kernel() -> None:
    image, observation, kernel, estimate = _pair()
    fitted = refitted(observation, image, estimate, load_generator("motion-blur"))
    before, after = (float(kernel_similarity(e.kernel[:1], kernel)) for e in (estimate, fitted))
    assert after > max(0.97, before + 0.05)
    assert fitted.weight.sum().item() == pytest.approx(1)
    assert torch.equal(fitted.weight, fitted.weight.sort(descending=True).values)


def test_a_blurred_image_tells_no_kernel() -> None:
    # A fit to the observation itself ends near a point: nothing is made up beyond the image.
    _, observation, _, estimate = _pair()
    fitted = refitted(observation, observation, estimate, load_generator("motion-blur"))
    assert fitted.kernel[0].max() > estimate.kernel[0].max()


def test_a_turn_gives_an_image_and_the_kernel_that_was_fitted() -> None:
    _, observation, _, estimate = _pair()
    once = learned(observation, estimate, "svhn")
    image, kernel = restore(observation, estimate, "svhn", REFIT)
    assert image.shape == once.shape
    assert not torch.equal(image, once)
    assert kernel.shape == estimate.kernel[:1].shape
    assert kernel.sum().item() == pytest.approx(1, abs=1e-5)
    again = restore(observation, estimate, "svhn", REFIT)
    assert torch.equal(image, again[0])


def test_a_mirrored_question_has_the_mirrored_answer() -> None:
    network, shares = load_network(), load_shares("svhn")
    inputs = torch.rand(2, CHANNELS, 32, 32, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        image = symmetric(network, inputs, shares)
        assert (calibrated(network, inputs, shares) - image).abs().max() > 1e-3
        for axes in ((2,), (3,), (2, 3)):
            turned = symmetric(network, inputs.flip(axes), shares).flip(axes)
            assert torch.allclose(turned, image, atol=1e-5)


def test_it_shares_the_search_of_both_kinds_of_starts() -> None:
    assert MarginalRefit.stage({}) == MarginalBoth.stage({})
    assets = MarginalRefit.assets_for(DIGITS, {})
    assert set(MarginalBoth.assets_for(DIGITS, {})) < set(assets)
    assert "learned step" in MarginalRefit.knowledge({}).training
