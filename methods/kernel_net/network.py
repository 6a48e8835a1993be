"""The kernel networks: one forward pass from a blurred image to its kernel.

Both see the observation and, since a motion-blurred edge repeats along the camera's path, the
autocorrelation of its gradients, whose support is that of the kernel's own autocorrelation. A
residual trunk runs at 16×16, and a head turns it into the logits of a softmax over the kernel's
pixels, so that every output is a kernel: non-negative with sum 1. There is no normalisation layer:
on a CPU those cost more than the convolutions next to them, and blocks that start as the identity
train without.

:class:`LagsNetwork` takes the autocorrelation as a vector. :class:`MapsNetwork` takes it as maps
with the image, so that its convolutions see where the kernel lies, and pads with zeros, which is
cheaper; on digits it reached the other's error in a quarter of the training time. Faces and shoes
still have the first.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.datasets.motion_blur import SIZE

GRID = 16
"""Side of the trunk's grid: images are folded to it, 2×2 pixels to a cell (32) or 4×4 (64)."""
LAGS = 28
"""Side of the window of lags kept of the autocorrelations."""


class KernelNetwork(nn.Module):
    """Map observations to kernels."""

    @torch.no_grad()
    def estimate(self, observation: Tensor) -> Tensor:
        """Estimate kernels.

        Parameters
        ----------
        observation : Tensor, shape (N, 3, H, W), in [0, 1]

        Returns
        -------
        Tensor, shape (N, 28, 28)
            Non-negative, each summing to 1.
        """
        return kernels(self(observation))


class MapsNetwork(KernelNetwork):
    """The autocorrelation and the derivatives as further channels of the image.

    Parameters
    ----------
    image_size : int
        Side of the square images; a multiple of 16, at least 32.
    width : int
        Channels of the trunk.
    blocks : int
        Residual blocks of two 3×3 convolutions.
    channels : int
        Of the images.
    side : int
        Of the kernels' grid.
    """

    def __init__(
        self,
        image_size: int,
        width: int = 128,
        blocks: int = 8,
        channels: int = 3,
        side: int = SIZE,
    ) -> None:
        super().__init__()
        self.cell, self.side = image_size // GRID, side
        self.entry = nn.Conv2d(3 * (channels + 1) * self.cell**2, width, 3, padding=1)
        self.blocks = nn.ModuleList(Block(width, "zeros") for _ in range(blocks))
        self.narrow = nn.Conv2d(width, 32, 1)
        self.hidden = nn.Linear(32 * GRID * GRID, 512)
        self.head = nn.Linear(512, side * side)
        # A pixel of the trunk at some lag also votes for the kernel's pixels there.
        self.local = nn.Conv2d(width, self.cell**2, 1)
        with torch.no_grad():
            for value in (*self.head.parameters(), *self.local.parameters()):
                value.zero_()  # the first estimate is flat
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, observation: Tensor) -> Tensor:
        """Return logits (N, side, side) of the kernel's pixels; see :meth:`LagsNetwork.forward`."""
        cells = functional.pixel_unshuffle(self.seen(observation), self.cell)
        x = self.entry(cells.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            x = block(x)
        x = torch.relu(x)
        hidden = torch.relu(self.hidden(torch.relu(self.narrow(x)).flatten(1)))
        votes = functional.pixel_shuffle(self.local(x), self.cell)[:, 0]
        side = self.side
        return (self.head(hidden).view(-1, side, side) + centre(votes, side)).float()

    def seen(self, observation: Tensor) -> Tensor:
        """Put the derivatives and their autocorrelations next to images (N, channels, H, W)."""
        rows, cols = (4 * (observation.roll(-1, axis) - observation) for axis in (2, 3))
        maps = gradient_autocorrelation(observation)
        return torch.cat([2 * observation - 1, rows, cols, maps], 1)


class LagsNetwork(KernelNetwork):
    """The autocorrelation as a vector of lags, for trunk and head.

    Parameters
    ----------
    image_size : int
        Side of the square images; a multiple of 16.
    width : int
        Channels of the trunk.
    blocks : int
        Residual blocks of two 3×3 convolutions with circular padding.
    """

    def __init__(self, image_size: int, width: int = 128, blocks: int = 8) -> None:
        super().__init__()
        self.cell = image_size // GRID
        self.entry = nn.Conv2d(3 * self.cell**2, width, 1)
        self.lags = nn.Sequential(nn.Linear(3 * LAGS * LAGS, 512), nn.ReLU(), nn.Linear(512, width))
        self.blocks = nn.ModuleList(Block(width, "circular") for _ in range(blocks))
        self.narrow = nn.Conv2d(width, 32, 1)
        self.pooled = nn.Linear(width, 512)
        self.hidden = nn.Linear(32 * GRID * GRID, 512)
        self.head = nn.Linear(512 + 3 * LAGS * LAGS, SIZE * SIZE)
        nn.init.zeros_(self.head.weight)  # the first estimate is flat
        nn.init.zeros_(self.head.bias)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, observation: Tensor) -> Tensor:
        """Return log-probabilities of the kernel's pixels.

        Parameters
        ----------
        observation : Tensor, shape (N, 3, H, W), in [0, 1]

        Returns
        -------
        Tensor, shape (N, 28, 28)
            Logits; :func:`kernels` turns them into kernels.
        """
        lags = centre(gradient_autocorrelation(observation), LAGS).flatten(1)
        cells = functional.pixel_unshuffle(2 * observation - 1, self.cell)
        x = self.entry(cells.contiguous(memory_format=torch.channels_last))
        x = x + self.lags(lags)[:, :, None, None]
        for block in self.blocks:
            x = block(x)
        x = torch.relu(x)
        hidden = self.hidden(self.narrow(x).flatten(1)) + self.pooled(x.mean((2, 3)))
        logits = self.head(torch.cat([torch.relu(hidden), lags.to(hidden)], 1))
        return logits.float().view(-1, SIZE, SIZE)


