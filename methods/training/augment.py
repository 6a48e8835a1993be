"""Augmentations: functions of a batch in [0, 1] and a generator, by name."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from bench.physics import intensity

Augmentation = Callable[[Tensor, torch.Generator], Tensor]


def flip(x: Tensor, source: torch.Generator) -> Tensor:
    """Mirror half of the images left to right."""
    return torch.where(_coin(x, source), x.flip(3), x)


def dihedral(x: Tensor, source: torch.Generator) -> Tensor:
    """Mirror and transpose at random: motion blur has no preferred direction."""
    x = torch.where(_coin(x, source), x.flip(3), x)
    x = torch.where(_coin(x, source), x.flip(2), x)
    return torch.where(_coin(x, source), x.transpose(2, 3), x)


def stretch(x: Tensor, source: torch.Generator) -> Tensor:
    """Stretch each image to span [0, 1], as the published test images are."""
    return intensity.stretch(x)


def invert(x: Tensor, source: torch.Generator) -> Tensor:
    """Invert half of the images: dark digits on light ground and the reverse."""
    return torch.where(_coin(x, source), 1 - x, x)


def channels(x: Tensor, source: torch.Generator) -> Tensor:
    """Permute the colours of the whole batch."""
    return x[:, torch.randperm(3, generator=source)]


def contrast(x: Tensor, source: torch.Generator) -> Tensor:
    """Scale each image's contrast by 0.7 to 1.5 about its mean and shift it by up to ±0.1."""
    size = (len(x), 1, 1, 1)
    gain = 0.7 + 0.8 * torch.rand(size, generator=source)
    shift = 0.2 * torch.rand(size, generator=source) - 0.1
    mean = x.mean((1, 2, 3), keepdim=True)
    return (mean + gain * (x - mean) + shift).clamp(0, 1)


def sharpen(x: Tensor, source: torch.Generator) -> Tensor:
    """Add 0 to 2 times the difference from a 3×3 binomial blur.

    The training digits are softer than the test set's (mean absolute Laplacian 0.036 against
    0.061), and a prior fitted to soft images alone cannot draw sharp ones.
    """
    taps = torch.tensor([0.25, 0.5, 0.25])
    weight = (taps[:, None] * taps).expand(x.shape[1], 1, 3, 3)
    padded = functional.pad(x, (1, 1, 1, 1), mode="replicate")
    soft = functional.conv2d(padded, weight, groups=x.shape[1])
    gain = 2 * torch.rand((len(x), 1, 1, 1), generator=source)
    return (x + gain * (x - soft)).clamp(0, 1)


AUGMENTATIONS: dict[str, Augmentation] = {
    function.__name__: function
    for function in (flip, dihedral, stretch, invert, channels, contrast, sharpen)
}


def _coin(x: Tensor, source: torch.Generator) -> Tensor:
    return torch.rand((len(x), 1, 1, 1), generator=source) < 0.5
