"""Oracles: non-blind deconvolution with the true kernel, a bound for estimates of the kernel."""

from __future__ import annotations

import contextlib
import fcntl
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import safetensors.torch
from torch import Tensor

from bench.checksums import checksum, values_checksum
from bench.datasets.archives import NAMES, archive_path, to_unit_range, training_images
from bench.datasets.locations import cache_folder
from bench.errors import NotApplicable
from bench.files import write_atomically
from bench.methods.deconvolution.lmmse import ClassStatistics, learn_statistics, lmmse_deconvolve
from bench.methods.deconvolution.tv import FREE, PARAMETERS, tuned_weight, tv_deconvolve
from bench.physics import forward
from bench.protocol import Boundary, Knowledge, Oracle, Restoration, Task, Truth, check_observation

SIZES = {"svhn": (32, 32), "shoes": (64, 64), "celeba": (64, 64)}
SHRINKAGE = {"svhn": 0.0, "shoes": 0.05, "celeba": 0.0}
"""Share of the covariance made stationary; the fewer training images, the more."""
STATISTICS_VERSION = "1"


class KnownKernel(Oracle):
    """Total-variation deconvolution with the true kernel; see ``deconvolution/tv.py``.

    Parameters
    ----------
    task : Task
    weight : float or None
        Of the total variation; None takes the one tuned on development images.
    """

    title = "Known kernel, total variation"
    batch_size: ClassVar[int] = 32
    reference: ClassVar[str] = "Wang, Yang, Yin, Zhang, SIAM Journal on Imaging Sciences 1(3), 2008"
    knows: ClassVar[Knowledge] = Knowledge(
        noise=True, boundary=True, image_class=True, truth=True, training="weight tuned"
    )

    def __init__(self, task: Task, weight: float | None = None) -> None:
        super().__init__(task)
        self.weight = weight or tuned_weight(task.image_class, task.noise, task.boundary)

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the tuned weights and, with a free boundary, how the problem is split."""
        found = {PARAMETERS.name: values_checksum(PARAMETERS)}
        return found if task.boundary == "circular" else {**found, "splitting": str(tuple(FREE))}

    def deblur(self, observation: Tensor, truth: Truth) -> Restoration:
        """Deconvolve with the true kernel."""
        y = check_observation(observation, self.task)
        kernel = truth.kernel.to(y)
        image = tv_deconvolve(y, kernel, self.weight, self.task.boundary)
        return _restoration(y, image, kernel, self.task.boundary)


class KnownKernelLMMSE(Oracle):
    """The linear estimate with the true kernel and the class's mean and covariance.

    They are learned from the training archive, once, and kept in the cache folder.
    """

    title = "Known kernel, linear estimate"
    version: ClassVar[str] = "2"
    reads_data: ClassVar[bool] = True
    batch_size: ClassVar[int] = 40
    knows: ClassVar[Knowledge] = Knowledge(
        noise=True, boundary=True, image_class=True, truth=True, training="covariance of the class"
    )

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.check_available(task)
        self.statistics = class_statistics(task.image_class)

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Ask for a class with a training archive, its size, and a circular boundary."""
        if task.image_class not in NAMES or task.boundary != "circular":
            raise NotApplicable(
                "The covariance is known for circularly blurred images of "
                f"{', '.join(NAMES)}; this is {task.image_class} with a {task.boundary} boundary."
            )
        if task.image_size != SIZES[task.image_class] or task.channels != 3:
            height, width = SIZES[task.image_class]
            raise NotApplicable(
                f"The covariance of {task.image_class} is of colour images of {height}×{width}, "
                f"not of {task.channels}×{task.image_size[0]}×{task.image_size[1]}."
            )
        archive_path(task.image_class)

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the archive that the covariance is learned from."""
        return {
            f"{task.image_class}.zip": checksum(archive_path(task.image_class)),
            "statistics": STATISTICS_VERSION,
        }

    def deblur(self, observation: Tensor, truth: Truth) -> Restoration:
        """Deconvolve with the true kernel."""
        y = check_observation(observation, self.task).cpu()
        kernel = truth.kernel.to(y)
        image = lmmse_deconvolve(y, kernel, max(self.task.noise, 1e-3), self.statistics)
        return _restoration(y, image, kernel, self.task.boundary)


def _restoration(y: Tensor, image: Tensor, kernel: Tensor, boundary: Boundary) -> Restoration:
    difference = forward.blur(image, kernel) - y
    if boundary == "free":  # near the border y shows what is beyond it, and the image does not
        difference = forward.valid_part(difference, (kernel.shape[-2], kernel.shape[-1]))
    return Restoration(image, kernel, residual=difference.square().mean((1, 2, 3)).sqrt())


@functools.lru_cache(maxsize=1)
def class_statistics(image_class: str) -> ClassStatistics:
    """Return the mean and covariance of a class, learned from its training split or read from the
    cache.

    Learning takes one to three minutes. The cache is keyed by the archive's checksum, so the
    archive has to be there either way.

    Raises
    ------
    Unavailable
        If the archive is missing.
    """
    key = checksum(archive_path(image_class))[:16]
    path = cache_folder() / f"statistics-{image_class}-{key}-{STATISTICS_VERSION}.safetensors"
    with _lock(path):  # of several workers the first learns, the others read
        if not path.exists():
            images = to_unit_range(training_images(image_class), image_class)
            learned = learn_statistics(images, SHRINKAGE[image_class])
            tensors = {"mean": learned.mean, "covariance": learned.covariance}
            write_atomically(path, safetensors.torch.save(tensors))
    return ClassStatistics(**safetensors.torch.load_file(path))


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
