"""Deep Deblur: the objectives are the paper's, the published steps are the code's, and it works."""

import dataclasses
import math
from typing import Any

import pytest
import torch

from bench.datasets.motion_blur import motion_blur_kernels
from bench.errors import InvalidInput, NotApplicable, Unavailable
from bench.methods.deep_deblur import methods, published
from bench.methods.deep_deblur import solver as solver_module
from bench.methods.deep_deblur.grid import to_grid
from bench.methods.deep_deblur.methods import DeepDeblur, DeepDeblurSlack
from bench.methods.deep_deblur.objective import Weights, best_free_image, deep_deblur, slack_terms
from bench.methods.deep_deblur.settings import Descent, load_settings
from bench.methods.deep_deblur.solver import Solver
from bench.methods.generators.loading import check_generator, load_generator
from bench.methods.marginal.model import load_model
from bench.metrics import kernel_similarity, psnr
from bench.physics.alignment import centroid
from bench.physics.forward import blur
from bench.protocol import Task
from bench.protocol.stages import Stages

TASK = Task("svhn", (32, 32))


@pytest.fixture(scope="module")
def pair():
    """Two digits that the prior drew, blurred and with noise."""
    image = load_generator("svhn").sample(7, 2)
    kernel = motion_blur_kernels(2, 3, length=10)
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    return image, kernel, (blur(image, kernel) + 0.01 * noise).clamp(0, 1)


def test_objectives_are_the_papers_sums(pair):
    image, kernel, y = pair
    free, latents = (image + 0.1).clamp(0, 1), (torch.ones(2, 100), torch.ones(2, 50))
    weights = Weights(latent=0.5, slack=3.0, variation=0.2)
    first = ((y - blur(image, kernel)) ** 2).sum((1, 2, 3)) + 0.5 * 150
    assert torch.allclose(deep_deblur(y, image, kernel, latents, weights), first, rtol=1e-4)
    down, right = free.roll(-1, 2) - free, free.roll(-1, 3) - free
    variation = (down**2 + right**2).sum(1).sqrt().sum((1, 2))
    second = ((y - blur(free, kernel)) ** 2).sum((1, 2, 3)) + 0.2 * variation
    second = second + 3 * ((free - image) ** 2).sum((1, 2, 3))
    assert torch.allclose(slack_terms(y, free, image, kernel, weights), second, rtol=1e-3)


def test_free_image_minimises_equation_5(pair):
    image, kernel, y = pair
    weights = Weights(latent=0.0, slack=0.05, variation=4e-3)
    best = best_free_image(y, image, kernel, weights)
    value = slack_terms(y, best, image, kernel, weights)
    draw = torch.Generator().manual_seed(1)
    for size in (0.003, 0.03):
        other = (best + size * torch.randn(best.shape, generator=draw)).clamp(0, 1)
        assert (slack_terms(y, other, image, kernel, weights) > value).all()
    assert (slack_terms(y, image, image, kernel, weights) > value).all()


def test_published_step_normalises_gradients_and_moves_the_kernel_first(pair):
    y = pair[2][0]
    image_prior, kernel_prior = load_generator("svhn"), load_generator("motion-blur")
    draw = torch.Generator().manual_seed(2)
    starts = (torch.randn(3, 100, generator=draw), torch.randn(3, 50, generator=draw))

    def loss(latent, kernel_latent):
        spectrum = torch.fft.fft2(blur(image_prior(latent), kernel_prior(kernel_latent)[:, 0]) - y)
        held = latent.square().sum(1) + kernel_latent.square().sum(1)
        return spectrum.abs().square().sum((1, 2, 3)) + 0.01 * held

    z_image, z_kernel = starts
    for which in (1, 0):
        variables = [z.clone().requires_grad_() for z in (z_image, z_kernel)]
        (slope,) = torch.autograd.grad(loss(*variables).sum(), variables[which])
        step = 0.01 * slope / (slope.square().mean(1, keepdim=True).sqrt() + 1e-5)
        if which:
            z_kernel = z_kernel - step
        else:
            z_image = z_image - step
    found = published.deep_deblur(y, image_prior, kernel_prior, starts, 1)
    assert torch.allclose(found[4], z_kernel, atol=1e-5)
    assert torch.allclose(found[3], z_image, atol=1e-5)


