"""The size of a kernel that nobody knows: sizes on a ladder, and the kernel with most evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from torch import Tensor

from bench.metrics import sharpness_index
from bench.photo.evidence import Evidence

LADDER = (9, 11, 13, 17, 21, 27, 35, 45, 57, 73)
"""Sides of kernels in pixels. Neighbours differ by little: an estimate may fail at one size and
succeed at the next."""
TIE = 0.003
"""Evidence per pixel by which kernels are as good as equal. It does not see the phases of a
kernel, which the sharpness of the restored window does."""
SHARE = 4
"""A window is at least so many kernels wide."""


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A kernel of a size, (kh, kw), and its evidence per pixel."""

    size: int
    kernel: Tensor
    evidence: float
    sharpness: float = float("nan")


def sizes_for(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the sizes that a window of a shape can tell; the smallest always."""
    return tuple(size for size in LADDER if size == LADDER[0] or size * SHARE <= min(shape))


def search(
    estimate: Callable[[int], Tensor],
    evidence: Evidence,
    sizes: Sequence[int],
    restore: Callable[[Tensor], Tensor],
    explains: Callable[[Tensor, Tensor], bool],
    progress: Callable[[], None] = lambda: None,
) -> list[Candidate]:
    """Estimate a kernel at every size, the best first.

    The best has the most evidence; of those that have hardly less, the one whose restored window
    has the largest sharpness index, and first of all those that explain the window.

    Parameters
    ----------
    estimate : callable
        From a size in pixels to a kernel, shape (kh, kw).
    evidence : Evidence
        Of the window that the kernels were estimated from.
    sizes : sequence of int
    restore : callable
        From a kernel to the restored window, shape (1, C, H, W), for those that evidence alone
        does not decide between.
    explains : callable
        From a restored window and a kernel to whether they leave no more than noise.
    progress : callable
        Called after each size.
    """
    found = []
    for size in sizes:
        kernel = estimate(size)
        found.append(Candidate(size, kernel, evidence.of(kernel)))
        progress()
    found.sort(key=lambda candidate: -candidate.evidence)
    close = sum(candidate.evidence >= found[0].evidence - TIE for candidate in found)
    if close == 1:
        return found
    ranked = []
    for each in found[:close]:
        window = restore(each.kernel)
        sharp = dataclasses.replace(each, sharpness=float(sharpness_index(window)[0]))
        ranked.append((not explains(window, each.kernel), -sharp.sharpness, sharp))
    ranked.sort(key=lambda entry: entry[:2])
    return [*(sharp for _, _, sharp in ranked), *found[close:]]
