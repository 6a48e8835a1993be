"""``dd``, ``dds`` and their warm variants as methods of the benchmark."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.checksums import values_checksum
from bench.errors import InvalidInput, NotApplicable
from bench.methods.deep_deblur import published
from bench.methods.deep_deblur.batches import Solved, solved, solved_as_published
from bench.methods.deep_deblur.grid import to_grid
from bench.methods.deep_deblur.settings import LARGE_PATH, PATH, WARM_PATH, is_large, load_settings
from bench.methods.deep_deblur.solver import Solver
from bench.methods.generators.loading import (
    CLASSES,
    check_generator,
    kernel_prior,
    load_card,
    load_generator,
)
from bench.methods.kernel_net.loading import STORE as NETWORKS
from bench.methods.kernel_net.loading import load_card as load_network_card
from bench.methods.kernel_net.loading import load_network
from bench.methods.kernel_net.method import check_size
from bench.methods.marginal.model import STORE as MODELS
from bench.methods.marginal.model import load_card as load_model_card
from bench.methods.marginal.model import load_model
from bench.methods.rows import groups
from bench.physics.forward import blur, valid_part
from bench.protocol import Formation, Knowledge, Method, Restoration, Task, check_observation
from bench.seeds import generators_per_image as per_image
from bench.seeds import stable_generators_per_image

KERNELS = "motion-blur"
PRESETS = ("default", "published", "published-pggan")
GENERATORS_ALONE = "generators of class and kernels"
WARM_STARTS, WARM_SPREAD = 4, 0.3
"""Starts about the network's kernel: itself, and with so much Gaussian noise on its latent."""


