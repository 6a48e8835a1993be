"""Where a truth lies in the eyes of an estimated kernel, to fractions of a pixel.

An estimated kernel is the true one up to a shift, and the image restored with it has the opposite
shift. A network that is to learn from such images needs the truth moved onto them. Images tell the
shift better than kernels do, whose correlation may have its peak at a wrong end of a bad estimate.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.physics.alignment import best_shift
from bench.physics.forward import shift
from bench.protocol import Alignment, Boundary

MARGIN = 32
"""Pixels by which an image is mirrored beyond its borders before it is moved by fractions."""
COARSE = Alignment(max_shift=12, step=0.25, border=24)
ROUNDS, FARTHEST = 3, 0.5
"""Steps that follow, and pixels that they may add."""


def moved(image: Tensor, offset: Tensor) -> Tensor:
    """Move an image that goes on beyond its borders, which are mirrored.

    Parameters
    ----------
    image : Tensor, shape (C, H, W)
        Larger than 32 pixels.
    offset : Tensor, shape (2,)
        Rows and columns in pixels; positive moves down and to the right.

    Returns
    -------
    Tensor, shape (C, H, W)
    """
    beyond = torch.nn.functional.pad(image[None], [MARGIN] * 4, mode="reflect")
    return shift(beyond, offset[None].to(image))[0, :, MARGIN:-MARGIN, MARGIN:-MARGIN]


def image_offset(restored: Tensor, truth: Tensor) -> Tensor:
    """Find the shift of the truth that is nearest to a restored image.

    Quarters of a pixel up to twelve pixels, as photographs are scored, then Gauss and Newton's
    steps on the squared error, inside the border.

    Parameters
    ----------
    restored, truth : Tensor, shape (C, H, W)
        Larger than 48 pixels.

    Returns
    -------
    Tensor, shape (2,)
        Rows and columns in pixels: the truth moved by them is nearest.
    """
    inner = (..., *(slice(COARSE.border, -COARSE.border),) * 2)
    start = torch.tensor(best_shift(truth, restored[inner], COARSE))
    offset = start
    for _ in range(ROUNDS):
        there = moved(truth, offset)
        slopes = torch.stack(
            [(there.roll(-1, axis) - there.roll(1, axis))[inner].flatten() / 2 for axis in (1, 2)]
        ).double()
        left = (restored - there)[inner].flatten().double()
        normal = slopes @ slopes.T + 1e-9 * torch.eye(2, dtype=torch.float64)
        offset = offset - torch.linalg.solve(normal, slopes @ left).float()
        if (offset - start).abs().max() > FARTHEST:  # farther than slopes tell anything of
            return start
    return offset


def registered_mean(
    images: Sequence[Tensor], boundary: Boundary, shares: Tensor | None = None
) -> Tensor:
    """Average restorations of one observation, moved to where the first one lies.

    Parameters
    ----------
    images : sequence of Tensor, shape (C, H, W), in [0, 1]
        Those of no more than 72 pixels tell no shift and are not moved.
    boundary : {"circular", "free"}
    shares : Tensor, shape (M,), optional
        Of each, summing to 1; equal ones by default.

    Returns
    -------
    Tensor, shape (C, H, W), in [0, 1]
    """
    place = images[0]
    if min(place.shape[1:]) > 3 * COARSE.border:
        images = [place, *(_placed(image, place, boundary) for image in images[1:])]
    if shares is None:
        return torch.stack(list(images)).mean(0).clamp(0, 1)
    weighed = [share * image for share, image in zip(shares.to(place), images, strict=True)]
    return torch.stack(weighed).sum(0).clamp(0, 1)


def _placed(image: Tensor, place: Tensor, boundary: Boundary) -> Tensor:
    """Move an image (C, H, W) to where another one lies."""
    offset = image_offset(place.cpu(), image.cpu())
    if boundary == "circular":
        return shift(image[None], offset[None].to(image))[0]
    return moved(image, offset)
