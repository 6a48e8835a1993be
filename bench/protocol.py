"""What a method, a dataset and their results are.

A method sees a :class:`Task` (what a blind method may know) and observations, and answers with a
:class:`Restoration`. A dataset is a sequence of :class:`Sample`. Nothing here knows a concrete
method or dataset.
"""

from __future__ import annotations

import abc
import dataclasses
import inspect
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from bench.errors import InvalidInput

Boundary = Literal["circular", "free"]
"""What a method is told of the border of its observations."""
Formation = Literal["circular", "valid", "replicate", "free"]
"""What happens at the border when an observation is made; see :class:`Dataset`."""
Kind = Literal["method", "oracle", "replay"]


@dataclasses.dataclass(frozen=True)
class Task:
    """What a blind method may know of the observations it is given.

    Attributes
    ----------
    image_class : str
        The class a prior can be chosen by: ``svhn``, ``shoes``, ``celeba``, ``natural``.
    image_size : (int, int)
        Height and width in pixels.
    channels : int
        3, or 1 for grey observations.
    kernel_size : (int, int)
        Height and width of the kernel's support; the same for all images of a batch.
    noise : float
        Standard deviation of the noise in units of the image range [0, 1].
    boundary : {"circular", "free"}
        How the convolution behaves at the border.
    device : str
        Where to compute, as ``torch.device`` takes it.
    seed : int
        Seeds whatever the method draws.
    """

    image_class: str
    image_size: tuple[int, int]
    channels: int = 3
    kernel_size: tuple[int, int] = (28, 28)
    noise: float = 0.01
    boundary: Boundary = "circular"
    device: str = "cpu"
    seed: int = 0


@dataclasses.dataclass(frozen=True)
class Truth:
    """What only oracles and metrics may read: ``image`` (N, C, H, W), ``kernel`` (N, kh, kw)."""

    image: Tensor
    kernel: Tensor


@dataclasses.dataclass(frozen=True)
class Restoration:
    """What a method found, and what it cost, for a batch of N observations.

    Attributes
    ----------
    image : Tensor, shape (N, C, H, W)
        Restored images in [0, 1].
    kernel : Tensor or None, shape (N, kh, kw)
        Estimated kernels in the forward model's centring, summing to 1; None if the method
        estimates none.
    generator_evaluations, iterations, restarts : int
        Cost per image. An evaluation is one forward and backward pass of the image generator.
    seconds : float or None
        Time per image, amortised over the batch. None lets the runner's own clock stand.
    residual : Tensor or None, shape (N,)
        Root mean square of ``y − x ⊗ k`` per pixel and channel.
    records : Mapping
        Anything else worth keeping: latents, ``range_image``, per-restart records, loss traces;
        tensors whose first dimension is N.
    """

    image: Tensor
    kernel: Tensor | None = None
    generator_evaluations: int = 0
    iterations: int = 0
    restarts: int = 1
    seconds: float | None = None
    residual: Tensor | None = None
    records: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Knowledge:
    """What a method is told or has learned; tables print it beside its name.

    Attributes
    ----------
    noise, kernel_size, boundary, image_class : bool
        Whether the method uses this part of the task.
    training : str
        Data and hours it was trained on, or "" for none.
    truth : bool
        True for oracles.
    """

    noise: bool = False
    kernel_size: bool = False
    boundary: bool = False
    image_class: bool = False
    training: str = ""
    truth: bool = False

    def __str__(self) -> str:
        told = [
            word
            for word, known in (
                ("the truth", self.truth),
                ("noise", self.noise),
                ("kernel size", self.kernel_size),
                ("boundary", self.boundary),
                ("class", self.image_class),
            )
            if known
        ]
        return ", ".join([*told, *([self.training] if self.training else [])]) or "nothing"


