"""Non-blind deconvolution against slow references on tiny problems."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from bench.errors import InvalidInput
from bench.files import read_toml
from bench.methods.deconvolution import tv
from bench.methods.deconvolution.lmmse import (
    ClassStatistics,
    from_opponent,
    learn_statistics,
    lmmse_deconvolve,
    to_opponent,
)
from bench.methods.deconvolution.tv import PARAMETERS, tuned_weight, tv_deconvolve
from bench.metrics import psnr
from bench.physics.forward import blur
from bench.protocol import Boundary


def _kernels(count: int = 1, size: int = 5, seed: int = 1) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    kernels = torch.rand(count, size, size, generator=draw, dtype=torch.float64) ** 3
    return kernels / kernels.sum((1, 2), keepdim=True)


def _blocks(count: int, channels: int, size: int, seed: int = 0) -> torch.Tensor:
    """Flat patches between 0.3 and 0.7: what total variation is made for, far from clipping."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, channels, 4, 4, generator=draw, dtype=torch.float64)
    return 0.3 + 0.4 * torch.nn.functional.interpolate(coarse, (size, size))


def _observe(image: torch.Tensor, kernel: torch.Tensor, noise: float = 0.01) -> torch.Tensor:
    draw = torch.Generator().manual_seed(5)
    return blur(image, kernel) + noise * torch.randn(image.shape, generator=draw).double()


def _objective(
    x: torch.Tensor, y: torch.Tensor, kernel: torch.Tensor, weight: float, smoothing: float = 0.0
) -> torch.Tensor:
    """``½ ‖y − x ⊗ k‖² + w Σ √(Σ_c |∇x_c|²)``, written with rolls instead of transforms."""
    slopes = torch.stack([x.roll(-1, axis) - x for axis in (-2, -1)])
    variation = (slopes.square().sum((0, 2)) + smoothing).sqrt().sum()
    return 0.5 * (y - blur(x, kernel)).square().sum() + weight * variation


@pytest.mark.parametrize("channels", [1, 3])
def test_tv_reaches_the_minimum_of_its_objective(channels):
    """The reference is L-BFGS on the objective, smoothed by next to nothing."""
    kernel = _kernels(size=3)
    y = _observe(_blocks(1, channels, 8), kernel)
    weight = 0.01
    x = y.clone().requires_grad_()
    for smoothing in (1e-4, 1e-6, 1e-8, 1e-10):
        optimiser = torch.optim.LBFGS(
            [x], max_iter=400, history_size=30, line_search_fn="strong_wolfe"
        )

        def closure(optimiser=optimiser, smoothing=smoothing):
            optimiser.zero_grad()
            loss = _objective(x, y, kernel, weight, smoothing)
            loss.backward()
            return loss

        optimiser.step(closure)
    reference = _objective(x.detach(), y, kernel, weight).item()
    found = tv_deconvolve(y, kernel, weight, iterations=1000)
    value = _objective(found, y, kernel, weight).item()
    assert value == pytest.approx(reference, rel=1e-3)
    assert value <= reference * (1 + 1e-5)
    assert torch.allclose(found, x.detach(), atol=5e-3)


def test_tv_objective_falls_with_the_rounds():
    kernel = _kernels(2, 7)
    y = _observe(_blocks(2, 3, 32), kernel)
    values = [
        _objective(tv_deconvolve(y, kernel, 2e-3, iterations=rounds), y, kernel, 2e-3).item()
        for rounds in (5, 20, 80, 320)
    ]
    assert values == sorted(values, reverse=True)
    assert values[2] == pytest.approx(values[3], rel=0.01)  # the default is all but there


@pytest.mark.parametrize("relaxation", [1.0, 1.8])
def test_at_a_free_boundary_every_splitting_comes_to_the_same_image(monkeypatch, relaxation):
    kernel = _kernels(1, 7)
    y = _observe(_blocks(1, 3, 40), kernel)[..., 4:-4, 4:-4]
    found = tv_deconvolve(y, kernel, 2e-3, "free")
    monkeypatch.setattr(tv, "FREE", tv.Splitting(2000, 5.0, 0.2, relaxation))
    converged = tv_deconvolve(y, kernel, 2e-3, "free")
    assert (converged - found).square().mean().sqrt() < 1e-3  # the default is all but there


def test_at_a_free_boundary_it_restores_to_the_border():
    kernel, image = _kernels(1, 9), _blocks(1, 3, 48)
    whole = _observe(image, kernel)
    cut = (..., slice(6, 37), slice(5, 38))  # of a size that does not transform fast
    y, truth = whole[cut], image[cut]
    restored = tv_deconvolve(y, kernel, 2e-3, "free")
    assert restored.shape == truth.shape
    assert (psnr(restored, truth) > psnr(tv_deconvolve(y, kernel, 2e-3), truth) + 3).all()


