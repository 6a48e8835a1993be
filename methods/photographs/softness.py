"""What blurs a photograph besides motion: kernels and images that leave it its softness.

A soft photograph through a thin kernel and a sharp one through a thick kernel look the same, and
sparse gradients ask for the sharp one. But a lens and a sensor blur every exposure, the sharp one
too, and that is no motion. So a kernel is refined with the photograph granted Gaussians ``g`` of
several widths (see :mod:`bench.methods.photographs.evidence`). The more of the blur it is granted,
the more concentrated the kernel, up to where there is no more to grant and the kernel falls apart.

An image follows from each kernel as from its gradients: what total variation finds behind
``k ⊗ g``, blurred by ``g``. Which of them is right the observation cannot say. The estimate of
least squared error is then their mean.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bench.checksums import checksum
from bench.errors import InvalidInput
from bench.methods.photographs.evidence import Refinement, bell_spectrum, refine_kernel
from bench.methods.photographs.registration import registered_mean
from bench.methods.photographs.window import WINDOW, textured_window
from bench.protocol import Boundary

SOFTNESSES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""What a photograph may be softened by: standard deviations of a Gaussian, in pixels."""
REACH = 4
"""Of a Gaussian, in standard deviations."""


def degrees(softnesses: int, turns: int) -> int:
    """Return how many of :data:`SOFTNESSES` are tried: without turns the first alone.

    Raises
    ------
    InvalidInput
        If there are not so many.
    """
    if not 1 <= softnesses <= len(SOFTNESSES):
        raise InvalidInput(f"softnesses = {softnesses}; give 1 to {len(SOFTNESSES)}.")
    return softnesses if turns else 1


def refinement_checksum() -> str:
    """Return the checksum of what a refinement depends on."""
    return checksum(json.dumps([dataclasses.asdict(Refinement()), SOFTNESSES]))


def refine_on_window(
    grey: Tensor,
    kernel: Tensor,
    noise: float,
    boundary: Boundary,
    settings: Refinement,
) -> Tensor:
    """Refine a kernel on the most textured window of a large photograph, taken for sharp; see
    :func:`bench.methods.photographs.evidence.refine_kernel`."""
    return refine_softly_on_window(grey, kernel, noise, boundary, settings, tried=1)[0]


def refine_softly_on_window(
    grey: Tensor,
    kernel: Tensor,
    noise: float,
    boundary: Boundary,
    settings: Refinement,
    tried: int = len(SOFTNESSES),
) -> list[Tensor]:
    """Refine a kernel on the most textured window, for one softness of the photograph after the
    other.

    Parameters
    ----------
    grey, kernel, noise, boundary, settings
        As for :func:`refine_on_window`.
    tried : int
        How many of :data:`SOFTNESSES` are tried, in order; 1 takes the photograph for sharp.

    Returns
    -------
    list of Tensor, shape (kh, kw)
        One for each softness from 0 on, each more concentrated than the one before; the next one
        is less so, or was not tried.
    """
    size = (int(kernel.shape[0]), int(kernel.shape[1]))
    window, its_boundary = textured_window(grey, WINDOW, size, boundary)
    kernels: list[Tensor] = []
    for softness in SOFTNESSES[:tried]:
        found = refine_kernel(window, kernel, noise, its_boundary, settings, softness)
        if kernels and found.square().sum() < kernels[-1].square().sum():
            break
        kernels.append(found)
    return kernels


def likely(kernels: Sequence[Tensor]) -> Tensor:
    """Return the kernel before the most concentrated, the last one: a motion's own path is some
    width."""
    return kernels[max(len(kernels) - 2, 0)]


def restore_softly(
    observation: Tensor,
    kernels: Sequence[Tensor],
    restore: Callable[[Tensor, Tensor], Tensor],
    boundary: Boundary,
) -> Tensor:
    """Return the mean of the images that kernels of a photograph of more and more softness give.

    Parameters
    ----------
    observation : Tensor, shape (C, H, W), in [0, 1]
    kernels : sequence of Tensor, shape (kh, kw)
        One for each of the first :data:`SOFTNESSES`.
    restore : callable
        Deconvolves observations (N, C, H, W) with kernels (N, kh, kw).
    boundary : {"circular", "free"}

    Returns
    -------
    Tensor, shape (C, H, W), in [0, 1]
        Where the image lies that was taken for sharp, which may be some hundredths of a pixel from
        where another kernel's is. Images of no more than 72 pixels tell no shift and are not moved.
    """
    images = []
    for kernel, softness in zip(kernels, SOFTNESSES[: len(kernels)], strict=True):
        wide = _widened(kernel, softness, observation, boundary)
        image = restore(observation[None], wide[None])
        images.append(_softened(image, softness, boundary)[0])
    return registered_mean(images, boundary)


def _widened(kernel: Tensor, softness: float, observation: Tensor, boundary: Boundary) -> Tensor:
    """Blur a kernel (kh, kw) by the Gaussian, on a grid with room for it.

    With a circular boundary the grid is no larger than the image, and periodic as that is.
    """
    if not softness:
        return kernel
    reach = math.ceil(REACH * softness)
    padding: list[int] = []
    for side, most in zip(kernel.shape, observation.shape[-2:], strict=True):
        around = reach, reach
        if boundary == "circular" and side + 2 * reach > most:
            before = most // 2 - side // 2
            around = before, most - side - before
        padding = [*around, *padding]  # pads the last axis first
    grid = torch.nn.functional.pad(kernel, padding)
    spectrum = torch.fft.rfft2(grid) * bell_spectrum(grid, softness)
    return torch.fft.irfft2(spectrum, s=grid.shape)


def _softened(image: Tensor, softness: float, boundary: Boundary) -> Tensor:
    """Blur images (N, C, H, W) by the Gaussian, mirrored beyond a free boundary."""
    if not softness:
        return image
    height, width = (int(side) for side in image.shape[-2:])
    most = math.ceil(REACH * softness) if boundary == "free" else 0
    down, right = (min(most, side - 1) for side in (height, width))
    wide = torch.nn.functional.pad(image, (right, right, down, down), mode="reflect")
    size = wide.shape[-2:]
    soft = torch.fft.irfft2(torch.fft.rfft2(wide) * bell_spectrum(wide, softness), s=size)
    return soft[..., down : down + height, right : right + width]
