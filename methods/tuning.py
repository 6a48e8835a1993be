"""Development pairs for tuning: never the published test images, never Levin's.

The circular ones are those of ``datasets/development.py``; photographs with free boundaries are
blurred on a larger field and cropped. The validation digits are softer than the test set's, and
what is tuned on them removes too little noise or too much detail there; ``svhn-sharp`` are the same
digits sharpened as the generator's training images are.
"""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from bench.datasets.generated import PGGANSamples
from bench.datasets.motion_blur import motion_blur_kernels
from bench.datasets.photos import photo_crops
from bench.methods.training.augment import sharpen
from bench.metrics import psnr
from bench.physics.alignment import align
from bench.physics.condition import Condition
from bench.physics.forward import add_noise, blur
from bench.physics.observation import observe
from bench.protocol import Alignment, Task
from bench.registry import DATASETS
from bench.seeds import derive_seed, generator

SETS = {
    "svhn": "svhn-val",
    "shoes": "shoes-val",
    "celeba": "celeba-val",
    "faces128": "faces128-val",
    "natural": "photos-val",
}
FREE_ALIGNMENT = Alignment(max_shift=5, step=0.25, border=15)
FREE_NOISE = 0.003  # of a real camera, where nobody added any
FREE_SIZE, FREE_KERNEL, FREE_LENGTH = 255, 19, 14


class OtherSamples(PGGANSamples):
    """The progressive generator's samples with another seed than the data set's."""

    count, seed = 24, 2017


@dataclasses.dataclass(frozen=True)
class DevelopmentPairs:
    """Observations with their truth, and the task that a method is built from.

    Attributes
    ----------
    task : Task
    image, observation : Tensor, float32, shape (N, C, H, W), in [0, 1]
    kernel : Tensor, float32, shape (N, kh, kw)
    """

    task: Task
    image: Tensor
    observation: Tensor
    kernel: Tensor

    def psnr(self, restored: Tensor) -> Tensor:
        """PSNR in dB of each restored image, shape (N,); with free boundaries after alignment."""
        free = self.task.boundary == "free"
        return psnr(*align(restored, self.image, FREE_ALIGNMENT if free else Alignment()))


def development_pairs(name: str, count: int, noise: float | None = None) -> DevelopmentPairs:
    """Make development pairs of a class.

    Parameters
    ----------
    name : str
        ``svhn``, ``svhn-sharp``, ``shoes``, ``celeba``, ``faces128``, ``faces128-samples`` (drawn
        by the generator), ``natural`` (photographs, circular), or ``free`` (photographs, grey, free
        boundaries).
    count : int
        At most so many.
    noise : float, optional
        Standard deviation; default 0.01, and 0.003 with free boundaries.

    Raises
    ------
    Unavailable
        If the class's training archive is not there.
    """
    if name == "free":
        return _free(count, FREE_NOISE if noise is None else noise)
    if name == "svhn-sharp":
        return _sharp(count, 0.01 if noise is None else noise)
    samples = name == "faces128-samples"
    dataset = OtherSamples() if samples else DATASETS.load(SETS[name])()
    condition = Condition(0.01 if noise is None else noise)
    observed = [observe(dataset, i, condition) for i in range(min(count, len(dataset)))]
    return DevelopmentPairs(
        observed[0].task(dataset, condition, "cpu"),
        torch.stack([item.sample.image for item in observed]),
        torch.stack([item.observation for item in observed]),
        torch.stack([item.sample.kernel for item in observed]),
    )


def _sharp(count: int, noise: float) -> DevelopmentPairs:
    soft = development_pairs("svhn", count, noise)
    image = sharpen(soft.image, generator("development", "sharp"))
    draws = [generator("development", "sharp", index) for index in range(len(image))]
    observation = add_noise(blur(image, soft.kernel), noise, draws)
    return dataclasses.replace(soft, image=image, observation=observation)


def _free(count: int, noise: float) -> DevelopmentPairs:
    margin = FREE_KERNEL // 2 + 1
    field = photo_crops("val", FREE_SIZE + 2 * margin, 2, shrink=1).mean(1, keepdim=True)[:count]
    seed = derive_seed("development", "free")
    kernel = motion_blur_kernels(len(field), seed, length=FREE_LENGTH, size=FREE_KERNEL)
    draws = [generator("development", "free", index) for index in range(len(field))]
    inside = (..., slice(margin, -margin), slice(margin, -margin))
    task = Task(
        image_class="natural",
        image_size=(FREE_SIZE, FREE_SIZE),
        channels=1,
        kernel_size=(FREE_KERNEL, FREE_KERNEL),
        noise=noise,
        boundary="free",
    )
    observation = add_noise(blur(field, kernel)[inside], noise, draws)
    return DevelopmentPairs(task, field[inside], observation, kernel)