def test_published_slack_step_is_adam_on_the_codes_loss(pair):
    y = pair[2][0]
    priors = load_generator("svhn"), load_generator("motion-blur")
    draw = torch.Generator().manual_seed(2)
    starts = [torch.randn(2, 100, generator=draw), torch.randn(2, 50, generator=draw)]
    starts.append(0.5 + 0.01 * torch.randn(2, *y.shape, generator=draw))
    image, _, kernel, z_image, z_kernel, residual = published.deep_deblur_slack(
        y, *priors, starts, 1
    )
    # The first step of Adam goes one learning rate along the sign of each gradient.
    for start, found in zip(starts, (z_image, z_kernel), strict=False):
        assert torch.allclose((found - start).abs().amax(), torch.tensor(0.005), rtol=1e-3)
    blurred = blur(image, kernel).clamp(0, 1)
    assert torch.allclose(residual, ((blurred - y) ** 2).sum((1, 2, 3)), rtol=1e-4)


@pytest.mark.parametrize("method", [DeepDeblur, DeepDeblurSlack])
def test_a_digit_of_the_prior_is_deblurred(method, pair):
    image, kernel, y = pair
    restored = method(TASK).deblur(y)
    before = (y - image).square().mean((1, 2, 3))
    after = (restored.image - image).square().mean((1, 2, 3))
    assert (after < 0.5 * before).all()
    distance = (restored.kernel - kernel).flatten(1).norm(dim=1) / kernel.flatten(1).norm(dim=1)
    assert (distance < 0.8).all()
    middle = torch.full((2, 2), 13.5)
    assert torch.allclose(centroid(restored.kernel), middle, atol=0.3)
    assert restored.generator_evaluations > 0
    assert (restored.records["evidence_evaluations"] > 0).all()
    chosen = restored.records["chosen"]
    assert torch.equal(chosen, restored.records["restart_objective"].argmin(1))


def test_published_preset_runs_all_restarts_and_keeps_the_smallest_residual(pair):
    y = pair[2]
    restored = DeepDeblur(TASK, preset="published", restarts=3, steps=4).deblur(y)
    assert restored.generator_evaluations == 12
    assert restored.records["restart_objective"].shape == (2, 3)
    chosen = restored.records["restart_objective"].argmin(1)
    assert torch.equal(restored.records["chosen"], chosen)


def test_published_preset_has_the_authors_numbers():
    assert (published.RESTARTS, published.STEPS["svhn"], published.MOST_STEPS) == (10, 6000, 10000)


