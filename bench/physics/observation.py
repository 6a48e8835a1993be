"""From a sample and a condition to the observation that every method sees."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import torch
from torch import Tensor

from bench import seeds
from bench.errors import InvalidInput
from bench.physics import forward
from bench.physics.answers import NEGATIVE_SLACK, SUM_SLACK
from bench.physics.condition import Condition
from bench.physics.noise import estimate_noise
from bench.protocol import Dataset, Sample, Task
from bench.registry import KERNELS


@dataclasses.dataclass(frozen=True)
class Observed:
    """A sample as it was blurred, and its observation, shape (C, H, W), in [0, 1]."""

    sample: Sample
    observation: Tensor

    def task(self, dataset: Dataset, condition: Condition, device: str) -> Task:
        """Return what a blind method may know of this observation."""
        height, width = self.observation.shape[-2:]
        noise = condition.noise
        if noise is None:  # rounded, so that it is the same on every processor
            noise = float(f"{float(estimate_noise(self.observation[None])[0]):.2g}")
        return Task(
            image_class=dataset.image_class,
            image_size=(height, width),
            channels=dataset.channels,
            kernel_size=told_size(self.sample.kernel, condition.bound, (height, width)),
            noise=noise,
            boundary=dataset.told_boundary(),
            device=device,
            seed=condition.seed,
            scene_size=dataset.image_size if dataset.boundary == "padded" else None,
        )


def told_size(kernel: Tensor, bound: float, image_size: tuple[int, int]) -> tuple[int, int]:
    """Return the kernel size that methods are told: the kernel's, or a bound on an odd grid.

    Parameters
    ----------
    kernel : Tensor, shape (kh, kw)
    bound : float
        1 tells the size itself, even or odd.
    image_size : (int, int)
        No bound is larger than what fits into the image.
    """
    kh, kw = int(kernel.shape[0]), int(kernel.shape[1])
    if bound == 1:
        return kh, kw
    height, width = (
        max(side, min(int(bound * side) | 1, most if most % 2 else most - 1))
        for side, most in zip((kh, kw), image_size, strict=True)
    )
    return height, width


def observe(dataset: Dataset, index: int, condition: Condition) -> Observed:
    """Blur an image of a dataset and add noise, as the dataset says.

    The noise is seeded from (dataset, image, kernel, noise level, seed) and from nothing else,
    so that all methods see the same observation; the places of outliers likewise.

    Parameters
    ----------
    dataset : Dataset
    index : int
    condition : Condition
        As :func:`effective` returns it.

    Returns
    -------
    Observed
        With a sample cropped to the observation, where the boundary is ``valid`` or ``padded``.

    Raises
    ------
    InvalidInput
        If the sample has no observation and the dataset's boundary cannot be simulated, or the
        kernel does not fit the image.
    """
    sample = take_sample(dataset, index)
    if sample.observation is not None:
        return Observed(sample, sample.observation)
    if dataset.boundary == "free":
        raise InvalidInput(
            f"The dataset {dataset.name!r} has a free boundary and its image {sample.name!r} no "
            "observation, and nothing here can make one; give observations, or declare the "
            "boundary as circular, valid, replicate or padded."
        )
    if condition.noise is None:
        raise InvalidInput(
            f"The dataset {dataset.name!r} has a noise that nobody knows and its image "
            f"{sample.name!r} no observation, and nothing here can make one; give observations."
        )
    sample = _blurred_by(sample, index, condition)
    noise = seeds.generator(
        "noise", dataset.name, sample.name, sample.kernel_id, condition.noise, condition.seed
    )
    image, kernel = sample.image[None], sample.kernel
    if dataset.bits is not None:  # what falls on which level may hang on the last digits
        image, kernel = image.double(), kernel.double()
    blurred = forward.blur(image, kernel, dataset.boundary)
    if condition.gain != 1:
        blurred = condition.gain * blurred
    finished = _finished(blurred, dataset, condition.noise, noise)[0].float()
    if condition.outliers:
        places = seeds.generator(
            *("outliers", dataset.name, sample.name, sample.kernel_id),
            *(condition.outliers, condition.seed),
        )
        finished = forward.add_outliers(finished, condition.outliers, places)
    return Observed(_scored(sample, dataset, condition), finished)


def truth(dataset: Dataset, index: int, condition: Condition) -> Sample:
    """Return the sample of :func:`observe`, without the cost of an observation."""
    sample = take_sample(dataset, index)
    if sample.observation is not None:
        return sample
    return _scored(_blurred_by(sample, index, condition), dataset, condition)


def _scored(sample: Sample, dataset: Dataset, condition: Condition) -> Sample:
    """Expose a sample and crop it to what its observation shows: what restorations are held to."""
    if condition.gain != 1:
        exposed = (condition.gain * sample.image).clamp(max=1)
        sample = dataclasses.replace(sample, image=exposed)
    size = (int(sample.kernel.shape[0]), int(sample.kernel.shape[1]))
    seen = forward.seen_part(sample.image, size, dataset.boundary)
    return dataclasses.replace(sample, image=seen)


def _blurred_by(sample: Sample, index: int, condition: Condition) -> Sample:
    """Give a sample the kernel of a condition, if that has kernels of its own."""
    if condition.blur_length is None:
        return sample
    return _freshly_blurred(sample, index, condition.blur_length, condition.seed)


def _freshly_blurred(sample: Sample, index: int, length: int, seed: int) -> Sample:
    """Give a sample a kernel of a trajectory length."""
    height, width = sample.image.shape[-2:]
    if length >= min(height, width):
        raise InvalidInput(
            f"The blur length is {length}; walks of so many pixels do not fit an image of "
            f"{height}×{width}."
        )
    return dataclasses.replace(
        sample,
        kernel=KERNELS.load("motion-blur")().kernel(index, seed=seed, length=length),
        kernel_id=f"motion-blur-{length}-{seed}-{index:03d}",
        blur_length=length,
        published={},
    )


def _finished(
    blurred: Tensor, dataset: Dataset, sigma: float, generator: torch.Generator
) -> Tensor:
    """Add a dataset's kind of noise, clip, and round as it says."""
    match dataset.noise_model.kind:
        case "gaussian":
            noisy = forward.add_noise(blurred, sigma, [generator])
        case "uniform":
            noisy = forward.add_uniform_noise(blurred, dataset.noise_model.width, [generator])
        case "none":
            noisy = blurred.clamp(0, 1)
    return noisy if dataset.bits is None else forward.quantise(noisy, dataset.bits)


