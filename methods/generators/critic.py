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
            # As in DCGAN. Batch norm makes small weights learn fast: begun at their usual size,
            # this discriminator stays at chance behind the decoder.
            nn.init.normal_(layer.weight, std=0.02)  # type: ignore[arg-type]
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, 64, 64) in [−1, 1] to logits (N, 16) of being a training image."""
        return self.describe(x)[0]

    def describe(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (N, 16), and mean and spread of every filter over the batch (2, C)."""
        x = self.convs[0](x)
        seen = [x]
        for conv, norm in zip(list(self.convs)[1:], [None, *self.norms][:-1], strict=True):
            x = conv(functional.leaky_relu(x if norm is None else norm(x), SLOPE))
            seen.append(x)
        x = functional.leaky_relu(self.norms[-1](x), SLOPE)
        moments = [torch.var_mean(y.float(), (0, 2, 3)) for y in seen]
        spread = torch.cat([variance for variance, _ in moments]).add(1e-6).sqrt()
        return self.output(x).flatten(1).float(), torch.stack(
            [torch.cat([mean for _, mean in moments]), spread]
        )


def told_real(logits: Tensor, label: float) -> Tensor:
    """Binary cross-entropy, a scalar, when told that all have this probability of being real."""
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def mismatch(drawn: Tensor, real: Tensor) -> Tensor:
    """Mean squared difference of two descriptions (2, C), in spreads of the second; a scalar."""
    return ((drawn - real) / real[1]).square().mean()
