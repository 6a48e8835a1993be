"""``learned``: the kernel of another method, and the learned step; ``known-kernel-learned``."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from torch import Tensor

from bench.errors import InvalidInput
from bench.methods.deep_deblur.grid import to_grid
from bench.methods.kernel_net.method import check_size
from bench.methods.learned.network import NAME, STORE, load_card
from bench.methods.learned.photographs import network as photographs
from bench.methods.learned.photographs.step import photograph_assets, photograph_deconvolve
from bench.methods.learned.step import learned_assets, learned_deconvolve
from bench.methods.marginal.model import load_model
from bench.physics.alignment import recentre
from bench.physics.forward import blur, circular_residual
from bench.protocol import Knowledge, Method, Oracle, Restoration, Task, Truth, check_observation
from bench.protocol.stages import Stages
from bench.registry import METHODS

TRAINING = "class images with kernels by marginal likelihood, photographs with kernels by edges"
DEFAULTS = KERNELS, PHOTOGRAPH_KERNELS = "kernel-net", "sparse-edges"
"""Whose kernels the step takes where nothing is said: of a class's images, of photographs."""


class Learned(Method):
    """Image by the learned step, kernel by whatever other method.

    Parameters
    ----------
    task : Task
        Of a class with a Gaussian model, circular, at its image size; or of any other images, which
        the photographs' step takes, of any size, grey or in colour.
    kernel_from : str
        Name of a blind method that returns a kernel. It runs with its default parameters. Empty
        takes ``kernel-net``, and ``sparse-edges`` for photographs.

    Raises
    ------
    InvalidInput
        If that is an oracle, a replay, or this method.
    """

    title: ClassVar[str] = "Learned step on another method's kernel"
    batch_size: ClassVar[int] = 8
    knows: ClassVar[Knowledge] = Knowledge(
        noise=True, boundary=True, image_class=True, training=TRAINING
    )

    def __init__(self, task: Task, kernel_from: str = "") -> None:
        super().__init__(task)
        self.check_available(task)
        inner = estimator(kernel_from or default_kernels(task))
        inner.check_available(task)
        self.inner = inner(task)

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Ask for the network, a class that it knows, its image size and a circular boundary."""
        check_network(task)

    @classmethod
    def assets_for(cls, task: Task, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the checksums of the network, of the other method's files, and that method's
        version."""
        name = str(parameters.get("kernel_from", "")) or default_kernels(task)
        inner = estimator(name)
        own = assets_of_step(task, "estimated")
        return {**own, **inner.assets_for(task, {}), f"version of {name}": inner.version}

    @classmethod
    def knowledge(cls, parameters: Mapping[str, Any]) -> Knowledge:
        """Return what the other method knows too; of two that it may be, what either knows."""
        named = str(parameters.get("kernel_from", ""))
        inner = [estimator(name).knowledge({}) for name in ([named] if named else DEFAULTS)]
        return Knowledge(
            noise=True,
            boundary=True,
            image_class=True,
            kernel_size=any(known.kernel_size for known in inner),
            training=", ".join(filter(None, [*(known.training for known in inner), TRAINING])),
        )

    @classmethod
    def stage(cls, parameters: Mapping[str, Any]) -> str:
        """Share what the other method shares, where it is named."""
        named = str(parameters.get("kernel_from", ""))
        return str(estimator(named).stage({})) if named else ""

    def deblur(self, observation: Tensor) -> Restoration:
        """Run the other method, and restore with its kernel."""
        y = check_observation(observation, self.task)
        found, spent = timed(self.inner, y, self.stages)
        if found.kernel is None:
            raise InvalidInput(
                f"{type(self.inner).__name__} returned no kernel; the learned step needs one."
            )
        began = time.perf_counter()
        restored = _restored(y, found.kernel, self.task, "estimated")
        return dataclasses.replace(
            restored,
            seconds=(spent + time.perf_counter() - began) / len(y),
            generator_evaluations=found.generator_evaluations,
            iterations=found.iterations,
            restarts=found.restarts,
        )

    def close(self) -> None:
        """Release what the other method holds."""
        self.inner.close()