def digest(sample: Sample) -> str:
    """Checksum of what a sample is made of, so that changed data cannot pass for the old."""
    parts = [sample.image, sample.kernel]
    if sample.observation is not None:
        parts.append(sample.observation)
    parts += [sample.published[key] for key in sorted(sample.published)]
    sha = hashlib.sha256()
    for part in parts:
        sha.update(part.contiguous().to(torch.float32).numpy().tobytes())
    return sha.hexdigest()[:16]


def take_sample(dataset: Dataset, index: int) -> Sample:
    """Take a sample of a data set and check it.

    Raises
    ------
    InvalidInput
        Naming the set, the sample and what is wrong with it.
    """
    try:
        sample = dataset[index]
    except (InvalidInput, KeyboardInterrupt):
        raise
    except Exception as error:  # a third party's data set may raise anything
        if type(error).__module__.startswith("bench."):
            raise
        raise InvalidInput(
            f"The dataset {dataset.name!r} cannot give its image {index}: "
            f"{type(error).__name__}: {error}."
        ) from error
    if not isinstance(sample, Sample):
        raise InvalidInput(
            f"The dataset {dataset.name!r} gave {type(sample).__name__} for its image {index}, not "
            "a Sample."
        )
    if not isinstance(sample.name, str) or not sample.name:
        raise InvalidInput(
            f"The dataset {dataset.name!r} names its image {index} {sample.name!r}; give a string."
        )
    where = f"The image {sample.name!r} of the dataset {dataset.name!r}"
    if dataset.truth_unknown:
        _check_unknown(sample, where)
    else:
        _check_picture(sample.image, dataset.channels, where)
    if sample.observation is not None:
        _check_picture(sample.observation, dataset.channels, f"The observation of {where[4:]}")
        if sample.observation.shape != sample.image.shape:
            raise InvalidInput(
                f"{where} has shape {tuple(sample.image.shape)} and its observation "
                f"{tuple(sample.observation.shape)}; crop the image to what is observed."
            )
        if dataset.noise is None and not dataset.noise_unknown:
            raise InvalidInput(
                f"{where} brings its observation, and the dataset does not say which noise that "
                "has: give its class 'noise = …', the standard deviation in [0, 1)."
            )
    _check_kernel(sample.kernel, dataset.kernel_unknown or dataset.truth_unknown, where)
    return _widened(sample)


