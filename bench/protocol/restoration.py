"""What a method finds, and what only oracles and metrics may read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclasses.dataclass(frozen=True)
class Truth:
    """What only oracles and metrics may read: ``image`` (N, C, H, W), ``kernel`` (N, kh, kw)."""

    image: Tensor
    kernel: Tensor


@dataclasses.dataclass(frozen=True)
class Restoration:
    """What a method found, and what it cost, for a batch of N observations.

    Attributes
    ----------
    image : Tensor, shape (N, C, H, W)
        Restored images in [0, 1].
    kernel : Tensor or None, shape (N, kh, kw)
        Estimated kernels in the forward model's centring, summing to 1; None if the method
        estimates none.
    generator_evaluations, iterations, restarts : int
        Cost per image. An evaluation is one forward and backward pass of the image generator.
    seconds : float or None
        Time per image, amortised over the batch. None lets the runner's own clock stand.
    residual : Tensor or None, shape (N,)
        Root mean square of ``y − x ⊗ k`` per pixel and channel.
    records : Mapping
        Anything else worth keeping: latents, ``range_image``, per-restart records, loss traces;
        tensors whose first dimension is N.
    """

    image: Tensor
    kernel: Tensor | None = None
    generator_evaluations: int = 0
    iterations: int = 0
    restarts: int = 1
    seconds: float | None = None
    residual: Tensor | None = None
    records: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)
