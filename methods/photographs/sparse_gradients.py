"""A blur kernel from sparse gradients: what ``l0`` computes in Octave, in PyTorch.

Image and kernel take turns, coarse to fine, as in :mod:`~bench.methods.photographs.sparse_edges`,
but with more turns, smaller steps of the splitting, and on a photograph that was continued to a
periodic tile once for all levels. At the end the kernel's centroid is moved into the middle and the
image oppositely, and the kernel is solved for again on all gradients that the image has kept. It is
pruned less there, since nothing builds on it and faint parts are real.

References
----------
J. Pan, D. Sun, H. Pfister and M.-H. Yang, "Blind Image Deblurring Using Dark Channel Prior",
CVPR 2016.
F. Wen, R. Ying, Y. Liu, P. Liu and T.-K. Truong, "A Simple Local Minimal Intensity Prior and an
Improved Algorithm for Blind Image Deblurring", IEEE TCSVT 31(8), 2021.
"""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor

from bench.methods.photographs.minimal_pixels import darkened
from bench.methods.photographs.sparse_edges import (
    Additions,
    Settings,
    difference_spectra,
    edge_threshold,
    level_scales,
    placed,
    pruned,
    ridge_kernel,
    sparse_latent,
    two_pixels,
)
from bench.methods.photographs.thresholds import firm
from bench.methods.photographs.tile import shrunk, tile_size, tiled
from bench.physics.alignment import centroid
from bench.physics.forward import shift
from bench.protocol import Boundary


@dataclasses.dataclass(frozen=True)
class GradientSettings(Settings):
    """What the estimate depends on; the values are those of ``l0``, with half its turns.

    Attributes
    ----------
    last_floor : float
        ``floor`` of the kernel that is solved for at the end.
    last_turns : int
        Times that this is done.
    least : float
        The penalty of gradients, which falls from turn to turn and level to level, stays above.
    """

    growth: float = 2.0
    largest: float = 1e5
    iterations: int = 14
    last_floor: float = 0.03
    last_turns: int = 2
    least: float = 1e-4


class _Level:
    """The tile on one level of the pyramid.

    Parameters
    ----------
    tile : Tensor, shape (H, W)
        On the finest level.
    frame : (float, float)
        Share of its rows and columns that are beyond the photograph, on either side.
    size : (int, int)
        On this level.
    """

    def __init__(self, tile: Tensor, frame: tuple[float, float], size: tuple[int, int]) -> None:
        self.size = size
        self.spectrum = torch.fft.rfft2(shrunk(tile, size))
        self.slopes = difference_spectra(size)
        cuts = [
            min(math.ceil(share * side), (side - 2) // 2)
            for share, side in zip(frame, size, strict=True)
        ]
        self.inside = tuple(slice(cut, side - cut) for cut, side in zip(cuts, size, strict=True))

    def latent(
        self, kernel: Tensor, penalty: float, settings: Settings, dark: float, patch: float
    ) -> Tensor:
        """Return the tile with few gradients that explains the observation with a kernel."""

        def prior(image: Tensor) -> Tensor:
            if not dark:
                return image
            seen = image[self.inside]
            side = max(2, round(patch * sum(seen.shape) / 2))
            image = image.clone()
            image[self.inside] = darkened(seen, (seen.shape[0], seen.shape[1]), dark, side)
            return image

        return sparse_latent(
            self.spectrum, kernel, self.size, self.slopes, penalty, settings, prior
        )

    def gradients(self, latent: Tensor) -> Tensor:
        """Return those of the photograph, shape (2, H, W), zero in the frame."""
        found = torch.zeros(2, *self.size)
        for axis in (0, 1):
            found[axis][self.inside] = (latent.roll(-1, axis) - latent)[self.inside]
        return found

    def kernel(
        self, gradients: Tensor, threshold: float, start: Tensor, settings: Settings
    ) -> Tensor:
        """Solve for the kernel, pruned, on the gradients above a threshold."""
        if threshold > 0:
            magnitude = gradients.square().sum(0).sqrt()
            gradients = gradients * firm(magnitude, math.sqrt(threshold))
        found = ridge_kernel(gradients, self.slopes * self.spectrum, start, settings, 1)
        return pruned(found, settings.floor, settings.component)


def estimate_kernel(
    grey: Tensor,
    size: tuple[int, int],
    boundary: Boundary,
    settings: GradientSettings | None = None,
    dark: float = 0.0,
    patch: float = Additions.patch,
) -> Tensor:
    """Estimate the kernel of a photograph.

    Parameters
    ----------
    grey : Tensor, shape (H, W), in [0, 1]
    size : (int, int)
        Of the kernel's grid.
    boundary : {"circular", "free"}
        What is circular already is its own tile.
    settings : GradientSettings, optional
    dark, patch : float
        See :class:`~bench.methods.photographs.sparse_edges.Additions`.

    Returns
    -------
    Tensor, float32, shape (kh, kw)
        Non-negative, summing to 1, centroid in the middle of the grid.
    """
    settings = settings or GradientSettings()
    shown = int(grey.shape[0]), int(grey.shape[1])
    extent = shown if boundary == "circular" else tile_size(shown, size)
    tile = tiled(grey, extent)
    tall, wide = ((side - seen) / 2 / side for side, seen in zip(extent, shown, strict=True))
    kernel, before, penalty = two_pixels((3, 3), grey), 0, settings.gradient
    for scale in level_scales(min(extent), min(size), settings):
        support, sides = size, extent
        if scale < 1:
            kh, kw = (max(2 * int(side * scale / 2) + 1, 3) for side in size)
            height, width = (2 * round(side * scale / 2) for side in extent)
            support, sides = (kh, kw), (height, width)
        level = _Level(tile, (tall, wide), sides)
        kernel = placed(kernel, support, sides[0] / before) if before else two_pixels(support, grey)
        before = sides[0]
        threshold, darkest = None, dark
        for _ in range(settings.iterations):
            latent = level.latent(kernel, penalty, settings, darkest, patch)
            gradients = level.gradients(latent)
            if threshold is None:
                threshold = edge_threshold(gradients, settings.edges * math.sqrt(kernel.numel()))
            kernel = level.kernel(gradients, threshold, kernel, settings)
            threshold, darkest = threshold / settings.decay, darkest / settings.decay
            penalty = max(penalty / settings.decay, settings.least)
    return _centred(kernel, latent, level, settings)


def _centred(kernel: Tensor, latent: Tensor, level: _Level, settings: GradientSettings) -> Tensor:
    """Centre the kernel, and solve for it again on all that the image has kept.

    The image carries the fraction of a pixel, so that the kernel is not interpolated.
    """
    last = dataclasses.replace(settings, floor=settings.last_floor)
    size = int(kernel.shape[0]), int(kernel.shape[1])
    middle = (torch.tensor(size) - 1) / 2
    for _ in range(settings.last_turns):
        offset = centroid(kernel[None])[0] - middle
        latent = shift(latent[None], offset[None])[0]
        gradients = level.gradients(latent)
        kernel = level.kernel(gradients, 0.0, placed(kernel, size, 1.0), last)
    return placed(kernel, size, 1.0)
