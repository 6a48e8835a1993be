"""How far an image is from sharp photographs, by the statistics of its normalised luminance.

The natural image quality evaluator (NIQE) with a model of our own: its mean and covariance are
fitted to BSDS500's training photographs by ``python -m bench.datasets.fit_naturalness`` and lie in
``naturalness.safetensors`` next to this file, so scores compare with each other, not with those of
the authors' model.

References
----------
A. Mittal, R. Soundararajan and A. C. Bovik, "Making a 'Completely Blind' Image Quality Analyzer",
IEEE Signal Processing Letters 20(3), 2013.
"""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import safetensors.torch
import scipy.ndimage
import torch
from scipy.special import gamma
from torch import Tensor

from bench.metrics._base import Comparison, Metric
from bench.physics.intensity import luma

MODEL = Path(__file__).with_name("naturalness.safetensors")
PATCH = 96
SIGMA = 7 / 6
RADIUS = 3
SHARP = 0.75
"""A model is fitted to patches whose local contrast is at least this share of the largest."""
SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))
_SHAPES = np.arange(0.2, 10.001, 0.001)
_RATIOS = gamma(2 / _SHAPES) ** 2 / (gamma(1 / _SHAPES) * gamma(3 / _SHAPES))


def naturalness(image: Tensor) -> Tensor:
    """Return the distance of NIQE; lower is better.

    Parameters
    ----------
    image : Tensor, shape (N, C, H, W), in [0, 1]

    Returns
    -------
    Tensor, shape (N,)
        NaN for images smaller than two patches of 96×96 pixels, which have no covariance.
    """
    mean, covariance = _model()
    values = []
    for plane in luma(image.double())[:, 0].cpu().numpy():
        features = patch_features(plane)[0]
        if len(features) < 2:
            values.append(float("nan"))
            continue
        off = features.mean(0) - mean
        pooled = (np.cov(features.T) + covariance) / 2
        values.append(float(np.sqrt(max(off @ np.linalg.pinv(pooled) @ off, 0))))
    return torch.tensor(values, dtype=torch.float64)


def patch_features(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return features of the patches of an image.

    Parameters
    ----------
    plane : ndarray, shape (H, W), in [0, 1]

    Returns
    -------
    features : ndarray, shape (n, 36)
        Of two scales; what does not fill a patch at the border is left out.
    contrast : ndarray, shape (n,)
        Mean local standard deviation, by which sharp patches are chosen.
    """
    rows, cols = (side // PATCH for side in plane.shape)
    if not rows * cols:
        return np.empty((0, 36)), np.empty(0)
    plane = 255 * plane[: rows * PATCH, : cols * PATCH]
    scales, contrast = [], np.empty(0)
    for scale in (1, 2):
        if scale == 2:
            plane = plane.reshape(plane.shape[0] // 2, 2, plane.shape[1] // 2, 2).mean((1, 3))
        normalised, deviation = _normalised(plane)
        patches = _patches(normalised, PATCH // scale)
        scales.append(np.stack([_features(patch) for patch in patches]))
        if scale == 1:
            contrast = _patches(deviation, PATCH).mean((1, 2))
    return np.concatenate(scales, 1), contrast


def _patches(plane: np.ndarray, side: int) -> np.ndarray:
    rows, cols = plane.shape[0] // side, plane.shape[1] // side
    return plane.reshape(rows, side, cols, side).swapaxes(1, 2).reshape(-1, side, side)


def _normalised(plane: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean-subtracted, contrast-normalised luminance, and the local deviation."""

    def window(values: np.ndarray) -> np.ndarray:
        smooth: np.ndarray = scipy.ndimage.gaussian_filter(
            values, SIGMA, mode="nearest", radius=RADIUS
        )
        return smooth

    mean = window(plane)
    deviation = np.sqrt(np.abs(window(plane * plane) - mean * mean))
    return (plane - mean) / (deviation + 1), deviation


def _features(patch: np.ndarray) -> np.ndarray:
    shape, left, right = _asymmetric_gaussian(patch)
    found = [shape, (left + right) / 2]
    for shift in SHIFTS:
        shape, left, right = _asymmetric_gaussian(patch * np.roll(patch, shift, (0, 1)))
        mean = (right - left) * gamma(2 / shape) / np.sqrt(gamma(1 / shape) * gamma(3 / shape))
        found += [shape, mean, left**2, right**2]
    return np.array(found)


def _asymmetric_gaussian(values: np.ndarray) -> tuple[float, float, float]:
    """Shape, left and right deviation of an asymmetric generalised Gaussian, by moments."""
    left = np.sqrt(np.mean(values[values < 0] ** 2)) if (values < 0).any() else 1e-6
    right = np.sqrt(np.mean(values[values > 0] ** 2)) if (values > 0).any() else 1e-6
    skew = left / right
    ratio = np.mean(np.abs(values)) ** 2 / max(np.mean(values**2), 1e-12)
    ratio *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    return float(_SHAPES[np.argmin(np.abs(_RATIOS - ratio))]), float(left), float(right)


@functools.cache
def _model() -> tuple[np.ndarray, np.ndarray]:
    model = safetensors.torch.load_file(MODEL)
    return model["mean"].double().numpy(), model["covariance"].double().numpy()


class Naturalness(Metric):
    """The distance of NIQE of a restored photograph, where there is no truth; lower is better."""

    name, heading, larger_is_better, place = "naturalness", "naturalness (NIQE)", False, 100
    needs_truth = False
    table_digits = 2

    def compute(self, comparison: Comparison) -> Tensor:
        """Return non-negative values, shape (N,); NaN below two patches of 96×96 pixels."""
        return naturalness(comparison.image)