def _widened(sample: Sample) -> Sample:
    """Convert what is of a type that nothing can be computed with; double precision is kept."""
    given = {name: getattr(sample, name) for name in ("image", "kernel", "observation")}
    usual = (torch.float32, torch.float64)
    narrow = {k: v for k, v in given.items() if v is not None and v.dtype not in usual}
    if not narrow:
        return sample
    return dataclasses.replace(sample, **{k: v.to(torch.float32) for k, v in narrow.items()})


def size(dataset: Dataset) -> int:
    """Return how many samples a data set has, whatever a third party's ``__len__`` does."""
    try:
        return len(dataset)
    except Exception as error:
        raise InvalidInput(
            f"The dataset {dataset.name!r} does not say how many images it has: "
            f"{type(error).__name__}: {error}."
        ) from error


def _check_picture(image: Any, channels: int, where: str) -> None:
    shape = tuple(image.shape) if isinstance(image, Tensor) else type(image).__name__
    if not isinstance(image, Tensor) or image.ndim != 3 or shape[0] != channels or 0 in shape:
        raise InvalidInput(f"{where} has shape {shape}; ({channels}, H, W) is expected.")
    if not image.is_floating_point():
        raise InvalidInput(f"{where} has type {image.dtype}; convert it to floats in [0, 1].")
    low, high = float(image.min()), float(image.max())
    if not (low >= -1e-6 and high <= 1 + 1e-6):  # also of NaN
        raise InvalidInput(f"{where} spans [{low:.3g}, {high:.3g}]; scale it to [0, 1].")


def _check_unknown(sample: Sample, where: str) -> None:
    """Refuse a sample of a data set without truth that has some, or brings no observation."""
    if sample.observation is None:
        raise InvalidInput(f"{where} has no observation, and its set says that there is no truth.")
    for name, value in (("image", sample.image), ("kernel", sample.kernel)):
        if not isinstance(value, Tensor) or not bool(value.isnan().all()):
            raise InvalidInput(
                f"{where} has {'an' if name == 'image' else 'a'} {name}, and its set says that "
                "nobody knows it: give NaN throughout, or leave out truth_unknown."
            )


def _check_kernel(kernel: Any, unknown: bool, where: str) -> None:
    shape = tuple(kernel.shape) if isinstance(kernel, Tensor) else type(kernel).__name__
    if not isinstance(kernel, Tensor) or kernel.ndim != 2 or 0 in shape:
        raise InvalidInput(f"{where} has a kernel of shape {shape}; (kh, kw) is expected.")
    if unknown and bool(kernel.isnan().all()):
        return
    total, low = float(kernel.sum()), float(kernel.min())
    if not (low >= -NEGATIVE_SLACK and abs(total - 1) <= SUM_SLACK):
        raise InvalidInput(
            f"{where} has a kernel of sum {total:.3g} with entries from {low:.3g}; kernels are "
            "non-negative and sum to 1."
        )
