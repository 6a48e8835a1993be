"""``selfdeblur-refined``: the kernel of two untrained networks, refined by marginal likelihood."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from torch import Tensor

from bench.methods.photographs.evidence import Refinement
from bench.methods.photographs.softness import (
    SOFTNESSES,
    degrees,
    likely,
    refine_softly_on_window,
    refinement_checksum,
    restore_softly,
)
from bench.methods.selfdeblur.method import SelfDeblur
from bench.methods.selfdeblur.solver import Fitted
from bench.physics.intensity import luma
from bench.protocol import Knowledge, Task


@dataclasses.dataclass(frozen=True)
class Refined(Fitted):
    """A fit with its likely kernel.

    Attributes
    ----------
    kernels : list of Tensor, shape (kh, kw)
        One for each softness that the photograph may have; the last is the most concentrated.
    """

    kernels: list[Tensor]


class SelfDeblurRefined(SelfDeblur):
    """Refines the kernel of ``selfdeblur`` by the marginal likelihood of sparse gradients.

    The joint fit of one image and one kernel finds kernels where edges mislead, but too narrow ones
    where the network draws too smooth an image. The likelihood averages over images and corrects
    that, once it is granted the softness that the photograph has of its own. How much that is the
    observation does not say: the image is the mean over what it may be. ``bench deblur``, which
    cuts photographs into tiles, restores with the likely kernel alone.
    ``marginal-natural`` takes the same refinement from a kernel of edges, for sharp photographs.

    Parameters
    ----------
    task : Task
    restarts, steps
        As those of :class:`SelfDeblur`.
    turns : int
        Of gradients, their variances and the kernel. 0 leaves the refinement out, and softness
        with it.
    softnesses : int
        How many degrees of a photograph's own softness are tried; 1 takes it for sharp. The image
        is the mean over those up to the most concentrated kernel's, the kernel the one before it.
    weight : float
        Of the total variation, in units of the best one for a true kernel.

    Raises
    ------
    InvalidInput
        For counts out of range, and a weight that is not positive.
    """

    title = "SelfDeblur, refined by marginal likelihood"
    version: ClassVar[str] = "2"
    microseconds: ClassVar[tuple[float, float]] = (1350, 12)
    reference: ClassVar[str] = (
        "D. Ren, K. Zhang, Q. Wang, Q. Hu, W. Zuo, Neural Blind Deconvolution Using Deep Priors, "
        "CVPR 2020; D. Wipf, H. Zhang, Revisiting Bayesian Blind Deconvolution, JMLR 15, 2014"
    )

    def __init__(
        self,
        task: Task,
        restarts: int = 1,
        steps: int = 0,
        turns: int = Refinement.iterations,
        softnesses: int = len(SOFTNESSES),
        weight: float = 0.7,
    ) -> None:
        super().__init__(task, restarts=restarts, steps=steps)
        self.refinement, self.softnesses = Refinement.of(turns), degrees(softnesses, turns)
        self.weigh(weight)

    @classmethod
    def knowledge(cls, parameters: Mapping[str, Any]) -> Knowledge:
        """What the default preset of ``selfdeblur`` knows."""
        return super().knowledge({})

    @classmethod
    def assets_for(cls, task: Task, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the checksums of the parameters, the refinement's too."""
        return {**super().assets_for(task, {}), "refinement": refinement_checksum()}

    def _fit(self, y: Tensor) -> tuple[list[list[Fitted]], float]:
        """Fit the networks to each observation (N, C, H, W), and refine what they give."""
        fits, spent = super()._fit(y)
        refined: list[list[Fitted]] = []
        for grey, some in zip(luma(y)[:, 0], fits, strict=True):
            each = [self._refined(grey, one) for one in some]
            refined.append([one for one, _ in each])
            spent += sum(seconds for _, seconds in each)
        return refined, spent

    def _refined(self, grey: Tensor, fit: Fitted) -> tuple[Refined, float]:
        """Refine the kernel of a fit to (H, W), and say in how many seconds."""
        task = self.task
        problem = grey.cpu(), fit.kernel.cpu(), task.noise, task.boundary
        chosen = *problem, self.refinement, self.softnesses
        found, seconds = self.stages.once(
            functools.partial(refine_softly_on_window, *chosen), "soft refinement", *chosen
        )
        kernels = [kernel.to(fit.kernel) for kernel in found]
        return Refined(**vars(fit) | {"kernel": likely(kernels), "kernels": kernels}), seconds

    def _images(self, y: Tensor, fits: Sequence[Fitted]) -> Tensor:
        """Return the mean image over the softnesses of each fit, shape (R, C, H, W)."""
        refined = cast("Sequence[Refined]", fits)
        chosen = self.restore, self.task.boundary
        return torch.stack([restore_softly(y, fit.kernels, *chosen) for fit in refined])
