"""From a scene and a condition to the observation that every method sees."""

from __future__ import annotations

import dataclasses
import hashlib

import torch
from torch import Tensor

from bench import forward, seeds
from bench.errors import InvalidInput
from bench.protocol import Dataset, Scene, Task
from bench.registry import KERNELS


@dataclasses.dataclass(frozen=True, order=True)
class Condition:
    """What is varied over a dataset.

    Attributes
    ----------
    noise : float
        Standard deviation of the noise in units of the image range [0, 1].
    blur_length : int or None
        Blur every image with fresh kernels of this trajectory length, in pixels; None keeps the
        dataset's own kernels.
    seed : int
        Seeds the noise, fresh kernels and whatever a method draws.
    """

    noise: float = 0.01
    blur_length: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.noise < 1:
            raise InvalidInput(
                f"The noise is {self.noise:g}; give a standard deviation in [0, 1), "
                "such as 0.01 for 1 %."
            )
        if self.blur_length is not None and not 1 <= self.blur_length <= 28:
            raise InvalidInput(
                f"The blur length is {self.blur_length}; kernels of 28×28 hold 1 to 28 pixels."
            )

    def __str__(self) -> str:
        length = "" if self.blur_length is None else f", blur length {self.blur_length}"
        return f"noise {self.noise:g}{length}, seed {self.seed}"


@dataclasses.dataclass(frozen=True)
class Observed:
    """A scene as it was blurred, and its observation, shape (C, H, W), in [0, 1]."""

    scene: Scene
    observation: Tensor

    def task(self, dataset: Dataset, condition: Condition, device: str) -> Task:
        """Return what a blind method may know of this observation."""
        kernel_height, kernel_width = self.scene.kernel.shape
        height, width = self.observation.shape[-2:]
        return Task(
            image_class=dataset.image_class,
            image_size=(height, width),
            channels=dataset.channels,
            kernel_size=(kernel_height, kernel_width),
            noise=condition.noise,
            boundary=dataset.boundary,
            device=device,
            seed=condition.seed,
        )


def effective(condition: Condition, dataset: Dataset) -> Condition:
    """Return the condition that holds for a dataset.

    A dataset with given observations (real blur) has its own noise, whatever was asked for.

    Raises
    ------
    InvalidInput
        If a blur length is asked of such a dataset.
    """
    if dataset.noise is None:
        return condition
    if condition.blur_length is not None:
        raise InvalidInput(
            f"The dataset {dataset.name!r} holds photographs with real blur; "
            "it has no blur length to vary. Leave it out of this sweep."
        )
    return dataclasses.replace(condition, noise=dataset.noise)


def observe(dataset: Dataset, index: int, condition: Condition) -> Observed:
    """Blur an image of a dataset and add noise (equation 1 of the paper).

    The noise is seeded from (dataset, image, kernel, noise level, seed) and from nothing else,
    so that all methods see the same observation.

    Parameters
    ----------
    dataset : Dataset
    index : int
    condition : Condition
        As :func:`effective` returns it.

    Returns
    -------
    Observed
    """
    scene = dataset[index]
    if scene.observation is not None:
        return Observed(scene, scene.observation)
    if condition.blur_length is not None:
        kernel = KERNELS.load("motion-blur")().kernel(
            index, seed=condition.seed, length=condition.blur_length
        )
        scene = dataclasses.replace(
            scene,
            kernel=kernel,
            kernel_id=f"motion-blur-{condition.blur_length}-{condition.seed}-{index:03d}",
            blur_length=condition.blur_length,
            published={},
        )
    noise = seeds.generator(
        "noise", dataset.name, scene.name, scene.kernel_id, condition.noise, condition.seed
    )
    blurred = forward.blur(scene.image[None], scene.kernel)
    return Observed(scene, forward.add_noise(blurred, condition.noise, [noise])[0])


def digest(scene: Scene) -> str:
    """Checksum of what a scene is made of, so that changed data cannot pass for the old."""
    parts = [scene.image, scene.kernel]
    if scene.observation is not None:
        parts.append(scene.observation)
    parts += [scene.published[key] for key in sorted(scene.published)]
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part.contiguous().to(torch.float32).numpy().tobytes())
    return sha.hexdigest()[:16]
