"""From a sample and a condition to the observation that every method sees."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import get_args, get_type_hints

import torch
from torch import Tensor

from bench import seeds
from bench.errors import InvalidInput
from bench.physics import forward
from bench.physics.answers import take_sample
from bench.physics.noise import estimate_noise
from bench.protocol import Dataset, Formation, NoiseModel, Sample, Task
from bench.registry import KERNELS

NOISE_KINDS = get_args(get_type_hints(NoiseModel)["kind"])


@dataclasses.dataclass(frozen=True, order=True)
class Condition:
    """What is varied over a dataset.

    Attributes
    ----------
    noise : float or None
        Standard deviation of the noise in units of the image range [0, 1]; None where nobody knows
        it, and methods are told an estimate.
    blur_length : int or None
        Blur every image with fresh kernels of this trajectory length, in pixels; None keeps the
        dataset's own kernels. Kernels are 28×28 as in the paper, and longer ones on the smallest
        odd grid that holds every walk.
    seed : int
        Seeds the noise, fresh kernels, outliers and whatever a method draws.
    outliers : float
        Share of the pixels that say nothing of the image: each is black or white, in all channels.
        No method is told of them.
    gain : float
        Exposure: the blurred image times the gain is clipped at 1, as by a saturated sensor, and
        so is the image that restorations are compared with. 1 saturates nothing.
    bound : float
        Methods are told this many times the kernel's size, on an odd grid, as who does not know it
        would guess. 1 tells the size itself.
    """

    noise: float | None = 0.01
    blur_length: int | None = None
    seed: int = 0
    outliers: float = 0.0
    gain: float = 1.0
    bound: float = 1.0

    def __post_init__(self) -> None:
        # Seeds hang on how it is written: NumPy's 0.1, the integer 0 and −0 are 0.1 and 0.0.
        if self.noise is not None:
            object.__setattr__(self, "noise", float(self.noise) + 0.0)
        if self.noise is not None and not 0 <= self.noise < 1:
            raise InvalidInput(
                f"The noise is {self.noise:g}; give a standard deviation in [0, 1), "
                "such as 0.01 for 1 %."
            )
        if self.blur_length is not None and self.blur_length < 1:
            raise InvalidInput(
                f"The blur length is {self.blur_length}; give a whole number of pixels from 1."
            )
        object.__setattr__(self, "outliers", float(self.outliers) + 0.0)
        object.__setattr__(self, "gain", float(self.gain))
        if not 0 <= self.outliers < 1:
            raise InvalidInput(
                f"The share of outliers is {self.outliers:g}; give one in [0, 1), such as 0.05."
            )
        if not 1 <= self.gain <= 100:
            raise InvalidInput(f"The gain is {self.gain:g}; give 1 (none) to 100.")
        object.__setattr__(self, "bound", float(self.bound))
        if not 1 <= self.bound <= 4:
            raise InvalidInput(
                f"The bound of the kernel size is {self.bound:g}; give 1 (the size) to 4 times it."
            )

    def __str__(self) -> str:
        length = "" if self.blur_length is None else f", blur length {self.blur_length}"
        disturbed = "".join(f", {name} {value:g}" for name, value in self.disturbance().items())
        noise = "unknown" if self.noise is None else f"{self.noise:g}"
        bound = "" if self.bound == 1 else f", kernel size bound {self.bound:g}"
        return f"noise {noise}{length}{disturbed}{bound}, seed {self.seed}"

    def disturbance(self) -> dict[str, float]:
        """Return outliers and gain by name, where there are any; without, a cell has none."""
        usual = {"outliers": 0.0, "gain": 1.0}
        return {k: getattr(self, k) for k, none in usual.items() if getattr(self, k) != none}


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


def effective(condition: Condition, dataset: Dataset) -> Condition:
    """Return the condition that holds for a dataset.

    A dataset with a noise of its own, given with its observations or by its published model, has
    that noise, whatever was asked for.

    Raises
    ------
    InvalidInput
        If a blur length is asked of such a dataset, or it declares what cannot be simulated.
    """
    check_formation(dataset)
    if dataset.noise is None and not dataset.noise_unknown:
        return condition
    if condition.blur_length is not None or condition.disturbance():
        varied = "blur length" if condition.blur_length is not None else "outliers or gain"
        raise InvalidInput(
            f"The dataset {dataset.name!r} has observations of its own, by real blur or by a "
            f"published model; it has no {varied} to vary. Leave it out of this sweep."
        )
    if dataset.noise_unknown and condition.noise not in (None, Condition().noise):
        raise InvalidInput(
            f"The dataset {dataset.name!r} has observations of its own whose noise nobody knows; "
            "there is none to vary. Leave out --noise, or the set."
        )
    return dataclasses.replace(condition, noise=None if dataset.noise_unknown else dataset.noise)


def check_formation(dataset: Dataset) -> None:
    """Refuse a dataset that declares its observations to be made as nothing here can make them.

    Raises
    ------
    InvalidInput
        Naming the dataset, what it declares and what there is.
    """
    model, bits = dataset.noise_model, dataset.bits
    if dataset.boundary not in get_args(Formation):
        wrong = f"boundary = {dataset.boundary!r}; there are {', '.join(get_args(Formation))}"
    elif model.kind not in NOISE_KINDS:
        wrong = f"noise of the kind {model.kind!r}; there are {', '.join(NOISE_KINDS)}"
    elif model.kind == "uniform" and not 0 < model.width < 1:
        wrong = f"uniform noise of width {model.width:g}; give one between 0 and 1"
    elif model.kind != "gaussian" and dataset.noise is None:
        wrong = f"noise of the kind {model.kind!r} and no noise level to tell methods"
    elif bits is not None and not 1 <= bits <= 16:
        wrong = f"bits = {bits}; give 1 to 16, or None for no rounding"
    else:
        return
    raise InvalidInput(f"The dataset {dataset.name!r} declares {wrong}.")


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


def formation(dataset: Dataset) -> dict[str, object]:
    """Return what identifies how a dataset's observations are made, beside sample and condition.

    Nothing for the paper's way, so that its cells keep their identity, nor where observations are
    given: they are part of the sample.
    """
    made = {
        "boundary": dataset.boundary,
        "noise": dataclasses.asdict(dataset.noise_model),
        "bits": dataset.bits,
    }
    usual = {"boundary": "circular", "noise": dataclasses.asdict(NoiseModel()), "bits": None}
    return {} if made == usual or dataset.boundary == "free" else {"formation": made}


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
