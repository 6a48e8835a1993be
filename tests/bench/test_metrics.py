"""Metrics against scikit-image and against plain loops over their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.ndimage
import skimage.metrics
import torch

from bench.errors import InvalidInput
from bench.harness.columns import METRICS
from bench.metrics import gmsd, kernel_similarity, psnr, score, ssim, ssim_rgb
from bench.physics.alignment import align
from bench.physics.forward import blur, shift
from bench.protocol import Alignment

PLAIN = Alignment()


def _images(count: int = 2, channels: int = 3, size: int = 32, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, channels, size // 4, size // 4, generator=draw)
    smooth = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic")
    return smooth.clamp(0, 1)


def _degraded(image: torch.Tensor) -> torch.Tensor:
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(9))
    return (0.9 * image + 0.05 * noise).clamp(0, 1)


def _kernels(count: int = 2, size: int = 9, seed: int = 3) -> torch.Tensor:
    kernels = torch.rand(count, size, size, generator=torch.Generator().manual_seed(seed)) ** 3
    return kernels / kernels.sum((1, 2), keepdim=True)


def test_psnr_is_that_of_scikit_image():
    truth = _images()
    image = _degraded(truth)
    for value, x, y in zip(psnr(image, truth), image, truth, strict=True):
        expected = skimage.metrics.peak_signal_noise_ratio(
            y.double().numpy(), x.double().numpy(), data_range=1
        )
        assert value.item() == pytest.approx(expected, abs=1e-9)


def test_equal_images_have_infinite_psnr_and_ssim_of_one():
    image = _images()
    assert torch.isinf(psnr(image, image)).all()
    for metric, best in ((ssim, 1.0), (ssim_rgb, 1.0), (gmsd, 0.0)):
        assert torch.allclose(metric(image, image), torch.tensor(best).double(), atol=1e-9)


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_is_matlabs_on_the_volume(channels):
    """MATLAB filters with ``imgaussfilt3``: eleven taps, edges replicated, all three axes."""
    truth = _images(1, channels)
    image = _degraded(truth)
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()

    def window(volume: np.ndarray) -> np.ndarray:
        for axis in range(3) if channels == 3 else (1, 2):
            volume = scipy.ndimage.correlate1d(volume, taps, axis, mode="nearest")
        return volume

    x, y = image[0].double().numpy(), truth[0].double().numpy()
    mx, my = window(x), window(y)
    sx, sy, sxy = window(x * x) - mx**2, window(y * y) - my**2, window(x * y) - mx * my
    c1, c2 = 1e-4, 9e-4
    expected = (2 * mx * my + c1) * (2 * sxy + c2) / ((mx**2 + my**2 + c1) * (sx + sy + c2))
    assert ssim(image, truth).item() == pytest.approx(expected.mean(), abs=1e-9)


def test_ssim_rgb_is_the_mean_over_channels_of_scikit_images():
    truth = _images()
    image = _degraded(truth)
    expected = [
        np.mean(
            [
                skimage.metrics.structural_similarity(
                    a.double().numpy(),
                    b.double().numpy(),
                    data_range=1,
                    gaussian_weights=True,
                    sigma=1.5,
                    use_sample_covariance=False,
                )
                for a, b in zip(x, y, strict=True)
            ]
        )
        for x, y in zip(image, truth, strict=True)
    ]
    assert ssim_rgb(image, truth).numpy() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("channels", [1, 3])
def test_gmsd_is_the_published_formula(channels):
    truth = _images(1, channels)
    image = _degraded(truth)

    def magnitude(picture: torch.Tensor) -> np.ndarray:
        grey = picture[0].double().numpy() * 255
        grey = np.tensordot((0.299, 0.587, 0.114), grey, 1) if channels == 3 else grey[0]
        half = (grey[::2, ::2] + grey[1::2, ::2] + grey[::2, 1::2] + grey[1::2, 1::2]) / 4
        prewitt = np.array([[1.0, 0.0, -1.0]] * 3) / 3
        across = scipy.ndimage.convolve(half, prewitt, mode="nearest")
        down = scipy.ndimage.convolve(half, prewitt.T, mode="nearest")
        return np.hypot(across, down)

    mx, my = magnitude(image), magnitude(truth)
    similarity = (2 * mx * my + 170) / (mx**2 + my**2 + 170)
    assert gmsd(image, truth).item() == pytest.approx(similarity.std(), abs=1e-9)


@pytest.mark.parametrize("metric", [psnr, ssim, ssim_rgb, gmsd])
def test_images_are_scored_one_by_one(metric):
    truth = _images(3)
    image = _degraded(truth)
    alone = torch.cat([metric(image[i : i + 1], truth[i : i + 1]) for i in range(3)])
    assert torch.allclose(metric(image, truth), alone, atol=1e-12)


def test_kernel_similarity_is_the_best_correlation_over_shifts():
    kernel, truth = _kernels(1, 4)[0], _kernels(1, 5, seed=5)[0]
    best = 0.0
    for row in range(-4, 6):
        for col in range(-4, 6):
            total = sum(
                float(kernel[r, c] * truth[r + row, c + col])
                for r in range(4)
                for c in range(4)
                if 0 <= r + row < 5 and 0 <= c + col < 5
            )
            best = max(best, total)
    expected = best / float(kernel.norm() * truth.norm())
    assert kernel_similarity(kernel[None], truth[None]).item() == pytest.approx(expected, rel=1e-5)


def test_kernel_similarity_ignores_shift_and_scale():
    kernel = torch.zeros(1, 12, 12)
    kernel[:, 2:6, 3:8] = _kernels(1, 5)[:, :4]
    moved = 7 * kernel.roll((5, 3), (1, 2))
    assert kernel_similarity(moved, kernel).item() == pytest.approx(1, abs=1e-6)
    assert kernel_similarity(kernel.flip(1), kernel).item() < 0.99
    assert kernel_similarity(torch.zeros(1, 3, 3), kernel).item() == 0


def test_kernel_similarity_does_not_wrap_around():
    left, right = torch.zeros(1, 8, 8), torch.zeros(1, 8, 8)
    left[0, 0, 0] = left[0, 0, 7] = 1
    right[0, 0, 0] = right[0, 0, 1] = 1  # the same, were the grid a torus
    assert kernel_similarity(left, right).item() == pytest.approx(0.5, abs=1e-6)


def test_score_has_every_metric_and_a_number_per_image():
    truth, kernels = _images(), _kernels()
    scores = score(_degraded(truth), kernels, truth, kernels, PLAIN)
    assert list(scores) == list(METRICS)
    for name, values in scores.items():
        assert values.shape == (2,)
        assert bool(torch.isfinite(values).all()) == METRICS[name].needs_truth


def test_metrics_of_kernels_are_nan_without_one():
    truth = _images()
    scores = score(_degraded(truth), None, truth, _kernels(), PLAIN)
    absent = {name for name, values in scores.items() if torch.isnan(values).all()}
    needless = {name for name, metric in METRICS.items() if not metric.needs_truth}
    assert absent == {"psnr_centred", "kernel_similarity", *needless}


def test_centred_psnr_forgives_a_joint_shift():
    """A perfect pair that is half a pixel off loses PSNR, and gets it back when recentred."""
    truth = 0.25 + 0.5 * _images(1, size=64)
    kernel = torch.zeros(1, 28, 28)
    kernel[0, 13:15, 10:18] = 1 / 16  # centroid (13.5, 13.5), as every published kernel's
    half = torch.tensor([[0.5, 0.5]])
    scores = score(shift(truth, half), shift(kernel, -half), truth, kernel, PLAIN)
    assert scores["psnr"].item() < 40
    assert scores["psnr_centred"].item() > scores["psnr"].item() + 15


def test_centring_changes_nothing_that_is_centred():
    truth, kernel = _images(1), torch.zeros(1, 28, 28)
    kernel[0, 13:15, 13:15] = 0.25
    scores = score(_degraded(truth), kernel, truth, kernel, PLAIN)
    assert scores["psnr_centred"].item() == pytest.approx(scores["psnr"].item(), abs=1e-3)


LEVIN = Alignment(max_shift=5.0, step=0.25, border=15)


def test_alignment_undoes_a_shift():
    truth = _images(2, 1, 64)
    for rows, cols in ((3, -2), (-5, 5)):
        aligned, target = align(truth.roll((rows, cols), (2, 3)), truth, LEVIN)
        assert aligned.shape == (2, 1, 34, 34)
        assert torch.equal(aligned, target)
    assert math.isinf(psnr(aligned, target)[0])


def _bilinear(image: np.ndarray, row: float, col: float) -> np.ndarray:
    return scipy.ndimage.shift(image, (row, col), order=1, mode="nearest")[15:-15, 15:-15]


@pytest.mark.parametrize("seed", range(3))
def test_alignment_finds_what_trying_every_shift_finds(seed):
    """41 × 41 shifts, interpolated by SciPy, on blurred, moved and noisy images."""
    truth = _images(1, 1, 64, seed)
    offset = torch.tensor([[1.37, -2.81]]) * (seed - 1)
    moved = _degraded(shift(blur(truth, _kernels(1, 5, seed)), offset))
    aligned, target = align(moved, truth, LEVIN)
    steps = np.arange(-20, 21) / 4
    goal = target[0, 0].double().numpy()
    picture = moved[0, 0].double().numpy()
    errors = [((_bilinear(picture, r, c) - goal) ** 2).sum() for r in steps for c in steps]
    assert float((aligned - target).double().square().sum()) == pytest.approx(min(errors), rel=1e-4)


@pytest.mark.parametrize("size", [(31, 31), (20, 75)])
def test_half_a_kernel_s_size_is_searched_whole(size):
    """A truth moved by the whole reach scores as the truth does; a pixel further, it does not."""
    alignment = Alignment.within_half(size)
    reach = max(size) // 2
    assert (alignment.max_shift, alignment.border) == (reach, reach + 1)
    truth = _images(1, size=160)
    for offset in ((reach, -reach), (-reach, 3), (0, reach)):
        moved = truth.roll(offset, (2, 3))
        assert math.isinf(psnr(*align(moved, truth, alignment)))
    assert psnr(*align(truth.roll(reach + 1, 3), truth, alignment)) < 40


def test_alignment_sees_the_faintest_contrast_and_takes_a_flat_image():
    truth = _images(1, size=64, seed=4) * 1e-3 + 0.9
    aligned, target = align(truth.roll((4, -3), (2, 3)), truth, LEVIN)
    assert torch.equal(aligned, target)
    flat = torch.full_like(truth, 0.25)
    assert torch.equal(align(flat, flat, LEVIN)[0], flat[..., 15:-15, 15:-15])


def test_border_is_cropped_without_a_shift():
    truth = _images(1)
    image, target = align(_degraded(truth), truth, Alignment(border=4))
    assert image.shape == target.shape == (1, 3, 24, 24)
    assert torch.equal(target, truth[..., 4:-4, 4:-4])


def test_border_must_suit_the_image():
    truth = _images(1)
    for alignment in (Alignment(border=16), Alignment(max_shift=5, border=4)):
        with pytest.raises(InvalidInput, match="border"):
            align(truth, truth, alignment)