class Block(nn.Module):
    """``x + s · conv(relu(conv(relu(x))))`` with ``s`` starting at 0."""

    def __init__(self, width: int, padding: Literal["zeros", "circular"]) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, padding_mode=padding)
        self.second = nn.Conv2d(width, width, 3, padding=1, padding_mode=padding)
        self.scale = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        return x + self.scale * self.second(torch.relu(self.first(torch.relu(x))))


def kernels(logits: Tensor) -> Tensor:
    """Softmax over the pixels of logits (N, h, w)."""
    return logits.flatten(1).softmax(1).view(logits.shape)


def gradient_autocorrelation(observation: Tensor) -> Tensor:
    """Return autocorrelations of the grey image's differences down, right and along both
    diagonals' sum.

    Parameters
    ----------
    observation : Tensor, shape (N, 3, H, W)

    Returns
    -------
    Tensor, shape (N, 3, H, W)
        Each normalised to 1 at lag zero, which is pixel (H/2, W/2), and scaled by 4: of the row
        differences, the column differences, and their cross-correlation.
    """
    grey = observation.float().mean(1)
    return autocorrelation(grey.roll(-1, 1) - grey, grey.roll(-1, 2) - grey)


def autocorrelation(down: Tensor, right: Tensor) -> Tensor:
    """Return what :func:`gradient_autocorrelation` does, of differences (N, H, W) each."""
    size = down.shape[-2:]
    rows, cols = torch.fft.rfft2(down), torch.fft.rfft2(right)
    pairs = torch.stack([rows * rows.conj(), cols * cols.conj(), rows * cols.conj()], 1)
    maps = torch.fft.irfft2(pairs, s=size)
    energy = (maps[:, 0, 0, 0] + maps[:, 1, 0, 0]).clamp_min(1e-8) / 2
    return 4 * torch.fft.fftshift(maps, dim=(2, 3)) / energy[:, None, None, None]


def centre(maps: Tensor, side: int) -> Tensor:
    """Cut the middle (…, side, side) out of maps (…, H, W)."""
    top, left = maps.shape[-2] // 2 - side // 2, maps.shape[-1] // 2 - side // 2
    return maps[..., top : top + side, left : left + side]


NETWORKS = {"maps": MapsNetwork, "lags": LagsNetwork}
