"""The kernel of a picture of text by a search: other windows and penalties, the least ringing kept.

One climb from coarse to fine finds a large kernel only now and then, and it is not the window that
decides: on the same page a kernel is found from 192 pixels and not from 256, and the other way
round on the next. But a climb that begins again on half the size, from the kernel that was found
there, with the gradients' penalty as high as at first or higher, often leaves what was wrong
behind; and a wrong kernel shows by its ringing. So while the image rings more than the observation,
the best kernel so far is sent through other windows, and what rings less is kept.

The marginal likelihood then refines the kernel to what the noise allows, without a floor that would
cut off its faint parts.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

from torch import Tensor

from bench.methods.deconvolution.tv import tuned_weight
from bench.methods.photographs.choice import restored_ringing, ringing
from bench.methods.photographs.evidence import Refinement, refine_kernel
from bench.methods.photographs.text import TextSettings, Tones, climb
from bench.methods.photographs.window import textured_window
from bench.protocol import Boundary


class Again(NamedTuple):
    """How a climb begins again.

    Attributes
    ----------
    window : int
        Side in pixels.
    bottom : float
        Scale of the level where it begins.
    gradient : float
        Penalty of the gradients, in units of the first climb's.
    """

    window: int
    bottom: float
    gradient: float


REFINEMENT = Refinement(iterations=80, hot=16.0, floor=0.005, component=0.02, least_noise=0.0015)
"""From far more noise than there is, in twice the turns that photographs take."""


@dataclasses.dataclass(frozen=True)
class Search:
    """What is tried; chosen on ``rendered-text-val`` and ``large-rendered-text-val``.

    Attributes
    ----------
    windows : ((int, ...), ...)
        Sides in pixels of the windows that are climbed from two pixels, in groups. The next one's
        turn comes where the image still rings more than the observation.
    again : (Again, ...)
        Tried in turn on the best kernel so far, once a group has given it, until it is calm.
    patience : int
        Failures in a row after which no more of them is tried.
    judged : int
        Side of the window in which ringing is compared.
    refined : (int, ...)
        Sides of the windows on which the best kernel is refined, one after the other: where one
        refinement ends, a second one, hot again, goes on.
    refinement : Refinement
    """

    windows: tuple[tuple[int, ...], ...] = ((192, 256), (320,))
    again: tuple[Again, ...] = (
        Again(256, 0.5, 1.0),
        Again(256, 1.0, 4.0),
        Again(320, 0.5, 1.0),
        Again(192, 0.5, 1.0),
        Again(256, 0.5, 4.0),
    )
    patience: int = 2
    judged: int = 384
    refined: tuple[int, ...] = (256, 320)
    refinement: Refinement = REFINEMENT


def search_kernel(
    seen: Tones,
    size: tuple[int, int],
    noise: float,
    boundary: Boundary,
    settings: TextSettings,
    search: Search,
) -> Tensor:
    """Search for the kernel of a picture of text.

    Parameters
    ----------
    seen : Tones
        Of the picture.
    size : (int, int)
        Of the kernel's grid.
    noise : float
        Standard deviation, in intensities of the picture.
    boundary : {"circular", "free"}
    settings : TextSettings
        Of a climb.
    search : Search

    Returns
    -------
    Tensor, float32, shape (kh, kw)
        Non-negative, summing to 1.
    """
    best = _Best(seen, size, noise, boundary, search.judged)
    tried = set[tuple[int, ...]]()
    for group in search.windows:
        found = False
        for side in group:
            plane = textured_window(seen.plane, side, size, boundary)[0]
            if best.calm or plane.shape in tried:
                continue  # in a small picture, or with a large kernel, windows are the same
            tried.add(tuple(plane.shape))
            found = best.keeps(climb(plane, size, settings)) or found
        if found:
            _try_again(seen.plane, size, boundary, settings, search, best)
    kernel = best.kernel
    for side in search.refined:
        plane, border = textured_window(seen.plane, side, size, boundary)
        kernel = refine_kernel(plane, kernel, noise / seen.span, border, search.refinement)
    return kernel


class _Best:
    """The kernel whose image rings least in the judged window."""

    def __init__(
        self, seen: Tones, size: tuple[int, int], noise: float, boundary: Boundary, side: int
    ) -> None:
        self.plane, self.border = textured_window(seen.plane, side, size, boundary)
        self.weight = tuned_weight("natural", noise / seen.span, self.border)
        self.kernel, self.cost = seen.plane.new_zeros(size), math.inf

    @property
    def calm(self) -> bool:
        """Whether its image rings less than the observation."""
        return self.cost < ringing(self.plane)

    def keeps(self, kernel: Tensor) -> bool:
        """Say whether a kernel is better, and keep it if so."""
        cost = restored_ringing(self.plane, kernel, self.weight, self.border)
        if cost >= self.cost:
            return False
        self.kernel, self.cost = kernel, cost
        return True


def _try_again(
    plane: Tensor,
    size: tuple[int, int],
    boundary: Boundary,
    settings: TextSettings,
    search: Search,
    best: _Best,
) -> None:
    failures = 0
    for side, bottom, factor in search.again:
        if best.calm or failures == search.patience:
            return
        window = textured_window(plane, side, size, boundary)[0]
        higher = dataclasses.replace(settings, gradient=factor * settings.gradient)
        better = best.keeps(climb(window, size, higher, best.kernel, bottom))
        failures = 0 if better else failures + 1
