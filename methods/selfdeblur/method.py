"""``selfdeblur``: two untrained networks fitted to every photograph."""

from __future__ import annotations

import dataclasses
import functools
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.checksums import checksum
from bench.errors import InvalidInput
from bench.methods.deconvolution.tv import tuned_weight, variation_parameters
from bench.methods.photographs.restoring import RestoresByVariation
from bench.methods.photographs.sparse_edges import Settings as StartSettings
from bench.methods.photographs.sparse_edges import estimate_kernel
from bench.methods.photographs.window import textured_window
from bench.methods.selfdeblur.settings import FAST, PUBLISHED, Settings
from bench.methods.selfdeblur.solver import Fitted, fit
from bench.physics.forward import blur, valid_part
from bench.physics.intensity import luma
from bench.protocol import Boundary, Knowledge, Restoration, Task, check_observation
from bench.seeds import stable_generators_per_image

PRESETS: dict[str, tuple[Settings, str, str]] = {
    "default": (FAST, "sparse-edges", "tv"),
    "published": (PUBLISHED, "none", "network"),
}
"""Settings, the kernel that is begun at, and what restores the image."""
STARTS, FINAL_STEPS = ("sparse-edges", "none"), ("tv", "network")
CHOSEN, BEGUN = "parameters chosen on development photographs", "kernel of sparse-edges to begin at"


