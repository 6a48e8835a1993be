"""The discriminator of the DCGAN recipe: the decoder's mirror."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2


class Critic(nn.Module):
    """Four 5×5 stride-2 convolutions with leaky ReLU 0.2, batch norm on all but the first.

    Where DCGAN ends in one dense layer, each of the 4×4 positions is judged by the same linear
    map: a position sees nearly the whole image, and sixteen verdicts an image teach sixteen times
    as fast. (Over 30 steps a dense layer of 4,096 inputs hardly told faces from eigenfaces.)

    Parameters
    ----------
    width : int
        Channels of the first layer, doubled by each further one; 64 mirrors the decoder.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths = (3, width, 2 * width, 4 * width, 8 * width)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 5, 2, 2) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in widths[2:])
        self.output = nn.Conv2d(widths[-1], 1, 1)
        for layer in (*self.convs, self.output):
            # DCGAN's N(0, 0.02²) takes hundreds of steps to be left; a budget has not so many.
            nn.init.kaiming_normal_(layer.weight, SLOPE)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, 64, 64) in [−1, 1] to logits (N, 16) of being a training image."""
        x = functional.leaky_relu(self.convs[0](x), SLOPE)
        for conv, norm in zip(list(self.convs)[1:], self.norms, strict=True):
            x = functional.leaky_relu(norm(conv(x)), SLOPE)
        return self.output(x).flatten(1).float()


def told_real(logits: Tensor, label: float) -> Tensor:
    """Binary cross-entropy, a scalar, when told that all have this probability of being real."""
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))
