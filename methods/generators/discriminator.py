"""The discriminator of the DCGAN recipe: the decoder's mirror."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.2


class Discriminator(nn.Module):
    """Four 5×5 stride-2 convolutions with leaky ReLU 0.2, batch norm on all but the first.

    Where DCGAN ends in one dense layer, each of the 4×4 positions is judged by the same linear
    map: a position sees nearly the whole image, and sixteen verdicts an image teach sixteen times
    as fast. (In 30 steps a dense layer of 4,096 inputs hardly knew faces from eigenfaces.)

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
            assert isinstance(layer, nn.Conv2d)
            # As in DCGAN. Batch norm makes small weights learn fast: begun at their usual size,
            # this discriminator stays at chance behind the decoder.
            nn.init.normal_(layer.weight, std=0.02)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    @torch.no_grad()
    def whiten(self, images: Tensor, noise: float) -> None:
        """Start the first layer with filters to which all of a patch counts alike.

        Random filters answer to the smooth part of an image, which principal components have
        right already, and hardly to what they lack. These are random rotations of the inverse
        square root of the patches' covariance, so coarse and fine have the same variance.

        Parameters
        ----------
        images : Tensor, shape (N, 3, H, W), in [−1, 1]
            A few hundred training images.
        noise : float
            Standard deviation of the noise that the discriminator will see.
        """
        patches = functional.unfold(images, 5, stride=7).transpose(1, 2).flatten(0, 1)
        covariance = torch.cov(patches.T.double())
        covariance += max(noise, 0.01) ** 2 * torch.eye(len(covariance))
        values, vectors = torch.linalg.eigh(covariance)
        inverse = vectors * values.rsqrt() @ vectors.T
        first = self.convs[0]
        assert isinstance(first, nn.Conv2d)
        rotation = torch.randn(len(covariance), len(covariance), dtype=torch.double)
        rows = torch.linalg.qr(rotation).Q[: len(first.weight)] @ inverse
        first.weight.copy_(rows.view_as(first.weight))
        assert first.bias is not None
        first.bias.copy_(-rows @ patches.mean(0).double())

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, 64, 64) in [−1, 1] to logits (N, 16) of being a training image."""
        return self.describe(x)[0]

    def describe(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return logits (N, 16), and of each layer the filters' mean and spread (2, C)."""
        with torch.autocast("cpu", enabled=False):  # whitened filters are large and cancel
            x = self.convs[0](x)
        seen = [x]
        for conv, norm in zip(list(self.convs)[1:], [None, *self.norms][:-1], strict=True):
            x = conv(functional.leaky_relu(x if norm is None else norm(x), SLOPE))
            seen.append(x)
        x = functional.leaky_relu(self.norms[-1](x), SLOPE)
        moments = [torch.var_mean(y.float(), (0, 2, 3)) for y in seen]
        described = [torch.stack([mean, (var + 1e-6).sqrt()]) for var, mean in moments]
        return self.output(x).flatten(1).float(), described


def cross_entropy(logits: Tensor, label: float) -> Tensor:
    """Binary cross-entropy, a scalar, with the same probability of being real for all."""
    return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def mismatch(drawn: list[Tensor], real: list[Tensor]) -> Tensor:
    """Return the mean squared difference of two descriptions, in spreads of the second; a
    scalar."""
    layers = [((a - b) / b[1]).square().mean() for a, b in zip(drawn, real, strict=True)]
    return torch.stack(layers).mean()
