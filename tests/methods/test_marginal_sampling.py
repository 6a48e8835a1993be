"""Kernels drawn from their tempered posterior, and starts of two kinds."""

import dataclasses
from typing import Any, cast

import pytest
import torch
from torch import Tensor

from bench.datasets.generated import SVHNSamples
from bench.methods.generators.loading import Prior
from bench.methods.marginal.both import MarginalBoth
from bench.methods.marginal.estimate import Estimator
from bench.methods.marginal.halving import Halving
from bench.methods.marginal.likelihood import MarginalLikelihood
from bench.methods.marginal.method import Marginal
from bench.methods.marginal.model import load_model
from bench.methods.marginal.sampling import Sampling, draw_kernels
from bench.methods.marginal.search import Annealing
from bench.methods.marginal.settings import load_settings, settings_checksum
from bench.methods.marginal.warm import MarginalWarm
from bench.protocol import Task
from tests.methods.test_marginal import LineKernels, blurred_face  # noqa: F401
from tests.methods.test_marginal_method import Lines

DIGITS = Task("svhn", (32, 32))
PLAN = Sampling(steps=12, settle=4, every=4, temperature=4.0)


def test_draws_have_the_mean_and_the_variance_of_a_gaussian_posterior():
    draw = torch.Generator().manual_seed(0)
    precision, centre, spread = torch.tensor([12.0, 40.0]), torch.tensor([1.5, -0.5]), 0.5

    def evidence(latents: Tensor, scales: Tensor) -> Tensor:
        return (precision * (latents - centre).square()).sum(1) / 2 + 0 * scales.sum(1)

    plan = Sampling(steps=260, settle=120, every=10, temperature=4.0)
    chains = 300
    latents, scales, values = draw_kernels(
        evidence,
        torch.zeros(chains, 2),
        torch.zeros(chains, 6),
        spread,
        plan,
        lambda: torch.randn(chains, 8, generator=draw),
    )
    assert latents.shape == (chains, plan.draws, 2)
    assert scales.shape == (chains, plan.draws, 6)
    assert values.shape == (chains, plan.draws)
    tempered = precision / plan.temperature
    expected = tempered * centre / (tempered + 1)
    assert torch.allclose(latents.flatten(0, 1).mean(0), expected, atol=0.05)
    assert torch.allclose(latents.flatten(0, 1).var(0), 1 / (tempered + 1), rtol=0.15)
    assert torch.allclose(scales.flatten(0, 1).std(0), torch.tensor(spread), rtol=0.1)
    first, size = latents[0, 0], scales[0, 0] / spread
    prior = plan.temperature * (first.square().sum() + size.square().sum()) / 2
    assert values[0, 0] == pytest.approx(
        float(evidence(latents[0, :1], scales[0, :1])[0] + prior), rel=1e-4
    )


@pytest.fixture
def drawing() -> Estimator:
    settings = dataclasses.replace(
        load_settings("celeba"),
        annealing=Annealing(steps=12, rate=0.3),
        halving=Halving(coarse_steps=6, survivors=2),
        sampling=PLAN,
    )
    return Estimator("celeba", load_model("celeba"), cast(Prior, Lines()), settings)


def test_every_survivor_is_drawn_from_and_the_generator_says_what(drawing, blurred_face):  # noqa: F811
    y, starts = blurred_face[0][0], torch.tensor([[-2.0], [2.0], [2.5]])

    def found(seed: int) -> Tensor:
        return drawing.estimate(y, starts, torch.Generator().manual_seed(seed)).evidence

    assert len(found(1)) == 2 * PLAN.draws
    assert torch.equal(found(1), found(1))
    assert not torch.equal(found(1), found(2))
    assert drawing.evaluations(3) == 3 * 6 + 2 * (6 + PLAN.steps)


def test_observations_that_are_drawn_for_together_have_their_own_draws(drawing, blurred_face):  # noqa: F811
    y, starts = blurred_face[0][0], torch.tensor([[-2.0], [2.5]])
    both = drawing.estimate_together(
        torch.stack([y, y.flip(2)]), [starts, starts], [torch.Generator().manual_seed(1), None]
    )
    alone = drawing.estimate(y, starts, torch.Generator().manual_seed(1))
    assert torch.allclose(both[0].evidence, alone.evidence, rtol=1e-3)
    assert both[1].evidence.shape == alone.evidence.shape


def test_small_systems_in_one_batch_have_the_evidence_that_they_have_one_by_one(blurred_face):  # noqa: F811
    y, _ = blurred_face
    model = load_model("celeba")
    kernel = LineKernels()(torch.tensor([[-2.0], [0.5], [2.5]]))[:, 0]
    alone, together = (MarginalLikelihood(model, 0.01, together=how) for how in (False, True))
    spectrum = alone.observe(y)[0]
    assert torch.allclose(together(spectrum, kernel), alone(spectrum, kernel), rtol=1e-5)


def test_only_the_checksum_of_a_class_that_draws_depends_on_how(monkeypatch):
    before = {name: settings_checksum(name) for name in ("svhn", "celeba")}
    monkeypatch.setattr(Sampling, "__repr__", lambda self: "otherwise")
    assert settings_checksum("celeba") == before["celeba"]
    assert settings_checksum("svhn") != before["svhn"]


def test_half_of_the_starts_are_random_and_half_are_near_the_networks_kernel():
    y = SVHNSamples()[0].image
    brief: dict[str, Any] = {"restarts": 2, "search_steps": 3}
    method = MarginalBoth(DIGITS, **brief)
    starts = method.starts(y, torch.Generator().manual_seed(0))
    warm = MarginalWarm(DIGITS, **brief).starts(y, torch.Generator().manual_seed(0))
    random = Marginal(DIGITS, **brief).starts(y, torch.Generator().manual_seed(0))
    assert len(starts) == method.settings.restarts == 4
    assert torch.equal(starts[:2], random)
    assert torch.equal(starts[2], warm[0])
    halving = load_settings("svhn").halving
    assert method.settings.halving.survivors == 2 * halving.survivors
    rows = {row.stage(brief) for row in (Marginal, MarginalWarm, MarginalBoth)}
    assert len(rows) == 3


def test_shoes_whose_starts_are_all_searched_to_the_end_get_half_as_many_of_each_kind():
    settings = load_settings("shoes")
    assert settings.halving.survivors == settings.restarts
    assert MarginalBoth(Task("shoes", (64, 64))).settings.restarts == settings.restarts
    assert MarginalBoth(DIGITS).settings.restarts == 2 * load_settings("svhn").restarts
