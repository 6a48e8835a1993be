"""The kernel network for photographs: windows of them, and how its estimates become one."""

from __future__ import annotations

import functools
import math
from pathlib import Path

import torch
from torch import Tensor

from bench.methods.kernel_net.loading import STORE, WEIGHTS
from bench.methods.kernel_net.network import MapsNetwork, autocorrelation
from bench.methods.photographs.sparse_edges import placed, scaled
from bench.methods.training.photographs import LARGEST
from bench.physics.texture import texture

CLASS = "photographs"
WINDOW = 128
"""Side in pixels of what the network sees."""
STEP = 64
"""Pixels between windows."""
CERTAINTY = 2.0
"""Windows that what all of them say counts as: they err alike, but not quite."""
MOST = 64
"""Windows that are asked, the most textured ones."""


class WindowNetwork(MapsNetwork):
    """The network on grey windows whose other side is not next to their border.

    Parameters
    ----------
    width, blocks : int
        See :class:`bench.methods.kernel_net.network.MapsNetwork`.
    """

    taper: Tensor

    def __init__(self, width: int = 128, blocks: int = 8) -> None:
        super().__init__(WINDOW, width, blocks, channels=1, side=LARGEST)
        wave = torch.sin(math.pi * (torch.arange(WINDOW) + 0.5) / WINDOW)
        self.register_buffer("taper", wave[:, None] * wave, persistent=False)

    def seen(self, observation: Tensor) -> Tensor:
        """Put the derivatives and their autocorrelations next to windows (N, 1, 128, 128)."""
        rows = torch.nn.functional.pad(observation.diff(dim=2), (0, 0, 0, 1))
        cols = torch.nn.functional.pad(observation.diff(dim=3), (0, 1))
        maps = autocorrelation((rows * self.taper)[:, 0].float(), (cols * self.taper)[:, 0].float())
        return torch.cat([2 * observation - 1, 4 * rows, 4 * cols, maps], 1)


@functools.lru_cache(maxsize=4)
def load_network(folder: Path = WEIGHTS) -> WindowNetwork:
    """Load the network in evaluation mode, with frozen weights.

    Raises
    ------
    Unavailable
        If it is missing or does not match its card.
    """
    return STORE.at(folder).load_built(WindowNetwork, CLASS, "width", "blocks")


@torch.no_grad()
def estimate_kernel(network: WindowNetwork, grey: Tensor, size: tuple[int, int]) -> Tensor:
    """Estimate the kernel of a photograph.

    Every window gives the logarithm of a kernel. Their mean counts :data:`CERTAINTY` times. A
    photograph whose kernel may be larger than what the network knows is shrunk.

    Parameters
    ----------
    network : WindowNetwork
    grey : Tensor, shape (H, W), in [0, 1]
        At least 128 pixels each way, when shrunk too.
    size : (int, int)
        Of the kernel's grid.

    Returns
    -------
    Tensor, shape (kh, kw)
        Non-negative, summing to 1.
    """
    scale = shrinking(size)
    inner = size if scale == 1 else (LARGEST, LARGEST)
    seen = (window[None, None].to(network.taper) for window in windows(scaled(grey, scale)))
    logits = torch.cat([network(window) for window in seen]).mean(0).cpu()
    kernel = (CERTAINTY * middle(logits, inner)).flatten().softmax(0).view(inner)
    return kernel if scale == 1 else placed(kernel, size, 1 / scale)


def shrinking(size: tuple[int, int]) -> float:
    """Return the scale at which a kernel grid (kh, kw) is no larger than the network's."""
    return min(1.0, LARGEST / max(size))


def windows(grey: Tensor) -> list[Tensor]:
    """Cut the most textured windows, each (128, 128), out of a photograph (H, W)."""
    tops, lefts = ([*range(0, extent - WINDOW, STEP), extent - WINDOW] for extent in grey.shape)
    found = [grey[top : top + WINDOW, left : left + WINDOW] for top in tops for left in lefts]
    found.sort(key=lambda window: -float(texture(window).sum()))
    return found[:MOST]


def middle(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Cut the middle (kh, kw), whose origin is pixel ``k // 2``, out of maps (..., side, side)."""
    top, left = (maps.shape[-1] // 2 - side // 2 for side in size)
    return maps[..., top : top + size[0], left : left + size[1]]