class SelfDeblur(RestoresByVariation):
    """An untrained network gives the image, another the kernel; both are fitted to the observation.

    The networks see the luma. The published preset keeps the observation's chroma, as the authors
    do; the default one fits small networks to the most textured window, begins at the kernel of
    ``sparse-edges`` and restores the whole image, in colour, by total variation.

    Parameters
    ----------
    task : Task
    preset : {"default", "published"}
        See :mod:`bench.methods.selfdeblur.settings`.
    start : {"", "sparse-edges", "none"}
        Kernel that is begun at; empty takes the preset's.
    final_step : {"", "tv", "network"}
        What restores the image; empty takes the preset's. With ``network`` nothing is cut to a
        window.
    restarts : int
        Of networks drawn at random; the one with the smallest residual is kept.
    steps : int
        Of Adam; 0 takes the preset's.

    Raises
    ------
    InvalidInput
        For a preset, start or final step that there is none of, and counts out of range.
    """

    title = "SelfDeblur"
    version: ClassVar[str] = "2"
    microseconds: ClassVar[tuple[float, float]] = (1200, 12)
    batch_size: ClassVar[int] = 1
    knows: ClassVar[Knowledge] = Knowledge(
        noise=True,
        kernel_size=True,
        boundary=True,
        training=f"{CHOSEN}, {BEGUN}",
    )
    reference: ClassVar[str] = (
        "D. Ren, K. Zhang, Q. Wang, Q. Hu, W. Zuo, Neural Blind Deconvolution Using Deep Priors, "
        "CVPR 2020"
    )

    def __init__(
        self,
        task: Task,
        preset: str = "default",
        start: str = "",
        final_step: str = "",
        restarts: int = 1,
        steps: int = 0,
    ) -> None:
        super().__init__(task)
        for what, value, known in (
            ("preset", preset, tuple(PRESETS)),
            ("start", start, ("", *STARTS)),
            ("final step", final_step, ("", *FINAL_STEPS)),
        ):
            if value not in known:
                names = ", ".join(name for name in known if name)
                raise InvalidInput(f"There is no {what} {value!r}; there are: {names}.")
        if restarts < 1 or steps < 0:
            raise InvalidInput(
                f"restarts = {restarts} and steps = {steps}: give at least one restart, and steps "
                "that are not negative (0 takes the preset's)."
            )
        chosen = {"preset": preset, "start": start, "final_step": final_step}
        settings, self.start, self.final_step = _choices(chosen)
        self.settings = dataclasses.replace(settings, steps=steps or settings.steps)
        self.restarts = restarts
        # The authors take all their steps, whatever is left of the observation.
        self.enough = task.noise if preset == "default" else 0.0
        self.weight = tuned_weight("natural", task.noise, task.boundary)

    @classmethod
    def knowledge(cls, parameters: Mapping[str, Any]) -> Knowledge:
        """The published procedure is told no noise, and nothing of it was chosen here."""
        _, start, last = _choices(parameters)
        default = parameters.get("preset", "default") == "default"
        begun = start == "sparse-edges"
        chosen = default or begun or last == "tv"
        training = ", ".join([CHOSEN] * chosen + [BEGUN] * begun)
        return dataclasses.replace(cls.knows, noise=default or last == "tv", training=training)

    @classmethod
    def stage(cls, parameters: Mapping[str, Any]) -> str:
        """Rows that differ in what follows the networks' fit share it."""
        settings, start, last = _choices(parameters)
        counts = [parameters.get(name) for name in ("restarts", "steps")]
        return f"untrained networks {settings} {start} {last} {counts}"

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the checksum of the default preset's parameters."""
        return cls.assets_for(task, {})

    @classmethod
    def assets_for(cls, task: Task, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the checksum of the parameters of what is taken."""
        settings, start, last = _choices(parameters)
        parts: list[Any] = [dataclasses.asdict(settings)]
        if start == "sparse-edges":
            parts.append(dataclasses.asdict(StartSettings()))
        if last == "tv":
            parts.extend(variation_parameters("natural", task.noise, task.boundary))
        return {"settings": checksum(json.dumps(parts))}

    def deblur(self, observation: Tensor) -> Restoration:
        """Fit the networks to one observation after the other, and restore the images.

        Parameters
        ----------
        observation : Tensor, float32, shape (N, C, H, W), in [0, 1]

        Returns
        -------
        Restoration
            ``records`` hold, of each restart, ``restart_image`` (uint8), ``restart_kernel``,
            ``restart_objective``, the residual that restarts are compared by, ``loss_trace``, that
            residual by step, and ``restart_steps``; ``chosen`` says which of them was kept.
        """
        y = check_observation(observation, self.task)
        fits, spent = self._fit(y)
        began = time.perf_counter()
        kernels = [torch.stack([one.kernel for one in some]) for some in fits]
        images = [self._images(*pair) for pair in zip(y, fits, strict=True)]
        best = [_best(some) for some in fits]
        image = torch.stack([some[i] for some, i in zip(images, best, strict=True)])
        kernel = torch.stack([some[i] for some, i in zip(kernels, best, strict=True)])
        steps = torch.tensor([[one.steps for one in some] for some in fits])
        difference = blur(image, kernel) - y
        if self.task.boundary == "free":  # near the border y shows what is beyond it
            difference = valid_part(difference, self.task.kernel_size)
        residual = difference.square().mean((1, 2, 3)).sqrt()
        return Restoration(
            image=image,
            kernel=kernel,
            generator_evaluations=int(steps.sum()) // len(y),
            iterations=int(steps.max()),
            restarts=self.restarts,
            seconds=(spent + time.perf_counter() - began) / len(y),
            residual=residual,
            records={
                "restart_image": (torch.stack(images) * 255).round().to(torch.uint8),
                "restart_kernel": torch.stack(kernels),
                "restart_objective": torch.tensor([[f.residual for f in some] for some in fits]),
                "restart_steps": steps,
                "loss_trace": torch.stack([torch.stack([f.trace for f in some]) for some in fits]),
                "chosen": torch.tensor(best),
            },
        )

    def estimate_kernel(self, observation: Tensor) -> Tensor:
        """Estimate the kernels, shape (N, kh, kw), from observations (N, C, H, W)."""
        y = check_observation(observation, self.task)
        return torch.stack([some[_best(some)].kernel for some in self._fit(y)[0]])

    def _fit(self, y: Tensor) -> tuple[list[list[Fitted]], float]:
        """Fit as many pairs of networks as there are restarts to each observation (N, C, H, W), and
        say in how many seconds."""
        sources = stable_generators_per_image(y, self.task.seed)
        chosen = self.task, self.settings, self.start, self.final_step, self.enough, self.restarts
        found, seconds = [], 0.0
        for grey, source in zip(luma(y)[:, 0], sources, strict=True):
            fits, spent = self.stages.once(
                functools.partial(self._fit_one, grey, source), "untrained networks", *chosen, grey
            )
            found.append(fits)
            seconds += spent
        return found, seconds

    def _fit_one(self, grey: Tensor, source: torch.Generator) -> list[Fitted]:
        window, boundary = self.window(grey)
        problem = window, self.task.kernel_size, boundary, self.settings
        start = self._start(grey)
        return [fit(*problem, source, self.enough, start) for _ in range(self.restarts)]

    def _start(self, grey: Tensor) -> Tensor | None:
        if self.start == "none":
            return None
        return estimate_kernel(grey.cpu(), self.task.kernel_size).to(grey)

    def window(self, grey: Tensor) -> tuple[Tensor, Boundary]:
        """Cut what the networks are fitted to out of (H, W), and say what its border is."""
        side, boundary = self.settings.window, self.task.boundary
        if side == 0 or self.final_step == "network":
            return grey, boundary
        return textured_window(grey, side, self.task.kernel_size, boundary)

    def _images(self, y: Tensor, fits: Sequence[Fitted]) -> Tensor:
        """Return the image that follows from each fit, shape (R, C, H, W)."""
        if self.final_step == "tv":
            kernels = torch.stack([one.kernel for one in fits])
            return self.restore(y.expand(len(fits), *y.shape), kernels)
        found = torch.stack([one.image for one in fits])[:, None]
        # Chroma are differences to the luma: moving all channels alike leaves them as they are.
        return (y + found - luma(y[None])).clamp(0, 1)


def _choices(parameters: Mapping[str, Any]) -> tuple[Settings, str, str]:
    """Return the preset's settings, start and final step, with those that were asked for."""
    known = PRESETS.get(parameters.get("preset", "default"), PRESETS["default"])
    settings, start, last = known
    return settings, parameters.get("start") or start, parameters.get("final_step") or last


def _best(fits: list[Fitted]) -> int:
    return min(range(len(fits)), key=lambda number: fits[number].residual)
