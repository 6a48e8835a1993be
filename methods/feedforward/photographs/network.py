"""Networks for photographs of any size, and how they take them whole.

They pad with zeros and look at nothing but each pixel's surroundings, so that a photograph may be
cut into tiles: a tile that is wide enough changes nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.methods.feedforward.loading import STORE, WEIGHTS
from bench.methods.feedforward.networks import UNet
from bench.protocol import Boundary

NAME = "unet-photographs"
TILE = 768
"""Pixels of a tile's side that are kept, a multiple of the network's: what bounds the memory."""


class PlainBlock(nn.Module):
    """``x + s · conv(relu(conv(norm(x))))``; ``norm`` is over the channels of each pixel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = zero_padded(width, width, 3), zero_padded(width, width, 3)
        self.norm = nn.LayerNorm(width)
        self.scale = nn.Parameter(torch.full((1, width, 1, 1), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        normal = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return x + self.scale * self.second(torch.relu(self.first(normal)))


def zero_padded(inputs: int, outputs: int, side: int) -> nn.Conv2d:
    """Return a convolution of odd ``side`` that keeps the size; beyond the border is 0."""
    return nn.Conv2d(inputs, outputs, side, padding=side // 2)


def reach(depth: tuple[int, ...]) -> int:
    """Return how many pixels away an input can change an output, as a multiple of the network's.

    Two convolutions of 3×3 for each block, on cells of 2, 4 and 8 pixels, and the first and the
    last one; the cells of a level below may begin up to a cell earlier.
    """
    first, second, bottom, third, last = depth
    cells = 2 * (2 * (first + last) + 2) + 4 * 2 * (second + third) + 8 * (2 * bottom + 2)
    return -(-cells // UNet.multiple) * UNet.multiple


@torch.no_grad()
def restore(
    network: Callable[[Tensor], Tensor],
    inputs: Tensor,
    boundary: Boundary,
    margin: int,
    tile: int = TILE,
) -> Tensor:
    """Restore the colours of a photograph of any size.

    Parameters
    ----------
    network : callable
        Maps (1, inputs, h, w) to (1, 1, h, w), sides that are multiples of 8.
    inputs : Tensor, shape (C, inputs, H, W)
    boundary : {"circular", "free"}
    margin : int
        By which tiles overlap on each side, and by which a circular image is continued with its
        own other side; a multiple of 8. With :func:`reach` neither changes anything.
    tile : int
        Side of what is kept of a tile, a multiple of 8.

    Returns
    -------
    Tensor, shape (C, 1, H, W), in [0, 1]
    """
    height, width = inputs.shape[-2:]
    circular = boundary == "circular"
    ahead = margin if circular else 0
    below, right = (ahead + -(size + 2 * ahead) % UNet.multiple for size in (height, width))
    canvas = extended(inputs, (ahead, right, ahead, below), circular)
    restored = torch.empty_like(canvas[:, :1])
    for plane in range(len(inputs)):  # one at a time, so that a batch rounds as its images do
        for kept, seen in tiles((int(canvas.shape[-2]), int(canvas.shape[-1])), tile, margin):
            part = canvas[plane : plane + 1, :, seen[0], seen[1]]
            found = network(part.contiguous(memory_format=torch.channels_last))
            rows, columns = (
                slice(k.start - s.start, k.stop - s.start) for k, s in zip(kept, seen, strict=True)
            )
            restored[plane, :, kept[0], kept[1]] = found[0, :, rows, columns]
    return restored[..., ahead : ahead + height, ahead : ahead + width]


def extended(images: Tensor, beyond: tuple[int, int, int, int], circular: bool) -> Tensor:
    """Continue images to the left, right, top and bottom: as their other side, or as the border."""
    if not circular:
        return functional.pad(images, beyond, mode="replicate")
    left, right, top, bottom = beyond
    height, width = images.shape[-2:]
    rows, columns = torch.arange(-top, height + bottom), torch.arange(-left, width + right)
    return images[..., rows % height, :][..., columns % width]


def tiles(
    size: tuple[int, int], side: int, margin: int
) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Yield what is kept of each tile, and what the network sees of it: rows and columns."""
    for top in range(0, size[0], side):
        for left in range(0, size[1], side):
            starts = zip((top, left), size, strict=True)
            kept, seen = [], []
            for start, length in starts:
                end = min(start + side, length)
                kept.append(slice(start, end))
                seen.append(slice(max(start - margin, 0), min(end + margin, length)))
            yield (kept[0], kept[1]), (seen[0], seen[1])


def build(width: int, depth: tuple[int, ...]) -> UNet:
    """Make a U-Net from a blurred plane to a sharp one, channels last."""
    network: nn.Module = UNet(width, depth, 1, outputs=1, block=PlainBlock, conv=zero_padded)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def load_card(folder: Path = WEIGHTS) -> dict[str, Any]:
    """Read the card of the U-Net for photographs; raise Unavailable if there is none."""
    return STORE.at(folder).card(NAME)


@functools.lru_cache(maxsize=4)
def load_network(folder: Path = WEIGHTS) -> UNet:
    """Load the U-Net for photographs in evaluation mode, with frozen weights.

    Raises
    ------
    Unavailable
        If it is missing or does not match its card.
    """
    return STORE.at(folder).load_built(build, NAME, "width", "depth")