class KnownKernelLearned(Oracle):
    """The learned step with the true kernel, which it was not made for."""

    title: ClassVar[str] = "True kernel, learned step"
    batch_size: ClassVar[int] = 16
    knows: ClassVar[Knowledge] = Knowledge(
        noise=True, boundary=True, image_class=True, truth=True, training=TRAINING
    )

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.check_available(task)

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Ask for the network, a class that it knows, its image size and a circular boundary."""
        check_network(task)

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the checksums of the network and, of a class, the model."""
        return assets_of_step(task, "true")

    def deblur(self, observation: Tensor, truth: Truth) -> Restoration:
        """Restore with the true kernel."""
        y = check_observation(observation, self.task)
        return _restored(y, truth.kernel, self.task, "true")


def of_class(task: Task) -> bool:
    """Say whether the step that knows classes was trained on images of the task's."""
    return task.image_class in load_card()["validation"]


def default_kernels(task: Task) -> str:
    """Return the method whose kernels the step takes where nothing is said."""
    return KERNELS if of_class(task) else PHOTOGRAPH_KERNELS


def assets_of_step(task: Task, kernels: photographs.Kernels) -> Mapping[str, str]:
    """Return what the step of a task depends on, the class's or the photographs'."""
    return learned_assets(task.image_class) if of_class(task) else photograph_assets(kernels)


def check_network(task: Task) -> None:
    """Raise ``NotApplicable`` or ``Unavailable`` where the step cannot be taken."""
    if not of_class(task):
        STORE.weights(photographs.NAME)
        return
    STORE.weights(NAME)
    check_size(task, load_model(task.image_class).image_size, "The learned step")


def estimator(name: str, but: type | None = None) -> Any:
    """Return the class of the blind method of a name.

    Parameters
    ----------
    name : str
    but : type, optional
        Whoever asks, and must not be told to run itself; by default :class:`Learned`.

    Raises
    ------
    InvalidInput
        If it is none, or would run itself.
    """
    found: Any = METHODS.load(name)
    if found.kind != "method" or issubclass(found, but or Learned):
        raise InvalidInput(f"{name!r} is no blind method that estimates kernels: name another.")
    return found


def timed(method: Method, y: Tensor, stages: Stages) -> tuple[Restoration, float]:
    """Run another method, with its default parameters, on observations (N, C, H, W).

    What several rows of a job take from it is computed once.

    Returns
    -------
    restoration : Restoration
    seconds : float
        That it took for all of them, with what another row had computed.
    """
    method.stages = stages
    kind = type(method)
    found, elapsed = stages.once(
        lambda: method.deblur(y), "restoration", kind.__module__, kind.__qualname__, method.task, y
    )
    return found, elapsed if found.seconds is None else found.seconds * len(y)


def _restored(y: Tensor, kernel: Tensor, task: Task, kernels: photographs.Kernels) -> Restoration:
    if not of_class(task):
        return _photograph(y.cpu(), kernel.cpu(), task, kernels)
    kernel = kernel.to(y)
    image = learned_deconvolve(y, kernel, task.image_class)
    centred = recentre(image, kernel)[1].clamp_min(0)
    residual = (blur(image, centred) - y).square().mean((1, 2, 3)).sqrt()
    return Restoration(
        image=image,
        kernel=to_grid(centred, task.kernel_size),
        residual=residual,
    )


def _photograph(y: Tensor, kernel: Tensor, task: Task, kernels: photographs.Kernels) -> Restoration:
    kernel = kernel.clamp_min(0)
    kernel = kernel / kernel.sum((1, 2), keepdim=True).clamp_min(1e-12)
    image = photograph_deconvolve(y, kernel, task.boundary, kernels, task.noise)
    residual = circular_residual(y, image, kernel, task.boundary)
    return Restoration(
        image=image.to(task.device),
        kernel=kernel.to(task.device),
        residual=None if residual is None else residual.to(task.device),
    )
