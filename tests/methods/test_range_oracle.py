"""The range oracle on generators whose range is known."""

import pytest
import torch

from bench.errors import NotApplicable, UnknownName
from bench.methods.generators import architectures
from bench.methods.generators.fitting import fit_latents, random_starts, squared_error
from bench.methods.generators.loading import Prior, generator_names
from bench.methods.oracles.range_oracle import PRESETS, Preset, RangeOracle, nearest_in_range
from bench.physics.answers import check_restoration
from bench.physics.forward import blur
from bench.protocol import Task, Truth


class Linear:
    """G(z) = reshape(A z): the nearest image is least squares."""

    def __init__(self):
        self.matrix = torch.linalg.qr(torch.randn(12, 4)).Q

    def __call__(self, z):
        return (z @ self.matrix.T).view(-1, 3, 2, 2)


@pytest.mark.parametrize("optimiser", ["adam", "gradient"])
def test_fit_finds_the_least_squares_solution(optimiser):
    torch.manual_seed(0)
    generator, x = Linear(), torch.rand(5, 3, 2, 2)
    starts = torch.randn(2, 5, 4)
    fit = fit_latents(generator, starts, squared_error(x), steps=400, lr=0.1, optimiser=optimiser)
    expected = x.flatten(1) @ generator.matrix
    torch.testing.assert_close(fit.latent, expected, atol=1e-2, rtol=1e-2)
    assert fit.evaluations == 2 * 401


def test_penalty_shortens_the_latent():
    torch.manual_seed(0)
    generator, x = Linear(), torch.rand(5, 3, 2, 2)
    starts = torch.zeros(1, 5, 4)
    free = fit_latents(generator, starts, squared_error(x), steps=200, lr=0.1)
    held = fit_latents(generator, starts, squared_error(x), steps=200, lr=0.1, penalty=1.0)
    torch.testing.assert_close(held.latent, free.latent / 2, atol=1e-2, rtol=1e-2)


def test_the_best_of_several_starts_is_kept_per_image():
    torch.manual_seed(0)
    generator, x = Linear(), torch.rand(3, 3, 2, 2)
    best = x.flatten(1) @ generator.matrix
    starts = torch.stack([best + 5, best + 5])
    starts[0, 0], starts[1, 1] = best[0], best[1]
    fit = fit_latents(generator, starts, squared_error(x), steps=0, lr=0.1)
    assert fit.restart[:2].tolist() == [0, 1]


def test_starts_of_an_image_do_not_depend_on_the_batch():
    x = torch.rand(4, 3, 8, 8)
    together = random_starts(x, 10, 3, seed=1)
    alone = random_starts(x[2:3], 10, 3, seed=1)
    assert torch.equal(together[:, 2:3], alone)


def test_an_image_of_the_range_is_found_again():
    torch.manual_seed(0)
    prior = Prior(architectures.SVHNDecoder(), architectures.SVHNEncoder())
    x = prior(torch.randn(2, 100))
    preset = Preset(encoder=True, restarts=1, steps=60, lr=0.1, optimiser="adam")
    found = nearest_in_range(prior, x, preset)
    start = squared_error(x)(prior(torch.zeros(2, 100)))
    assert (found.value < 0.1 * start).all()


def test_signed_generators_take_the_published_step_in_their_own_range():
    """Gradient descent of rate r on images in [−1, 1] is rate 4r on the same in [0, 1]."""
    torch.manual_seed(0)
    decoder = architectures.DCGANDecoder().eval()
    prior = Prior(decoder)
    x = torch.rand(1, 3, 64, 64)
    preset = Preset(encoder=False, restarts=1, steps=3, lr=1e-3, optimiser="gradient")
    found = nearest_in_range(prior, x, preset, seed=2)
    z = random_starts(x, 100, 1, seed=2)[0].requires_grad_()
    for _ in range(3):
        loss = (decoder(z) - (2 * x - 1)).square().sum()
        z = (z - 1e-3 * torch.autograd.grad(loss, z)[0]).detach().requires_grad_()
    torch.testing.assert_close(found.latent, z.detach(), atol=1e-4, rtol=1e-3)


def test_fast_costs_twenty_times_less_than_published():
    cost = {name: (p.restarts + p.encoder) * (p.steps + 1) for name, p in PRESETS.items()}
    assert cost["published"] >= 20 * cost["fast"]
    assert cost["published-svhn"] >= 20 * cost["fast"]


@pytest.mark.skipif("svhn" not in generator_names(), reason="the weights are not trained yet")
def test_oracle_answers_as_the_protocol_says(monkeypatch):
    preset = Preset(encoder=True, restarts=0, steps=5, lr=0.1, optimiser="adam")
    monkeypatch.setitem(PRESETS, "fast", preset)
    task = Task("svhn", (32, 32))
    oracle = RangeOracle(task)
    image, kernel = oracle.prior.sample(0, 2), torch.rand(2, 28, 28)
    kernel = kernel / kernel.sum((1, 2), keepdim=True)
    y = blur(image, kernel).clamp(0, 1)
    result = check_restoration(oracle.deblur(y, Truth(image, kernel)), y)
    assert result.generator_evaluations == 6
    assert RangeOracle.assets(task)["generator svhn"] == oracle.prior.card["sha256"]


def test_unknown_presets_and_classes_are_refused():
    with pytest.raises(UnknownName, match="preset"):
        RangeOracle(Task("svhn", (32, 32)), preset="nonsense")
    with pytest.raises(NotApplicable, match="natural"):
        RangeOracle(Task("natural", (64, 64)))
