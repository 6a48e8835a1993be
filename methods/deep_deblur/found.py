"""What the default solution finds of an observation, by its stages."""

from __future__ import annotations

import dataclasses

from torch import Tensor


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found for one observation; rows are finalists, the chosen one is row ``best``.

    Attributes
    ----------
    image : Tensor, shape (m, C, H, W)
        The free image with slack, else the generated one.
    generated : Tensor, shape (m, C, H, W)
    kernel : Tensor, shape (m, kh, kw)
    latent, kernel_latent : Tensor, shapes (m, d)
    objective : Tensor, shape (m,)
        Equation 4, or 5 with slack.
    evidence : Tensor, shape (m,)
        What finalists were ranked by, lower is better.
    trace : Tensor, shape (m, steps)
        Equation 4 over the joint descent.
    anytime : Tensor, shape (m, s, C, H, W)
        Generated images on the way, after :attr:`anytime_steps` steps.
    anytime_steps : list of int
    evaluations : int
        Of the image generator: forward and backward passes, over all finalists.
    evidence_evaluations : int
        Of the evidence and its gradient, over all restarts.
    """

    image: Tensor
    generated: Tensor
    kernel: Tensor
    latent: Tensor
    kernel_latent: Tensor
    objective: Tensor
    evidence: Tensor
    trace: Tensor
    anytime: Tensor
    anytime_steps: list[int]
    evaluations: int
    evidence_evaluations: int

    @property
    def best(self) -> int:
        """Row of the finalist with the smallest objective."""
        return int(self.objective.argmin())


@dataclasses.dataclass(frozen=True)
class Descended:
    """What ``Solver.descend`` leaves: finalists in rows, as in :class:`Found`.

    Attributes
    ----------
    latent, kernel_latent : Tensor, shapes (m, d)
    evidence : Tensor, shape (m,)
    trace : Tensor, shape (m, steps)
    snapshots : list of Tensor, shape (m, C, H, W)
        Generated images on the way.
    evaluations : int
        Of the image generator, per finalist.
    evidence_evaluations : int
    """

    latent: Tensor
    kernel_latent: Tensor
    evidence: Tensor
    trace: Tensor
    snapshots: list[Tensor]
    evaluations: int
    evidence_evaluations: int


@dataclasses.dataclass(frozen=True)
class Searched:
    """The finalists of one observation, in rows: kernels' latents, images to start from, evidence.

    ``evaluations`` of the evidence were over all restarts.
    """

    kernel_latent: Tensor
    start: Tensor
    evidence: Tensor
    evaluations: int