def test_tv_is_coupled_over_colours():
    """Three equal channels weigh the data by 3 and the variation by √3, if it is coupled."""
    kernel = _kernels()
    y = _observe(_blocks(1, 1, 16), kernel)
    weight = 0.006
    colour = tv_deconvolve(y.expand(-1, 3, -1, -1), kernel, weight, iterations=600)
    coupled = tv_deconvolve(y, kernel, weight / 3**0.5, iterations=600)
    apart = tv_deconvolve(y, kernel, weight, iterations=600)
    assert (colour - coupled).abs().max() < 1e-3
    assert (colour - apart).abs().max() > 1e-2


def test_tv_restores():
    kernel, image = _kernels(3, 9), _blocks(3, 3, 32)
    y = _observe(image, kernel)
    restored = tv_deconvolve(y.float(), kernel.float(), 2e-3)
    assert restored.dtype == torch.float32
    assert (psnr(restored, image) > psnr(y, image) + 8).all()


@pytest.mark.parametrize("boundary", ["circular", "free"])
def test_tv_treats_images_one_by_one(boundary):
    kernel, image = _kernels(3, 9), _blocks(3, 3, 32)
    y = _observe(image, kernel).float()
    together = tv_deconvolve(y, kernel, 2e-3, boundary)
    alone = tv_deconvolve(y[1:2], kernel[1:2], 2e-3, boundary)
    assert torch.allclose(together[1:2], alone, atol=1e-5)


def test_tv_with_a_free_boundary_does_not_ring():
    """Blurred before it was cropped, an image must not be treated as if it wrapped around."""
    size, margin = 48, 12
    large = _blocks(2, 1, size + 2 * margin)
    kernel = _kernels(2, 9)
    inside = slice(margin, -margin)
    y = _observe(large, kernel)[..., inside, inside]
    image = large[..., inside, inside]
    free = psnr(tv_deconvolve(y, kernel, 2e-3, "free"), image)
    circular = psnr(tv_deconvolve(y, kernel, 2e-3, "circular"), image)
    assert (free > circular + 3).all()
    assert (free > psnr(y, image) + 5).all()


def test_tv_result_is_an_image():
    noise = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    for boundary in ("circular", "free"):
        restored = tv_deconvolve(noise, _kernels().float(), 1e-6, boundary)
        assert torch.isfinite(restored).all()
        assert (restored.min(), restored.max()) == (0, 1)


def test_tv_of_a_flat_image_is_the_flat_image():
    flat = torch.full((1, 3, 16, 16), 0.4)
    assert torch.allclose(tv_deconvolve(flat, _kernels().float(), 1e-2), flat, atol=1e-5)


def test_tv_refuses_what_makes_no_sense():
    y, kernel = torch.rand(1, 3, 8, 8), _kernels()
    for weight in (0.0, -1.0, float("nan")):
        with pytest.raises(InvalidInput, match="positive"):
            tv_deconvolve(y, kernel, weight)
    with pytest.raises(InvalidInput, match="does not fit"):
        tv_deconvolve(y, _kernels(size=9), 1e-3)


def test_tuned_weights_are_those_of_the_file_and_between():
    table = read_toml(PARAMETERS)["weights"]
    for image_class, levels in table.items():
        name, _, free = image_class.partition("-")
        boundary: Boundary = "free" if free else "circular"
        points = sorted((float(level), weight) for level, weight in levels.items())
        for level, weight in points:
            assert tuned_weight(name, level, boundary) == pytest.approx(weight)
        for (low, first), (high, second) in itertools.pairwise(points):
            between = tuned_weight(name, (low * high) ** 0.5, boundary)
            assert between == pytest.approx((first * second) ** 0.5)
    assert tuned_weight("cats", 0.01) == tuned_weight("natural", 0.01)
    assert tuned_weight("svhn", 0.0) > 0


def _statistics(size: tuple[int, int], seed: int = 0) -> ClassStatistics:
    """A mean and any covariance, neither stationary nor diagonal."""
    pixels = size[0] * size[1]
    draw = torch.Generator().manual_seed(seed)
    root = torch.randn(3, pixels, pixels, generator=draw, dtype=torch.float64) / pixels**0.5
    mean = to_opponent(0.4 + 0.2 * torch.rand(1, 3, *size, generator=draw).double())[0]
    return ClassStatistics(mean, 0.01 * root @ root.transpose(1, 2))