class MethodBase:
    """What the three kinds of method share. Subclass :class:`Method`, not this.

    Parameters are keyword arguments after the task; they are part of a cell's identity, so keep
    them plain numbers, strings or booleans.

    Class attributes
    ----------------
    kind : {"method", "oracle", "replay"}
    version : str
        Raise it with every change of the code that changes results.
    knows : Knowledge
    batch_size : int
        Images per call at 64×64; the plan cuts batches to it.
    boundaries : tuple of {"circular", "free"}
        Boundaries that the method models. It runs on others too, and the table says so.
    reference : str
        Where the algorithm was published.
    reads_data : bool
        Whether it reads files of the data folder (the statistics of a class, say). Processes of a
        third party's method are told where that is only if it declares so.
    equals : str
        Name of the method whose images this one's are where it says so, if there is one; two
        names for one result would pass for two pieces of evidence.
    """

    kind: ClassVar[Kind] = "method"
    version: ClassVar[str] = "1"
    knows: ClassVar[Knowledge] = Knowledge()
    batch_size: ClassVar[int] = 16
    boundaries: ClassVar[tuple[Boundary, ...]] = ("circular", "free")
    reference: ClassVar[str] = ""
    reads_data: ClassVar[bool] = False
    equals: ClassVar[str] = ""

    def __init__(self, task: Task) -> None:
        self.task = task

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Raise ``Unavailable`` (what is missing and how to get it) or ``NotApplicable``.

        Called before any work is planned, so it must be cheap.
        """

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return names and checksums of weights and tuned files that determine the result."""
        return {}

    @classmethod
    def assets_for(cls, task: Task, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Return :meth:`assets`, where they depend on the parameters that were set."""
        return cls.assets(task)

    @classmethod
    def knowledge(cls, parameters: Mapping[str, Any]) -> Knowledge:
        """Return :attr:`knows`, where it depends on the parameters that were set."""
        return cls.knows

    @classmethod
    def parameter_names(cls) -> list[str]:
        """Return the parameters that can be set by name: those of ``__init__`` after the task."""
        return list(inspect.signature(cls).parameters)[1:]

    def close(self) -> None:
        """Release what the method holds (an Octave process, say)."""


class Method(MethodBase, abc.ABC):
    """A blind method: it sees observations and the task, and nothing else."""

    @abc.abstractmethod
    def deblur(self, observation: Tensor) -> Restoration:
        """Restore a batch.

        Parameters
        ----------
        observation : Tensor, float32, shape (N, C, H, W), in [0, 1]

        Returns
        -------
        Restoration
            The result of an image must not depend on the others in the batch.
        """


class Oracle(MethodBase, abc.ABC):
    """A method that is given the truth: a bound, never a competitor."""

    kind: ClassVar[Kind] = "oracle"
    knows: ClassVar[Knowledge] = Knowledge(truth=True)

    @abc.abstractmethod
    def deblur(self, observation: Tensor, truth: Truth) -> Restoration:
        """Restore a batch, knowing the true image and kernel."""


class Replay(MethodBase, abc.ABC):
    """Published outputs, read and scored instead of computed."""

    kind: ClassVar[Kind] = "replay"

    @abc.abstractmethod
    def replay(self, samples: Sequence[Sample]) -> Restoration:
        """Return the published outputs for these samples.

        Raises
        ------
        NotApplicable
            If nothing was published for them.
        """


@dataclasses.dataclass(frozen=True)
class Sample:
    """One image of a dataset with its blur.

    Attributes
    ----------
    index : int
        Position in the dataset.
    name : str
        Unique in the dataset, stable, such as ``"012"`` or ``"im01_ker04"``.
    image : Tensor, float32, shape (C, H, W), in [0, 1]
    kernel : Tensor, shape (kh, kw)
        Non-negative, sums to 1, origin at ``(kh // 2, kw // 2)``. Float32, or float64 where the
        rounding of an observation to 8 bits hangs on it.
    kernel_id : str
        Equal for equal kernels, across datasets: statistics cluster by it.
    observation : Tensor or None, shape (C, H, W)
        A given blurred image (real blur); None where the forward model makes it.
    published : Mapping of str to Tensor
        The authors' own outputs for this sample, by their names (``dd_image``, ``dds_kernel``).
    blur_length : int or None
        Trajectory length in pixels where it is known.
    """

    index: int
    name: str
    image: Tensor
    kernel: Tensor
    kernel_id: str
    observation: Tensor | None = None
    published: Mapping[str, Tensor] = dataclasses.field(default_factory=dict)
    blur_length: int | None = None


@dataclasses.dataclass(frozen=True)
class Alignment:
    """How a restored image is registered to the truth before it is scored.

    Attributes
    ----------
    max_shift : float
        Largest shift tried in each direction, in pixels; 0 compares pixel by pixel.
    step : float
        Spacing of the shifts tried, in pixels.
    border : int
        Pixels cropped on every side.
    """

    max_shift: float = 0.0
    step: float = 0.25
    border: int = 0

    @classmethod
    def within_half(cls, kernel_size: Sequence[int]) -> Alignment:
        """Allow shifts up to half a kernel's size, and crop one pixel more than that."""
        reach = max(kernel_size) // 2
        return cls(max_shift=reach, border=reach + 1)


@dataclasses.dataclass(frozen=True)
class NoiseModel:
    """What is added to a blurred image before it is clipped, per pixel and channel.

    Attributes
    ----------
    kind : {"gaussian", "uniform", "none"}
        ``gaussian`` has the condition's standard deviation, or the dataset's where it has its own.
    width : float
        Uniform noise lies in [0, width).
    """

    kind: Literal["gaussian", "uniform", "none"] = "gaussian"
    width: float = 0.0

    def __str__(self) -> str:
        match self.kind:
            case "gaussian":
                return "n ~ N(0, noise²)"
            case "uniform":
                return f"n uniform on [0, {self.width:g})"
        return "n = 0"


class Dataset(abc.ABC):
    """A sequence of samples, and how observations are made of them and restorations scored.

    A sample without an observation is blurred by its kernel as ``boundary`` says, noise is added as
    ``noise_model`` says, and the result is clipped to [0, 1] and rounded to ``bits``. What cannot
    be made in this way is refused.

    Class attributes
    ----------------
    name : str
    title : str
        What it is, in one line.
    image_class : str
    image_size : (int, int)
        Height and width; of the largest image where they differ.
    channels : int
    boundary : {"circular", "valid", "replicate", "free"}
        ``circular``: the image goes on periodically. ``valid``: the observation is what the image
        alone determines, smaller by the kernel's size less one, and the truth is cropped to it.
        ``replicate``: the image goes on with its border's pixels. ``free``: a camera saw more than
        the image shows, so every sample has to bring its observation. Methods are told only
        whether the boundary is circular or free.
    noise_model : NoiseModel
    bits : int or None
        Observations are rounded to so many bits; None leaves them as they are.
    alignment : Alignment or "half kernel"
        The latter is :meth:`Alignment.within_half` of the kernel size that methods are told.
    version : str
        Part of a cell's identity: raise it when images, kernels or their order change.
    noise : float or None
        The noise level that methods are told where it is the dataset's own, as that of given
        observations or of noise that is not Gaussian; None if the condition sets it.
    in_range : bool
        Whether a generator that methods use drew the images, so that no score is too good.
    notice : str
        What a reader of its table has to know, in a sentence.
    """

    name: ClassVar[str]
    title: ClassVar[str] = ""
    image_class: ClassVar[str] = "natural"
    image_size: ClassVar[tuple[int, int]] = (64, 64)
    channels: ClassVar[int] = 3
    boundary: ClassVar[Formation] = "circular"
    noise_model: ClassVar[NoiseModel] = NoiseModel()
    bits: ClassVar[int | None] = None
    alignment: ClassVar[Alignment | Literal["half kernel"]] = Alignment()
    version: ClassVar[str] = "1"
    noise: ClassVar[float | None] = None
    in_range: ClassVar[bool] = False
    notice: ClassVar[str] = ""

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def __getitem__(self, index: int) -> Sample: ...

    @classmethod
    @abc.abstractmethod
    def location(cls) -> Location:
        """Say whether the data are here, where they were looked for and how to get them."""

    @classmethod
    def told_boundary(cls) -> Boundary:
        """Return what methods are told of the boundary."""
        return "circular" if cls.boundary == "circular" else "free"

    @classmethod
    def alignment_for(cls, kernel_size: Sequence[int]) -> Alignment:
        """Return how restorations are registered where methods were told this kernel size."""
        if isinstance(cls.alignment, Alignment):
            return cls.alignment
        return Alignment.within_half(kernel_size)


class KernelSource(abc.ABC):
    """Draws blur kernels by seed, one at a time, so that any subset gets the same kernels."""

    @abc.abstractmethod
    def kernel(self, index: int, *, seed: int, length: int | None = None) -> Tensor:
        """Return kernel ``index``.

        Parameters
        ----------
        index, seed : int
        length : int or None
            Trajectory length in pixels; None draws it.

        Returns
        -------
        Tensor, float32, shape (kh, kw), summing to 1
        """


@dataclasses.dataclass(frozen=True)
class Location:
    """Where a dataset is: ``found``, the ``path`` looked at, and ``how_to_get`` in a sentence."""

    found: bool
    path: str
    how_to_get: str = ""


def check_observation(observation: Tensor, task: Task) -> Tensor:
    """Check the shape, range and finiteness of a batch of observations.

    Every method calls this first.

    Parameters
    ----------
    observation : Tensor, shape (N, C, H, W), in [0, 1]
    task : Task

    Returns
    -------
    Tensor, float32, on the task's device

    Raises
    ------
    InvalidInput
        Naming the offending value.
    """
    expected = (task.channels, *task.image_size)
    if observation.ndim != 4 or tuple(observation.shape[1:]) != expected:
        raise InvalidInput(
            f"The observations have shape {tuple(observation.shape)}; "
            f"this task takes (N, {expected[0]}, {expected[1]}, {expected[2]})."
        )
    if not observation.is_floating_point():
        raise InvalidInput(
            f"The observations have type {observation.dtype}; convert them to floats in [0, 1]."
        )
    if not bool(torch.isfinite(observation).all()):
        bad = int((~torch.isfinite(observation)).flatten(1).any(1).nonzero()[0])
        raise InvalidInput(f"Observation {bad} of the batch has NaN or infinite pixels.")
    low, high = observation.min().item(), observation.max().item()
    if low < -1e-6 or high > 1 + 1e-6:
        raise InvalidInput(
            f"The observations span [{low:.3g}, {high:.3g}]; scale them to [0, 1] first."
        )
    if task.kernel_size[0] > task.image_size[0] or task.kernel_size[1] > task.image_size[1]:
        raise InvalidInput(
            f"A kernel of {task.kernel_size[0]}×{task.kernel_size[1]} pixels is larger than the "
            f"image of {task.image_size[0]}×{task.image_size[1]}; give a smaller --kernel-size."
        )
    return observation.to(task.device, torch.float32)


def __getattr__(name: str) -> Any:
    if name == "Scene":
        warnings.warn(
            "bench.protocol.Scene is called Sample since version 0.3; the old name goes with 0.4.",
            DeprecationWarning,
            stacklevel=2,
        )
        return Sample
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