class DeepDeblur(Method):
    """Equation 4: image and kernel in the ranges of two generators, from random starts.

    Parameters
    ----------
    task : Task
    preset : {"default", "published", "published-pggan"}
        See :mod:`bench.methods.deep_deblur.solver` and :mod:`bench.methods.deep_deblur.published`.
    prior : str
        Name of the image generator; empty takes the class's default.
    restarts : int
        Random starts; 0 takes the preset's.
    steps : int
        Of the joint descent; 0 takes the preset's.
    search_steps : int
        Of the search by evidence, in the default preset; 0 takes the settings'.

    Raises
    ------
    InvalidInput
        For an unknown preset, or an image generator of another image size.
    """

    title = "Deep Deblur"
    version: ClassVar[str] = "1"
    batch_size: ClassVar[int] = 1
    device_batch_size: ClassVar[int] = 25
    slack: ClassVar[bool] = False
    warm: ClassVar[bool] = False
    knows: ClassVar[Knowledge] = Knowledge(
        boundary=True,
        image_class=True,
        training="generators of class and kernels, second-order statistics of the class",
    )
    reference: ClassVar[str] = (
        "M. Asim, F. Shamshad, A. Ahmed, Blind Image Deconvolution using Deep Generative Priors, "
        "IEEE Transactions on Computational Imaging 6, 2020, equation 4"
    )

    def __init__(
        self,
        task: Task,
        preset: str = "default",
        prior: str = "",
        restarts: int = 0,
        steps: int = 0,
        search_steps: int = 0,
    ) -> None:
        super().__init__(task)
        self.check_available(task)
        if preset not in PRESETS:
            raise InvalidInput(f"There is no preset {preset!r}; there are: {', '.join(PRESETS)}.")
        if self.slack and preset == "published-pggan":
            raise InvalidInput(f"{preset!r} has no slack: the paper solves equation 4 with it.")
        if task.scene_size is not None and preset != "published-pggan":
            raise NotApplicable(
                f"The preset {preset!r} takes circularly blurred images; of a scene of "
                f"{task.scene_size} that is seen in part, use published-pggan."
            )
        if min(restarts, steps, search_steps) < 0:
            raise InvalidInput(
                f"restarts={restarts}, steps={steps}, search_steps={search_steps}: "
                "none can be negative."
            )
        self.preset, self.restarts, self.steps = preset, restarts, steps
        self.search_steps = search_steps
        self.image_prior = load_generator(prior or task.image_class, device=task.device)
        scene = task.scene_size or task.image_size
        if self.image_prior.image_size != scene:
            raise InvalidInput(
                f"The generator {self.image_prior.name!r} draws images of "
                f"{self.image_prior.image_size}; the observations show {scene}."
            )
        self.kernel_prior = load_generator(kernel_prior(task.image_class), device=task.device)

    @classmethod
    def knowledge(cls, parameters: Mapping[str, Any]) -> Knowledge:
        """The published procedure has the generators alone, and no statistics of the class."""
        if parameters.get("preset", "default") == "default":
            return cls.knows
        return dataclasses.replace(cls.knows, training=GENERATORS_ALONE)

    @classmethod
    def stage(cls, parameters: Mapping[str, Any]) -> str:
        """``dd`` and ``dds`` descend on the same equation 4; only then does slack come in."""
        if parameters.get("preset", "default") != "default":
            return ""
        return f"descent of {'warm ' * cls.warm}Deep Deblur {sorted(parameters.items())}"

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Ask for a class with a prior, its image size, colour and a circular boundary.

        A scene that is larger than the observation takes the boundary's place.
        """
        if task.image_class not in CLASSES or task.image_class == KERNELS:
            known = ", ".join(name for name in CLASSES if name != KERNELS)
            raise NotApplicable(
                f"Deep Deblur needs a generator of the image's class, and there is none of "
                f"{task.image_class!r}; there are priors of: {known}."
            )
        check_generator(task.image_class)
        check_generator(kernel_prior(task.image_class))
        _, height, width = load_card(task.image_class)["image_shape"]
        if task.scene_size is not None:
            task = dataclasses.replace(task, image_size=task.scene_size, boundary="circular")
        check_size(task, (height, width), "The generator")
        for store in (MODELS, *([NETWORKS] if cls.warm else [])):
            store.weights(task.image_class)

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the checksums of the priors, the class's statistics and the settings."""
        return cls.assets_for(task, {})

    @classmethod
    def assets_for(cls, task: Task, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the same, with the image generator that is asked for."""
        names = (
            str(parameters.get("prior") or task.image_class),
            kernel_prior(task.image_class),
        )
        found = {f"generator {name}": load_card(name)["sha256"] for name in names}
        model = load_model_card(task.image_class)
        found[model["name"]] = model["sha256"]
        found[PATH.name] = values_checksum(PATH)
        if is_large(task.image_class):
            found[LARGE_PATH.name] = values_checksum(LARGE_PATH)
        if cls.warm:
            network = load_network_card(task.image_class)
            found[network["name"]] = network["sha256"]
            found[WARM_PATH.name] = values_checksum(WARM_PATH)
        return found

    def deblur(self, observation: Tensor) -> Restoration:
        """Restore observations: one after the other, or on a device as many as memory allows.

        Returns
        -------
        Restoration
            ``records`` hold, per image: ``latent``, ``kernel_latent``, ``range_image`` G(z); of the
            m finalists ``restart_image`` (uint8), ``restart_kernel``, ``restart_objective``,
            ``loss_trace`` and, on the way, ``anytime_image``; ``chosen``, which of them was kept;
            and ``evidence_evaluations``.
        """
        y = check_observation(observation, self.task)
        # Stable ones came later, and would give the smaller classes other starts than their record.
        draw = stable_generators_per_image if is_large(self.task.image_class) else per_image
        sources = draw(y, self.task.seed)
        solve = self._default if self.preset == "default" else self._published
        results = [
            found for some in groups(y, self._rows()) for found in solve(y[some], sources[some])
        ]
        kernel = torch.stack([r.kernel for r in results])
        image = torch.stack([r.image for r in results])
        difference = blur(image, kernel) - y
        if self.task.boundary == "free":  # near the border y shows what is beyond it
            difference = valid_part(difference, self.task.kernel_size)
        residual = difference.square().mean((1, 2, 3)).sqrt()
        first = results[0]
        return Restoration(
            image=image,
            kernel=to_grid(kernel.clamp_min(0), self.task.kernel_size),
            generator_evaluations=first.evaluations,
            iterations=first.iterations,
            restarts=first.restarts,
            seconds=sum(r.seconds for r in results) / len(results),
            residual=residual,
            records={
                name: torch.stack([torch.as_tensor(r.records[name]) for r in results])
                for name in first.records
            },
        )

    def _rows(self) -> int:
        """Return the rows of the generators' batches that one observation takes."""
        if self.preset != "default":
            return self.restarts or published.RESTARTS
        return load_settings(self.task.image_class, self.steps, self.search_steps).finalists

    def _solver(self, device: torch.device) -> Solver:
        settings = load_settings(self.task.image_class, self.steps, self.search_steps)
        model = load_model(self.task.image_class).to(device)
        return Solver(self.image_prior, self.kernel_prior, model, settings, self.slack)

    def _default(self, y: Tensor, sources: Sequence[torch.Generator]) -> list[Solved]:
        """Solve observations (N, C, H, W) by the default preset."""
        began = time.perf_counter()
        solver = self._solver(y.device)
        starts = [self._starts(one, source, solver) for one, source in zip(y, sources, strict=True)]
        prepared = time.perf_counter()
        if len(y) == 1:
            descended, spent = self.stages.once(
                lambda: [solver.descend(y[0], starts[0], warm=self.warm)],
                *(self.task.image_class, self.image_prior.name, self.kernel_prior.name),
                *(self.warm, solver.settings, y[0], starts[0]),
            )
        else:
            descended = solver.descend_together(y, starts, warm=self.warm)
            spent = time.perf_counter() - prepared
        finishing = time.perf_counter()
        found = solver.finish_together(y, descended)
        seconds = prepared - began + spent + time.perf_counter() - finishing
        return [
            solved(each, len(some), solver.settings.steps, seconds / len(y))
            for each, some in zip(found, starts, strict=True)
        ]

    def _starts(self, y: Tensor, source: torch.Generator, solver: Solver) -> Tensor:
        """Return where the search begins: at random, or near what the kernel network says."""
        if not self.warm:
            count = self.restarts or solver.settings.restarts
            return torch.randn(count, self.kernel_prior.latent_size, generator=source).to(y.device)
        network = load_network(self.task.image_class, device=y.device)
        kernel = network.estimate(y[None])
        with torch.no_grad():
            latent = self.kernel_prior.encode(kernel[:, None])
        spread = torch.randn(WARM_STARTS - 1, latent.shape[1], generator=source).to(latent)
        return torch.cat([latent, latent + WARM_SPREAD * spread])

    def _published(self, y: Tensor, sources: Sequence[torch.Generator]) -> list[Solved]:
        """Solve observations (N, C, H, W) by a published procedure, all restarts in one batch."""
        started = time.perf_counter()
        restarts = self.restarts or published.RESTARTS
        sizes = (self.image_prior.latent_size, self.kernel_prior.latent_size)
        drawn = [
            [torch.randn(restarts, size, generator=source).to(y.device) for size in sizes]
            for source in sources
        ]
        if self.slack:
            steps = self.steps or published.SLACK_STEPS
            for starts, source in zip(drawn, sources, strict=True):
                noise = torch.randn(restarts, *y.shape[1:], generator=source).to(y.device)
                starts.append(0.5 + 0.01 * noise)
            solve = published.deep_deblur_slack
        elif self.preset == "published-pggan":
            steps = self.steps or published.LARGE_STEPS
            boundary: Formation = "circular" if self.task.boundary == "circular" else "padded"
            solve = functools.partial(published.deep_deblur_large, boundary=boundary)
        else:
            known = published.STEPS.get(self.task.image_class, published.MOST_STEPS)
            steps = self.steps or known
            solve = published.deep_deblur
        # Rows share nothing but their step: each image's are as they would be by themselves.
        rows = y[0] if len(y) == 1 else y.repeat_interleave(restarts, 0)
        starts = [torch.cat(some) if len(y) > 1 else some[0] for some in zip(*drawn, strict=True)]
        found = solve(rows, self.image_prior, self.kernel_prior, starts, steps)
        seconds = (time.perf_counter() - started) / len(y)
        parts = zip(*(tensor.split(restarts) for tensor in found), strict=True)
        return [solved_as_published(part, steps, seconds) for part in parts]


class DeepDeblurSlack(DeepDeblur):
    """Equation 5: a free image near the range, deblurred by the same kernel.

    Parameters are those of :class:`DeepDeblur`.
    """

    title = "Deep Deblur with slack"
    version: ClassVar[str] = "2"
    slack: ClassVar[bool] = True
    reference: ClassVar[str] = DeepDeblur.reference.replace("equation 4", "equation 5")


class DeepDeblurWarm(DeepDeblur):
    """Equation 4 from the kernel network's start and three perturbations of it."""

    title = "Deep Deblur, warm start"
    warm: ClassVar[bool] = True
    knows: ClassVar[Knowledge] = Knowledge(
        boundary=True,
        image_class=True,
        training=f"{DeepDeblur.knows.training}, kernel network",
    )


class DeepDeblurSlackWarm(DeepDeblurSlack):
    """Equation 5 from the kernel network's start and three perturbations of it."""

    title = "Deep Deblur with slack, warm start"
    warm: ClassVar[bool] = True
    knows: ClassVar[Knowledge] = DeepDeblurWarm.knows
