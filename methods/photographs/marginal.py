"""``marginal-natural``: the kernel by its marginal likelihood under sparse gradients."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor

from bench.methods.photographs.evidence import Refinement
from bench.methods.photographs.method import ChosenEdges
from bench.methods.photographs.softness import refine_on_window
from bench.methods.photographs.sparse_edges import Settings
from bench.protocol import Task


class MarginalNatural(ChosenEdges):
    """Refines the kernel of ``sparse-edges-chosen`` by the marginal likelihood of sparse gradients.

    Whole photographs are restored; the kernel is refined on their most textured window.

    Parameters
    ----------
    task : Task
    iterations, weight
        As those of :class:`SparseEdges`.
    turns : int
        Of gradients, their variances and the kernel. 0 leaves the refinement out.

    Raises
    ------
    InvalidInput
        If the turns are negative.
    """

    title = "Marginal likelihood of sparse gradients"
    microseconds = (110, 5)
    reference: ClassVar[str] = (
        "D. Wipf, H. Zhang, Revisiting Bayesian Blind Deconvolution, JMLR 15, 2014; A. Levin, "
        "Y. Weiss, F. Durand, W. Freeman, Efficient Marginal Likelihood Optimization in Blind "
        "Deconvolution, CVPR 2011"
    )

    def __init__(
        self,
        task: Task,
        iterations: int = Settings.iterations,
        weight: float = 1.0,
        turns: int = Refinement.iterations,
    ) -> None:
        super().__init__(task, iterations, weight)
        self.refinement = Refinement.of(turns)

    @classmethod
    def depends_on(cls) -> tuple[Any, ...]:
        """Return what the kernel estimate depends on."""
        return (*super().depends_on(), Refinement())

    def estimate(self, grey: Tensor) -> Tensor:
        """Estimate the kernel, shape (kh, kw), of one grey observation (H, W)."""
        kernel = super().estimate(grey)
        task = self.task
        return refine_on_window(grey, kernel, task.noise, task.boundary, self.refinement)