@pytest.mark.parametrize(
    ("method", "preset"),
    [(DeepDeblur, "default"), (DeepDeblurSlack, "default"), (DeepDeblur, "published"),
     (DeepDeblurSlack, "published")],
)  # fmt: skip
def test_a_device_solves_images_in_one_batch_and_each_as_by_itself(
    method: type[DeepDeblur], preset: str, pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    few: Any = {"preset": preset, "restarts": 3, "search_steps": 12, "steps": 12}
    y = pair[2]
    apart = method(TASK, **few).deblur(y)
    sizes: list[int] = []

    def both(observations: torch.Tensor, rows: int) -> list[slice]:
        sizes.append(rows)
        return [slice(0, len(observations))]

    monkeypatch.setattr(methods, "groups", both)
    monkeypatch.setattr(solver_module, "groups", both)
    together = method(TASK, **few).deblur(y)
    # Finalists descend together, all starts are searched together, restarts are what is published.
    assert sizes == ([load_settings("svhn").finalists, 3] if preset == "default" else [3])
    assert together.kernel is not None
    assert apart.kernel is not None
    assert (kernel_similarity(together.kernel, apart.kernel) > 0.99).all()
    assert (together.image - apart.image).abs().max() < 0.02
    assert together.records.keys() == apart.records.keys()
    for name, value in apart.records.items():
        assert together.records[name].shape == value.shape
    for count in ("generator_evaluations", "iterations", "restarts"):
        assert getattr(together, count) == getattr(apart, count)


def test_large_images_differ_from_the_default_settings_alone():
    large, default = load_settings("faces128"), load_settings("celeba")
    assert large.steps < default.steps
    assert large.weights == default.weights


@pytest.mark.parametrize(("boundary", "size"), [("circular", 128), ("padded", 99)])
def test_the_published_procedure_at_128_pixels_descends_on_norms(boundary, size):
    torch.manual_seed(0)
    image_weight, kernel_weight = torch.randn(6, 3 * 128 * 128), torch.rand(4, 32 * 32) / 512

    def image_prior(z):  # spans anything: it is stretched at every step
        return (z @ image_weight).view(-1, 3, 128, 128)

    def kernel_prior(z):
        return (z.square() @ kernel_weight).view(-1, 1, 32, 32)

    starts = [torch.randn(3, 6), torch.randn(3, 4)]
    y = blur(torch.rand(1, 3, 128, 128), torch.full((32, 32), 1 / 1024), boundary)[0]
    first, last = (
        published.deep_deblur_large(y, image_prior, kernel_prior, starts, steps, boundary)
        for steps in (0, 12)
    )
    assert last[0].shape == (3, 3, size, size)
    assert last[0].min() >= 0
    assert last[0].max() <= 1
    assert (last[5] < first[5]).all()
    assert torch.equal(first[3], starts[0])


def test_a_scene_seen_in_part_is_for_the_published_procedure_alone():
    task = Task("svhn", (20, 20), boundary="free", scene_size=(32, 32))
    with pytest.raises(NotApplicable, match="use published-pggan"):
        DeepDeblur(task)
    with pytest.raises(InvalidInput, match="has no slack"):
        DeepDeblurSlack(TASK, preset="published-pggan")
    with pytest.raises(Unavailable, match=r"'nobody' is not trained; .* train nobody"):
        check_generator("nobody")


def test_other_settings_and_tasks_are_refused():
    with pytest.raises(InvalidInput, match="no preset 'fast'"):
        DeepDeblur(TASK, preset="fast")
    with pytest.raises(InvalidInput, match="negative"):
        DeepDeblur(TASK, restarts=-1)
    with pytest.raises(InvalidInput, match="draws images of"):
        DeepDeblur(TASK, prior="celeba")
    for bad in (
        dataclasses.replace(TASK, image_class="natural"),
        dataclasses.replace(TASK, image_size=(48, 48)),
        dataclasses.replace(TASK, boundary="free"),
        dataclasses.replace(TASK, channels=1),
    ):
        with pytest.raises(NotApplicable):
            DeepDeblur.check_available(bad)


def test_settings_of_a_class_override_the_default():
    assert load_settings("shoes").sparse_steps > 0
    assert load_settings("celeba").sparse_steps == 0
    assert load_settings("svhn", steps=5).steps == 5


@pytest.mark.parametrize("size", [(16, 16), (28, 28), (31, 40)])
def test_kernels_keep_their_origin_on_another_grid(size):
    kernel = torch.zeros(1, 28, 28)
    kernel[0, 14, 14] = 2.0
    placed = to_grid(kernel, size)
    assert placed.shape == (1, *size)
    assert placed[0, size[0] // 2, size[1] // 2] == 1


def test_slack_goes_on_from_the_same_descent_and_counts_its_time(pair):
    few: Any = {"restarts": 2, "search_steps": 5, "steps": 5}
    y = pair[2][:1]
    pair_of = DeepDeblur(TASK, **few), DeepDeblurSlack(TASK, **few)
    pair_of[0].stages = pair_of[1].stages = Stages()
    plain, slack = (method.deblur(y) for method in pair_of)
    alone = DeepDeblurSlack(TASK, **few).deblur(y)
    assert torch.equal(plain.records["restart_kernel"], slack.records["restart_kernel"])
    assert torch.equal(alone.image, slack.image)
    assert (slack.seconds or 0) > 0.5 * (plain.seconds or math.inf)


def test_the_polish_moves_equation_4s_best_finalist_alone(pair):
    settings = load_settings("svhn", steps=10, search_steps=10)
    assert settings.polish.steps == 0
    priors = load_generator("svhn"), load_generator("motion-blur")
    solver = Solver(*priors, load_model("svhn"), settings, slack=False)
    longer = dataclasses.replace(settings, polish=Descent(20, 0.05, 0.02))
    y, starts = pair[2][0], torch.randn(4, 50, generator=torch.Generator().manual_seed(5))
    descended = solver.descend(y, starts)
    before = solver.finish(y, descended)
    after = dataclasses.replace(solver, settings=longer).finish(y, descended)
    assert after.best == before.best
    assert after.objective[after.best] < before.objective[before.best]
    others = torch.arange(len(before.objective)) != before.best
    assert torch.equal(after.objective[others], before.objective[others])
    assert after.evaluations == before.evaluations + 20
    slack = dataclasses.replace(solver, slack=True)
    polished = dataclasses.replace(slack, settings=longer)
    assert torch.equal(polished.finish(y, descended).image, slack.finish(y, descended).image)


def test_slack_does_not_fit_the_noise(pair):
    """Its weights are in units of the measured variance, and fixed where they were chosen."""
    weights = load_settings("svhn").weights
    assert weights.at_noise(0.0125) == weights
    assert weights.at_noise(0.05).variation == pytest.approx(16 * weights.variation)
    image, kernel, _ = pair
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(1))
    y = (blur(image, kernel) + 0.1 * noise).clamp(0, 1)
    found = DeepDeblurSlack(TASK, restarts=4, search_steps=40, steps=20).deblur(y)
    assert (psnr(found.image, image) > psnr(y, image)).all()
