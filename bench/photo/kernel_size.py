"""The size of a kernel that nobody knows: sizes on a ladder, and the kernel with most evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from torch import Tensor

from bench.photo.evidence import Evidence

LADDER = (9, 11, 13, 17, 21, 27, 35, 45, 57, 73)
"""Sides of kernels in pixels. Neighbours differ by little: an estimate may fail at one size and
succeed at the next."""
SHARE = 4
"""A window is at least so many kernels wide."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A kernel of a size, (kh, kw), and its evidence per pixel."""

    size: int
    kernel: Tensor
    evidence: float


def sizes_for(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes that a window of a shape can tell; the smallest always."""
    return tuple(size for size in LADDER if size == LADDER[0] or size * SHARE <= min(shape))


def search(
    estimate: Callable[[int], Tensor],
    evidence: Evidence,
    sizes: Sequence[int],
    progress: Callable[[], None] = lambda: None,
) -> list[Candidate]:
    """Estimate a kernel at every size, best evidence first.

    Parameters
    ----------
    estimate : callable
        From a size in pixels to a kernel, shape (kh, kw).
    evidence : Evidence
        Of the window that the kernels were estimated from.
    sizes : sequence of int
    progress : callable
        Called after each size.
    """
    found = []
    for size in sizes:
        kernel = estimate(size)
        found.append(Candidate(size, kernel, evidence.of(kernel)))
        progress()
    return sorted(found, key=lambda candidate: -candidate.evidence)