def _dense_blur(kernel: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    basis = torch.eye(size[0] * size[1], dtype=torch.float64).reshape(-1, 1, *size)
    return blur(basis, kernel).flatten(1).T


@pytest.mark.parametrize("size", [(8, 8), (6, 7)])
@pytest.mark.parametrize("noise", [0.01, 0.1])
def test_lmmse_is_the_dense_solution(size, noise):
    statistics, kernels = _statistics(size), _kernels(2, 4)
    draw = torch.Generator().manual_seed(3)
    y = 0.45 + 0.1 * torch.rand(2, 3, *size, generator=draw, dtype=torch.float64)
    found = lmmse_deconvolve(y, kernels, noise, statistics, tolerance=1e-10, iterations=3000)
    rotated = to_opponent(y)
    expected = torch.empty_like(rotated)
    for image, kernel in enumerate(kernels):
        matrix = _dense_blur(kernel, size)
        for colour in range(3):
            mean, sigma = statistics.mean[colour].flatten(), statistics.covariance[colour]
            system = matrix @ sigma @ matrix.T + noise**2 * torch.eye(len(mean))
            innovation = rotated[image, colour].flatten() - matrix @ mean
            estimate = mean + sigma @ matrix.T @ torch.linalg.solve(system, innovation)
            expected[image, colour] = estimate.reshape(size)
    assert torch.allclose(found, from_opponent(expected).clamp(0, 1), atol=1e-6)


def test_lmmse_tolerance_is_fine_enough():
    """What the default tolerance leaves undone is far below the noise."""
    statistics, kernels = _statistics((8, 8)), _kernels(2, 4)
    y = 0.45 + 0.1 * torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(3)).double()
    exact = lmmse_deconvolve(y, kernels, 0.01, statistics, tolerance=1e-10, iterations=3000)
    usual = lmmse_deconvolve(y, kernels, 0.01, statistics)
    assert (usual - exact).square().mean().sqrt() < 1e-3


def test_lmmse_treats_images_one_by_one():
    """Also when the others need more steps of conjugate gradients."""
    statistics = _statistics((8, 8))
    delta = torch.zeros(1, 4, 4, dtype=torch.float64)
    delta[:, 2, 2] = 1
    kernels = torch.cat([delta, _kernels(2, 4)])
    y = 0.45 + 0.1 * torch.rand(3, 3, 8, 8, generator=torch.Generator().manual_seed(3)).double()
    together = lmmse_deconvolve(y, kernels, 0.01, statistics)
    for image in range(3):
        one = slice(image, image + 1)
        alone = lmmse_deconvolve(y[one], kernels[one], 0.01, statistics)
        assert torch.allclose(together[one], alone, atol=1e-9)


def test_opponent_colours_are_a_rotation():
    image = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(from_opponent(to_opponent(image)), image, atol=1e-6)
    assert torch.allclose(to_opponent(image).norm(), image.norm())


def test_statistics_are_numpys_of_images_and_mirror_images():
    draw = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (30, 3, 4, 5), generator=draw, dtype=torch.uint8)
    found = learn_statistics(images, shrinkage=0.0, chunk=7)
    both = torch.cat([images, images.flip(-1)]).float() / 255
    for colour, samples in enumerate(to_opponent(both).transpose(0, 1)):
        columns = samples.flatten(1).T.double().numpy()
        assert np.allclose(found.mean[colour].flatten(), columns.mean(1), atol=1e-5)
        assert np.allclose(found.covariance[colour], np.cov(columns, bias=True), atol=1e-5)


def test_shrinkage_leads_to_a_stationary_covariance():
    images = torch.rand(40, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    raw, half, full = (learn_statistics(images, shrinkage) for shrinkage in (0.0, 0.5, 1.0))
    table = full.covariance.reshape(3, 4, 4, 4, 4)
    moved = table.roll((1, 2, 1, 2), (1, 2, 3, 4))
    assert torch.allclose(moved, table, atol=1e-7)
    assert torch.allclose(half.covariance, (raw.covariance + full.covariance) / 2, atol=1e-7)
    before, after = (item.covariance.diagonal(dim1=1, dim2=2).sum(1) for item in (raw, full))
    assert torch.allclose(before, after, rtol=1e-5)
    assert torch.linalg.eigvalsh(full.covariance.double()).min() > -1e-6


def test_lmmse_refuses_what_makes_no_sense():
    statistics, y = _statistics((8, 8)), torch.rand(1, 3, 8, 8).double()
    with pytest.raises(InvalidInput, match="positive"):
        lmmse_deconvolve(y, _kernels(), 0.0, statistics)
    with pytest.raises(InvalidInput, match="statistics are of images"):
        lmmse_deconvolve(y[..., :6], _kernels(), 0.01, statistics)
