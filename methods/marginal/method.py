"""``marginal``: the kernel of the largest evidence, and a non-blind step; no image generator.

The image is integrated out under a Gaussian model of its class, the kernel is sought among those
that the motion-blur prior draws, and the image follows from it by one of three steps. Beside ``dd``
and ``dds``, which begin with the same evidence, it tells what an image generator adds.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.methods.deep_deblur.grid import to_grid
from bench.methods.generators.loading import check_generator, kernel_prior, load_generator
from bench.methods.generators.loading import load_card as load_generator_card
from bench.methods.kernel_net.method import check_size
from bench.methods.marginal.estimate import Estimate, Estimator
from bench.methods.marginal.model import load_card, load_model
from bench.methods.marginal.settings import PATH, load_settings, settings_checksum
from bench.methods.marginal.steps import REFIT, STEPS, restore, step_assets
from bench.methods.rows import groups
from bench.physics.forward import blur
from bench.protocol import Knowledge, Method, Restoration, Task, check_observation
from bench.seeds import stable_generators_per_image


class Marginal(Method):
    """Kernel by marginal likelihood from random starts, image by a step given that kernel.

    Parameters
    ----------
    task : Task
        Of a class with a Gaussian model, circular, at its image size.
    final_step : {"", "posterior-mean", "tv", "lmmse", "learned", "refit"}
        How the image is found; empty takes the row's own. See :mod:`bench.methods.marginal.steps`.
    restarts : int
        Random starts; 0 takes the class's.
    search_steps : int
        Of the search by evidence; 0 takes the class's.

    Raises
    ------
    InvalidInput
        For an unknown non-blind step or a negative number.
    """

    title = "Marginal likelihood"
    version: ClassVar[str] = "2"
    batch_size: ClassVar[int] = 2
    device_batch_size: ClassVar[int] = 25
    step: ClassVar[str] = "posterior-mean"
    warm: ClassVar[bool] = False
    knows: ClassVar[Knowledge] = Knowledge(
        boundary=True,
        image_class=True,
        training="generator of kernels, second-order statistics of the class",
    )
    reference: ClassVar[str] = (
        "A. Levin, Y. Weiss, F. Durand, W. T. Freeman, Efficient Marginal Likelihood Optimization "
        "in Blind Deconvolution, CVPR 2011; M. E. Tipping, C. M. Bishop, Probabilistic Principal "
        "Component Analysis, Journal of the Royal Statistical Society B 61(3), 1999"
    )

    def __init__(
        self, task: Task, final_step: str = "", restarts: int = 0, search_steps: int = 0
    ) -> None:
        super().__init__(task)
        self.check_available(task)
        self.final_step = final_step or self.step
        if self.final_step not in STEPS:
            known = ", ".join(STEPS)
            raise InvalidInput(f"There is no non-blind step {final_step!r}; there are: {known}.")
        if min(restarts, search_steps) < 0:
            raise InvalidInput(
                f"restarts={restarts}, search_steps={search_steps}: neither can be negative."
            )
        self.settings = load_settings(task.image_class, restarts, search_steps)
        self.kernel_prior = load_generator(kernel_prior(task.image_class), device=task.device)
        model = load_model(task.image_class).to(task.device)
        self.estimator = Estimator(task.image_class, model, self.kernel_prior, self.settings)

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Ask for a class with a Gaussian model, its image size, and a circular boundary."""
        check_size(task, load_model(task.image_class).image_size, "The Gaussian model")
        check_generator(kernel_prior(task.image_class))

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the checksums of the kernels' generator, the class's model, the settings and the
        step."""
        return cls.assets_for(task, {})

    @classmethod
    def assets_for(cls, task: Task, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the same, with the non-blind step that is asked for."""
        model, kernels = load_card(task.image_class), kernel_prior(task.image_class)
        return {
            f"generator {kernels}": load_generator_card(kernels)["sha256"],
            model["name"]: model["sha256"],
            PATH.name: settings_checksum(task.image_class),
            **step_assets(task.image_class, str(parameters.get("final_step") or cls.step)),
        }

    @classmethod
    def knowledge(cls, parameters: Mapping[str, Any]) -> Knowledge:
        """The learned step has seen images of the class, too."""
        if (parameters.get("final_step") or cls.step) not in ("learned", REFIT):
            return cls.knows
        return dataclasses.replace(cls.knows, training=f"{cls.knows.training}, learned step")

    def starts(self, observation: Tensor, source: torch.Generator) -> Tensor:
        """Return latents to search from, shape (R, d), for one observation (C, H, W)."""
        size = self.kernel_prior.latent_size
        drawn = torch.randn(self.settings.restarts, size, generator=source)
        return drawn.to(observation.device)

    @classmethod
    def stage(cls, parameters: Mapping[str, Any]) -> str:
        """Rows that differ in the non-blind step alone share one search."""
        search = sorted(item for item in parameters.items() if item[0] != "final_step")
        return f"{'warm ' * cls.warm}search by evidence {search}"

    def deblur(self, observation: Tensor) -> Restoration:
        """Restore observations: one after the other, or on a device as many as memory allows.

        Returns
        -------
        Restoration
            ``records`` hold, per image: ``kernel_latent`` and ``scales`` of the likeliest kernel,
            ``restart_evidence`` of the starts that were searched to the end, or of what was drawn
            from them, and
            ``evidence_evaluations``.
        """
        y = check_observation(observation, self.task)
        sources = stable_generators_per_image(y, self.task.seed)
        found, seconds = [], 0.0
        for some in groups(y, self.settings.restarts):
            seen = zip(y[some], sources[some], strict=True)
            starts = [self.starts(one, source) for one, source in seen]
            estimates, spent = self._search(y[some], starts, sources[some])
            found += estimates
            seconds += spent
        began = time.perf_counter()
        pairs = [
            restore(one[None], estimate, self.task.image_class, self.final_step)
            for one, estimate in zip(y, found, strict=True)
        ]
        image, kernel = (torch.cat(parts) for parts in zip(*pairs, strict=True))
        seconds += time.perf_counter() - began
        return Restoration(
            image=image,
            kernel=to_grid(kernel, self.task.kernel_size),
            iterations=self.settings.annealing.steps,
            restarts=self.settings.restarts,
            seconds=seconds / len(y),
            residual=(blur(image, kernel) - y).square().mean((1, 2, 3)).sqrt(),
            records=self._records(found),
        )

    def _search(
        self, y: Tensor, starts: Sequence[Tensor], sources: Sequence[torch.Generator]
    ) -> tuple[list[Estimate], float]:
        """Estimate the kernels of observations (N, C, H, W), and the seconds it took."""
        if len(y) > 1:
            began = time.perf_counter()
            found = self.estimator.estimate_together(y, starts, sources)
            return found, time.perf_counter() - began
        return self.stages.once(
            lambda: [self.estimator.estimate(y[0], starts[0], sources[0])],
            *(self.task.image_class, self.kernel_prior.name, self.settings, y[0], starts[0]),
        )

    def _records(self, found: Sequence[Estimate]) -> dict[str, Tensor]:
        taken = self.estimator.evaluations(self.settings.restarts)
        return {
            "kernel_latent": torch.stack([estimate.latent[0] for estimate in found]),
            "scales": torch.stack([estimate.scales[0] for estimate in found]),
            "restart_evidence": torch.stack([estimate.evidence for estimate in found]),
            "evidence_evaluations": torch.full((len(found),), taken),
        }
