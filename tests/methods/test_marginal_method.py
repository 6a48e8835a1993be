"""``marginal`` and its search with most starts dropped early."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import pytest
import torch

from bench.datasets.generated import ShoesSamples
from bench.errors import InvalidInput, NotApplicable
from bench.methods.generators.loading import Prior
from bench.methods.marginal.estimate import Estimator
from bench.methods.marginal.halving import Descent, Halving, coarse, search_halving
from bench.methods.marginal.likelihood import MarginalLikelihood
from bench.methods.marginal.method import Marginal
from bench.methods.marginal.model import load_model
from bench.methods.marginal.search import Annealing, search
from bench.methods.marginal.settings import load_settings
from bench.methods.marginal.steps import restore
from bench.methods.marginal.tv import MarginalTV
from bench.methods.marginal.warm import MarginalWarm
from bench.physics.forward import blur
from bench.protocol import Task
from bench.protocol.stages import Stages
from tests.methods.test_marginal import LineKernels, blurred_face, total_power  # noqa: F401

TASK = Task("celeba", (64, 64))
BRIEF: dict[str, Any] = {"restarts": 3, "search_steps": 4}


class Lines(LineKernels):
    """The line kernels as a prior with a name."""

    name = "lines"


@pytest.fixture
def estimator():
    settings = dataclasses.replace(
        load_settings("celeba"),
        annealing=Annealing(steps=30, rate=0.3, penalty=0.0),
        halving=Halving(coarse_steps=12, survivors=2),
    )
    return Estimator("celeba", load_model("celeba"), cast(Prior, Lines()), settings)


def test_the_coarse_model_keeps_the_power_and_is_several_times_smaller():
    model = load_model("celeba")
    rough = coarse(model)
    assert torch.allclose(total_power(rough), total_power(model), rtol=1e-3, atol=1e-6)
    sizes = [
        sum(len(part) * part.shape[1] for part in MarginalLikelihood(m, 0.01).components)
        for m in (rough, model)
    ]
    assert sizes[0] < sizes[1] / 5


def test_without_dropping_the_search_is_the_plain_one(blurred_face):  # noqa: F811
    y, _ = blurred_face
    likelihood = MarginalLikelihood(load_model("celeba"), 0.01)
    spectrum = likelihood.observe(y)[0]
    starts, plan = torch.tensor([[-2.0], [2.5]]), Annealing(steps=6, rate=0.3)
    plain, _, values = search(likelihood, spectrum, LineKernels(), starts, plan)
    descent = Descent(LineKernels(), starts, plan)
    descent.run(likelihood, spectrum, plan.steps)
    assert torch.allclose(descent.latents, plain, atol=1e-4)
    # Values hang on the last digit of a latent: the two starts are hundreds apart.
    assert torch.allclose(descent.values(likelihood, spectrum), values, rtol=5e-5)


def test_bad_starts_are_dropped_and_survivors_come_best_first(blurred_face):  # noqa: F811
    y, latent = blurred_face
    model = load_model("celeba")
    likelihood = MarginalLikelihood(model, 0.01)
    found, scales, values = search_halving(
        likelihood,
        MarginalLikelihood(coarse(model), 0.01),
        likelihood.observe(y)[0],
        LineKernels(),
        torch.tensor([[-4.0], [-2.0], [2.5], [6.0]]),
        Annealing(steps=30, rate=0.3, penalty=0.0),
        Halving(coarse_steps=12, survivors=2),
    )
    assert found.shape == (2, 1)
    assert scales.shape == (2, 6)
    assert values[0] <= values[1]
    assert (found[0] - latent[0]).abs() < 0.3


def test_kernels_count_by_their_evidence_and_equal_ones_equally(estimator, blurred_face):  # noqa: F811
    y, _ = blurred_face
    found = estimator.estimate(y[0], torch.tensor([[-2.0], [2.5], [2.5]]))
    assert found.weight.sum() == pytest.approx(1)
    assert (found.weight.diff() <= 0).all()
    # Rounding differs between rows and the descent amplifies it, to less than a nat.
    twice = estimator.estimate(y[0], torch.tensor([[2.5], [2.5]]))
    assert twice.weight.tolist() == pytest.approx([0.5, 0.5], abs=0.05)


def test_rows_that_differ_in_the_step_share_a_search(monkeypatch, blurred_face):  # noqa: F811
    y, _ = blurred_face
    calls: list[Estimator] = []
    found = Estimator.estimate

    def counted(self, *given):
        calls.append(self)
        return found(self, *given)

    monkeypatch.setattr(Estimator, "estimate", counted)
    shared = Stages()
    for row in (Marginal(TASK, **BRIEF), MarginalTV(TASK, **BRIEF)):
        row.stages = shared
        row.deblur(y.clamp(0, 1))
    assert len(calls) == 1
    assert Marginal.stage(BRIEF) == MarginalTV.stage({**BRIEF, "final_step": "tv"})
    assert Marginal.stage(BRIEF) != Marginal.stage({}) != MarginalWarm.stage({})


@pytest.mark.parametrize("step", ["posterior-mean", "tv"])
def test_a_step_restores_what_the_kernel_blurred(estimator, blurred_face, step):  # noqa: F811
    y, latent = blurred_face
    y = y.clamp(0, 1)
    found = estimator.estimate(y[0], torch.tensor([[-2.0], [2.5]]))
    image, kernel = restore(y, found, "celeba", step)
    assert image.shape == y.shape
    assert kernel.sum() == pytest.approx(1)
    assert (blur(image, kernel) - y).square().mean().sqrt() < 0.03
    truth = LineKernels()(latent)[0, 0]
    assert (kernel[0] - truth).norm() < 0.3 * truth.norm()


def test_shoes_are_searched_by_sparse_evidence_too():
    image = ShoesSamples()[0].image[None]
    kernel = torch.zeros(1, 28, 28)
    kernel[0, 14, 10:19] = 1 / 9
    y = blur(image, kernel).clamp(0, 1)
    restored = MarginalTV(Task("shoes", (64, 64)), **BRIEF).deblur(y)
    count = load_settings("shoes", **BRIEF)
    assert count.sparse_steps == BRIEF["search_steps"]
    assert restored.records["evidence_evaluations"].tolist() == [3 * 4 + 3 * 4]


def test_unknown_steps_negative_numbers_and_other_tasks_are_refused():
    with pytest.raises(InvalidInput, match="non-blind step 'best'"):
        Marginal(TASK, final_step="best")
    with pytest.raises(InvalidInput, match="restarts=-1"):
        Marginal(TASK, restarts=-1)
    with pytest.raises(NotApplicable, match="64×64"):
        Marginal.check_available(Task("celeba", (32, 32)))
    with pytest.raises(NotApplicable, match="free"):
        Marginal.check_available(dataclasses.replace(TASK, boundary="free"))


def test_a_row_depends_on_the_assets_of_its_step():
    mean, tv = Marginal.assets(TASK), MarginalTV.assets(TASK)
    assert "tv.toml" in tv
    assert "tv.toml" not in mean
    assert Marginal.assets_for(TASK, {"final_step": "tv"}) == tv
