"""The two untrained networks of SelfDeblur: an encoder-decoder of the image, a dense kernel."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

PLANES = 8
"""Of the image network's input."""
CODE, HIDDEN = 200, 1000
"""Numbers that the kernel network is given, and units of its hidden layer."""


class ImageNetwork(nn.Module):
    """An encoder-decoder with skip connections, from planes of noise to a grey image.

    Every scale halves the image by a convolution of stride 2, convolves once more, and on the way
    back joins what came from below, enlarged bilinearly, with a few planes of its own. Convolutions
    are of 3×3 pixels with reflected borders, or of one pixel; each is followed by batch
    normalisation over the one image and a leaky rectifier, the last by a sigmoid.

    Parameters
    ----------
    channels : sequence of int
        Of each scale, the finest first.
    skips : int
        Planes of every scale that go around what is below it.
    attentive : int
        The scales from this one on, counted from 0, have a non-local block.
    """

    def __init__(self, channels: Sequence[int], skips: int, attentive: int) -> None:
        super().__init__()
        self.around, self.down = nn.ModuleList(), nn.ModuleList()
        self.join, self.up = nn.ModuleList(), nn.ModuleList()
        above = (PLANES, *channels[:-1])
        below = (*channels[1:], channels[-1])
        for scale, (before, own, deeper) in enumerate(zip(above, channels, below, strict=True)):
            self.around.append(_convolution(before, skips, 1))
            self.down.append(
                nn.Sequential(
                    _convolution(before, own, 3, stride=2),
                    NonLocal(own) if scale >= attentive else nn.Identity(),
                    _convolution(own, own, 3),
                )
            )
            self.join.append(nn.BatchNorm2d(skips + deeper))
            self.up.append(
                nn.Sequential(_convolution(skips + deeper, own, 3), _convolution(own, own, 1))
            )
        self.last = nn.Conv2d(channels[0], 1, 1)

    def forward(self, planes: Tensor) -> Tensor:
        """Return images, shape (1, 1, H, W), from planes (1, 8, H, W)."""
        beside = []
        for around, down in zip(self.around, self.down, strict=True):
            beside.append(around(planes))
            planes = down(planes)
        stations = zip(beside, self.join, self.up, strict=True)
        for own, join, up in reversed(list(stations)):
            height, width = own.shape[-2:]
            planes = nn.functional.interpolate(planes, scale_factor=2, mode="bilinear")
            # An odd side was rounded up on the way down.
            planes = up(join(torch.cat([own, planes[..., :height, :width]], 1)))
        return torch.sigmoid(self.last(planes))


class NonLocal(nn.Module):
    """A non-local block of dot products: a mean over all places, weighted by likeness, is added.

    X. Wang, R. Girshick, A. Gupta, K. He, Non-local Neural Networks, CVPR 2018. The places that are
    looked at are pooled in pairs each way, and the block begins as the identity.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(channels // 2, 1)
        self.here = nn.Conv2d(channels, inner, 1)
        self.there = nn.Sequential(nn.Conv2d(channels, inner, 1), nn.MaxPool2d(2))
        self.said = nn.Sequential(nn.Conv2d(channels, inner, 1), nn.MaxPool2d(2))
        self.back = nn.Sequential(nn.Conv2d(inner, channels, 1), nn.BatchNorm2d(channels))
        for parameter in self.back[1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, planes: Tensor) -> Tensor:
        """Return planes of the same shape."""
        here = self.here(planes)
        there, said = self.there(planes).flatten(2), self.said(planes).flatten(2)
        likeness = here.flatten(2).transpose(1, 2) @ there / there.shape[-1]
        found = (likeness @ said.transpose(1, 2)).transpose(1, 2).reshape(here.shape)
        return planes + self.back(found)


class KernelNetwork(nn.Module):
    """Two dense layers from a fixed code to a kernel that is positive and sums to 1.

    Parameters
    ----------
    size : (int, int)
        Of the kernel.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        self.hidden = nn.Sequential(nn.Linear(CODE, HIDDEN), nn.ReLU6())
        self.last = nn.Linear(HIDDEN, size[0] * size[1])

    def forward(self, code: Tensor) -> Tensor:
        """Return the kernel, shape (kh, kw), of a code (200,)."""
        return torch.softmax(self.last(self.hidden(code)), 0).view(self.size)

    @torch.no_grad()
    def begin_at(self, kernel: Tensor, code: Tensor, spread: float) -> None:
        """Choose the last layer's offsets so that a code gives a kernel.

        Parameters
        ----------
        kernel : Tensor, shape (kh, kw)
            Non-negative, summing to 1.
        code : Tensor, shape (200,)
        spread : float
            Share of the mass that is spread over the grid, so that pixels can come back.
        """
        wanted = (1 - spread) * kernel.flatten() + spread / kernel.numel()
        self.last.bias.add_(wanted.log() - self.last(self.hidden(code)))


def _convolution(planes: int, channels: int, side: int, stride: int = 1) -> nn.Sequential:
    border = [nn.ReflectionPad2d(side // 2)] if side > 1 else []
    layers = [nn.Conv2d(planes, channels, side, stride), nn.BatchNorm2d(channels)]
    return nn.Sequential(*border, *layers, nn.LeakyReLU(0.2))
