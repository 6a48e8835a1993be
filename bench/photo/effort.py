"""How much of the work on a photograph is done, from what methods say that their parts take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from bench.registry import METHODS

SMALL, USUAL = 30, 21
"""An estimate takes in proportion to its kernel's size and so much more; methods state what it
takes at the second size."""
TIES = 2
"""Windows that are usually restored to choose between sizes."""


class Effort:
    """The work on a photograph, in microseconds as methods state them; only ratios count.

    Parameters
    ----------
    tell : callable
        Told the share of the work that is done, in [0, 1], and what is going on.
    window, photograph : int
        Pixels that kernels are estimated from, and that are restored in the end.
    """

    def __init__(self, tell: Callable[[float, str], None], window: int, photograph: int) -> None:
        self._tell, self._window, self._photograph = tell, window, photograph
        self._steps: list[float] = []
        self._done = self._image = 0.0
        self._total = 1.0

    def plan(self, searcher: str, sizes: Sequence[int], method: str) -> None:
        """Lay out the work: a kernel of each size by one method, and all else by another.

        Parameters
        ----------
        searcher, method : str
            May be the same.
        sizes : sequence of int
            Of kernels, in pixels.
        """
        kernel, image = _microseconds(searcher)
        self._steps = [kernel * self._window * (SMALL + size) / (SMALL + USUAL) for size in sizes]
        if len(sizes) > 1:
            self._steps.append(TIES * image * self._window)
        kernel, image = _microseconds(method)
        if method != searcher:
            self._steps.append(kernel * self._window)
        self._image = image * self._photograph
        self._total = sum(self._steps) + self._image

    def size_done(self) -> None:
        """Say that the kernel of the next size is there."""
        self._done += self._steps.pop(0)
        self._tell(self._done / self._total, "kernel")

    def kernel_done(self) -> None:
        """Say that the kernel is chosen."""
        self._done += sum(self._steps)
        self._steps = []
        self._tell(self._done / self._total, "kernel")

    def image_done(self, share: float) -> None:
        """Say which share of the photograph is restored."""
        self._tell(min(1.0, (self._done + share * self._image) / self._total), "image")


def _microseconds(method: str) -> tuple[float, float]:
    """Return what a pixel takes: estimating a kernel from it, and restoring it."""
    return cast(Any, METHODS.load(method)).microseconds
