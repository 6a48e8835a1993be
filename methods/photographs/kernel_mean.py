"""``kernel-mean``: the mean of the kernels that several blind methods estimate."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.methods.learned.method import estimator, timed
from bench.methods.photographs.registration import COARSE, image_offset
from bench.methods.photographs.restoring import RestoresByVariation, variation_text
from bench.methods.photographs.sparse_edges import placed
from bench.physics.alignment import centroid
from bench.physics.forward import circular_residual
from bench.protocol import Knowledge, Method, Restoration, Task, check_observation

MEMBERS = "marginal-natural+pmp+selfdeblur"
"""Methods of three kinds, whose mistakes are not the same."""
CHOSEN = "members chosen on development photographs"


class KernelMean(RestoresByVariation):
    """Restores by total variation with the mean of other methods' kernels.

    A blind problem leaves every method a shift of its own, so that kernels are registered by the
    images that are restored with them. The reference weighs kernels by a learned model of their
    mistakes; this is its baseline, the plain mean.

    Parameters
    ----------
    task : Task
    kernels_from : str
        Names of blind methods that return kernels, joined by ``+``. They run with their default
        parameters; the first one's place is everybody's.
    weight : float
        Of the total variation, in units of the best one for a true kernel.

    Raises
    ------
    InvalidInput
        If one of them is an oracle, a replay or this method, or for fewer than two names.
    """

    title = "Mean of several methods' kernels"
    batch_size: ClassVar[int] = 1
    microseconds: ClassVar[tuple[float, float]] = (1400, 5)
    knows: ClassVar[Knowledge] = Knowledge(noise=True, boundary=True, training=CHOSEN)
    reference: ClassVar[str] = (
        "L. Mai, F. Liu, Kernel Fusion for Better Image Deblurring, CVPR 2015 (the mean alone)"
    )

    default: ClassVar[str] = MEMBERS

    def __init__(self, task: Task, kernels_from: str = MEMBERS, weight: float = 0.7) -> None:
        super().__init__(task)
        self.weigh(weight)
        inner = members(kernels_from)
        for method in inner:
            method.check_available(task)
        self.inner: list[Method] = [method(task) for method in inner]

    @classmethod
    def stage(cls, parameters: Mapping[str, Any]) -> str:
        """Share what the first member shares that shares anything."""
        named = str(parameters.get("kernels_from", cls.default))
        return next(filter(None, (str(each.stage({})) for each in members(named))), "")

    @classmethod
    def assets_for(cls, task: Task, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the other methods' checksums and versions, by their names."""
        found = {"weight": variation_text(task)}
        names = str(parameters.get("kernels_from", cls.default))
        for name, method in zip(names.split("+"), members(names), strict=True):
            own = method.assets_for(task, {})
            found |= {f"{name}: {what}": value for what, value in own.items()}
            found[f"version of {name}"] = method.version
        return found

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return what the default methods depend on."""
        return cls.assets_for(task, {})

    @classmethod
    def knowledge(cls, parameters: Mapping[str, Any]) -> Knowledge:
        """Return what any of the other methods knows."""
        named = str(parameters.get("kernels_from", cls.default))
        inner = [each.knowledge({}) for each in members(named)]
        training = dict.fromkeys(part for known in inner for part in known.training.split(", "))
        return Knowledge(
            noise=True,
            boundary=True,
            kernel_size=any(known.kernel_size for known in inner),
            image_class=any(known.image_class for known in inner),
            training=", ".join(filter(None, [*training, CHOSEN])),
        )

    def deblur(self, observation: Tensor) -> Restoration:
        """Run the other methods, register and average their kernels, and restore.

        Parameters
        ----------
        observation : Tensor, float32, shape (N, C, H, W), in [0, 1]

        Returns
        -------
        Restoration
        """
        y = check_observation(observation, self.task)
        runs = [timed(method, y, self.stages) for method in self.inner]
        found, spent = [one for one, _ in runs], sum(seconds for _, seconds in runs)
        began = time.perf_counter()
        for method, one in zip(self.inner, found, strict=True):
            if one.kernel is None:
                raise InvalidInput(
                    f"{type(method).__name__} returned no kernel; one of every method is needed."
                )
        kernels = torch.stack([one.kernel.cpu() for one in found if one.kernel is not None], 1)
        shares = torch.stack([self.shares(*each) for each in zip(y.cpu(), kernels, strict=True)])
        pairs = zip(y.cpu(), kernels, shares, strict=True)
        kernel = torch.stack([self.combined(*each) for each in pairs]).to(y)
        image = self.image(y, kernel, found, shares)
        residual = circular_residual(y, image, kernel, self.task.boundary)
        return Restoration(
            image,
            kernel,
            seconds=(spent + time.perf_counter() - began) / len(y),
            generator_evaluations=sum(one.generator_evaluations for one in found),
            iterations=sum(one.iterations for one in found),
            restarts=sum(one.restarts for one in found),
            residual=residual,
        )

    def shares(self, y: Tensor, kernels: Tensor) -> Tensor:
        """Return the members' shares, shape (M,), in the mean of one observation (C, H, W)."""
        return torch.full((len(kernels),), 1 / len(kernels))

    def image(
        self, y: Tensor, kernel: Tensor, found: Sequence[Restoration], shares: Tensor
    ) -> Tensor:
        """Return the images (N, C, H, W) that follow from the combined kernels (N, kh, kw)."""
        return self.restore(y, kernel)

    def combined(self, y: Tensor, kernels: Tensor, shares: Tensor) -> Tensor:
        """Return the mean, shape (kh, kw), of one observation's kernels (M, kh, kw)."""
        size = (int(kernels.shape[1]), int(kernels.shape[2]))
        places = centroid(kernels)
        if min(y.shape[1:]) > 3 * COARSE.border:  # smaller images tell no shift
            middle = (torch.tensor(size) - 1) / 2
            images = self.restore(y.expand(len(kernels), *y.shape), kernels)
            places = torch.stack([middle + image_offset(images[0], each) for each in images])
        pairs = zip(kernels, places, strict=True)
        there = torch.stack([placed(each, size, 1.0, centre) for each, centre in pairs])
        return (shares[:, None, None] * there).sum(0)

    def close(self) -> None:
        """Release what the other methods hold."""
        for method in self.inner:
            method.close()


def members(names: str) -> Sequence[Any]:
    """Return the classes of blind methods whose names are joined by ``+``.

    Raises
    ------
    InvalidInput
        If one is none, or would run itself, or for fewer than two names.
    """
    listed = names.split("+")
    if len(listed) < 2:
        raise InvalidInput(f"kernels_from = {names!r}; join two names or more by '+'.")
    return [estimator(name, KernelMean) for name in listed]
