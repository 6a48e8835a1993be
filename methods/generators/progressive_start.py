"""Starting a progressive generator at the linear solution (principal components).

Without pixel norms a decoder of leaky ReLUs carries a linear model in pairs of channels,
``LReLU(a) − LReLU(−a) = 1.2 a``. A doubling repeats pixels, so no convolution after it can tell the
four children of a pixel apart; but two kernels it can make of a pixel, ``(1, 3, 3, 1)/4`` and
``(−1, −1, 1, 1)/2``, a mean and a difference. Along rows and columns, at every doubling, they are
wavelet packets: with 4×4 positions at the top, a basis of smooth images in which a channel has a
frequency, and those of the lowest are kept. All that the top can draw is then a matrix, and the
dense layer is the least-squares solution that draws the principal components with it. Training only
has to learn what is not linear.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from bench.methods.deconvolution.lmmse import from_opponent
from bench.methods.generators.linear import principal_components
from bench.methods.generators.progressive import SLOPE, EqualisedConv, PGGANDecoder, PooledEncoder

TAPS = torch.tensor([[0.25, 0.5, 0.25], [0.5, 0.0, -0.5]])
"""Weights of a convolution after a doubling that make the two kernels above."""
USED = 7 / 16
"""Pairs that carry the linear model, in units of the channels: an eighth of these stays free."""
CHROMA = 2
"""A frequency of chroma counts as so many times that of luminance."""


class Channel(NamedTuple):
    """A channel of the linear model: its colour, frequencies, and what it is to the finer level."""

    colour: int
    row: int
    column: int
    child: int

    @property
    def order(self) -> float:
        """What the channels that are kept have least of."""
        frequency = (self.row**2 + self.column**2) ** 0.5
        return (CHROMA if self.colour else 1) * (frequency + 0.5)


def start_progressive(decoder: PGGANDecoder, encoder: PooledEncoder | None, images: Tensor) -> None:
    """Set a decoder (and an encoder's linear part) to the principal components of images.

    Parameters
    ----------
    decoder : PGGANDecoder
        Without pixel norms.
    encoder : PooledEncoder or None
    images : Tensor, shape (N, 3, H, W), in [0, 1]
        Their components are those of the images at a quarter of the size, where nearly all of
        their variance is.
    """
    with torch.no_grad():
        pooled = functional.avg_pool2d(images, PooledEncoder.POOL).flatten(1)
        mean, basis, spread = principal_components(pooled, decoder.latent_size)
        codes = (pooled - mean) @ basis / spread
        if encoder is not None:
            encoder.linear.weight.copy_((basis / spread).T)
            encoder.linear.bias.copy_(-(mean @ (basis / spread)))
        x = 2 * images.flatten(1) - 1
        average = x.mean(0)
        drawn_by_codes = (x - average).T @ codes / len(codes)  # the codes are white
        levels = choose_channels([int(USED * width) for width in decoder.widths])
        maps = [doubling(a, len(b)) for a, b in pairwise(levels)]
        maps.append(from_opponent(torch.eye(3).view(1, 3, 3, 1))[0, :, :, :, None])
        _write_convolutions(decoder, maps)
        drawn = drawings(maps)
        gram = drawn.T @ drawn
        gram.diagonal().add_(1e-4 * gram.diagonal().mean())
        target = torch.cat([drawn_by_codes, average[:, None]], 1)
        solution = torch.linalg.solve(gram, drawn.T @ target)
        _write_dense(decoder, solution[:, :-1], solution[:, -1])


def choose_channels(counts: list[int]) -> list[list[Channel]]:
    """Return the channels of every level, the coarsest first, at most ``counts`` of each.

    The finest level has the three opponent colours; a channel of a coarser level is the mean or the
    difference, along rows and columns, of one of the next finer level.
    """
    levels = [[Channel(colour, 0, 0, -1) for colour in range(3)]]
    for count in reversed(counts[:-1]):
        parents = [
            Channel(child.colour, 2 * child.row + down, 2 * child.column + right, index)
            for index, child in enumerate(levels[0])
            for down in (0, 1)
            for right in (0, 1)
        ]
        levels.insert(0, sorted(parents, key=lambda channel: channel.order)[:count])
    return levels


def doubling(parents: list[Channel], children: int) -> Tensor:
    """Return weights (children, parents, 3, 3) by which parents, their pixels repeated, draw
    children."""
    linear = torch.zeros(children, len(parents), 3, 3)
    for place, channel in enumerate(parents):
        taps = torch.outer(TAPS[channel.row % 2], TAPS[channel.column % 2])
        linear[channel.child, place] = taps
    return linear


def drawings(maps: list[Tensor]) -> Tensor:
    """Return images (pixels, 16·channels) that single coefficients at the 4×4 positions draw.

    Parameters
    ----------
    maps : list of Tensor
        Of the doublings, and the last of colours, as the convolutions are given them.
    """
    channels = maps[0].shape[1]
    parts = []
    for x in torch.eye(16 * channels).view(-1, channels, 4, 4).split(256):
        for weight in maps[:-1]:
            x = functional.conv2d(functional.interpolate(x, scale_factor=2.0), weight, padding=1)
        parts.append(functional.conv2d(x, maps[-1]).flatten(1))
    return torch.cat(parts).T.contiguous()


def _write_convolutions(decoder: PGGANDecoder, maps: list[Tensor]) -> None:
    """Let convolutions draw the channels; what the linear model leaves over stays random.

    The second convolution of a resolution passes its channels on.
    """
    *doublings, colours = maps
    passing = []
    for weight in doublings:
        passing.append(_passing(weight.shape[1]))
        passing.append(weight)
    passing.append(_passing(colours.shape[1]))
    for conv, weight in zip(decoder.convs, passing, strict=True):
        assert isinstance(conv, EqualisedConv)
        paired = torch.cat([weight, -weight], 1) / (1 + SLOPE)
        _set(conv, torch.cat([paired, -paired]))
    _set(decoder.output, torch.cat([colours, -colours], 1) / (1 + SLOPE))


def _passing(channels: int) -> Tensor:
    weight = torch.zeros(channels, channels, 3, 3)
    weight[:, :, 1, 1] = torch.eye(channels)
    return weight


def _set(layer: EqualisedConv, values: Tensor) -> None:
    """Write a layer's first outputs, which see its first inputs and no others."""
    layer.weight[: len(values)] = 0
    layer.weight[: len(values), : values.shape[1]] = values / layer.gain


def _write_dense(decoder: PGGANDecoder, basis: Tensor, mean: Tensor) -> None:
    """Write coefficients (16·channels, d) and their mean into pairs of the dense layer."""
    weight = torch.cat([basis, -basis]) / decoder.dense.gain
    decoder.dense.weight[: len(weight)] = weight
    decoder.dense.bias[: len(weight)] = torch.cat([mean, -mean])
