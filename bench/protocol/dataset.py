"""What a data set is: samples, how observations are made of them, how restorations are scored."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from bench.protocol.task import Boundary

if TYPE_CHECKING:
    from torch import Tensor

Formation = Literal["circular", "valid", "replicate", "padded", "free"]
"""What happens at the border when an observation is made; see :class:`Dataset`."""


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
        The sharp image. NaN throughout, in the observation's shape, where nobody knows it.
    kernel : Tensor, shape (kh, kw)
        Non-negative, sums to 1, origin at ``(kh // 2, kw // 2)``. Float32, or float64 where the
        rounding of an observation to 8 bits hangs on it. Where nobody knows it, as of a pair of
        photographs, it is NaN throughout, and its size is what methods are told.
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

    Attributes
    ----------
    name : str
    title : str
        What it is, in one line.
    image_class : str
    image_size : (int, int)
        Height and width; of the largest image where they differ.
    channels : int
    boundary : {"circular", "valid", "replicate", "padded", "free"}
        ``circular``: the image goes on periodically. ``valid``: the observation is what the image
        alone determines, smaller by the kernel's size less one, and the truth is cropped to it.
        ``replicate``: the image goes on with its border's pixels. ``padded``: as ``valid``, of the
        image in a frame of zeros one pixel wide (the paper's PGGAN experiment). ``free``: a camera
        saw more than the image shows, so every sample has to bring its observation. Methods are
        told only whether the boundary is circular or free.
    noise_model : NoiseModel
    bits : int or None
        Observations are rounded to so many bits; None leaves them as they are.
    alignment : Alignment or "half kernel"
        The latter is ``Alignment.within_half`` of the kernel size that methods are told.
    version : str
        Part of a cell's identity: raise it when images, kernels or their order change.
    noise : float or None
        The noise level that methods are told where it is the dataset's own, as that of given
        observations or of noise that is not Gaussian; None if the condition sets it.
    noise_unknown : bool
        Whether given observations have a noise that nobody knows: methods are told an estimate,
        and tables say that it is unknown.
    kernel_unknown : bool
        Whether the samples' kernels are NaN throughout; no oracle can be given them.
    truth_unknown : bool
        Whether the samples' images are NaN throughout, and their kernels too: restorations are
        scored by the metrics that need no truth, and by no others.
    in_range : bool
        Whether a generator that methods use drew the images, so that no score is too good.
    notice : str
        What a reader of its table has to know, in a sentence.
    reads_data : bool
        Whether it reads files of the data folder. A third party's is told where that is only if it
        declares so; it finds its own files by itself.
    kernel_source : str
        Name of the registered source that draws its kernels; "" if it has its own. A data set whose
        source is a third party's is asked for its samples as a third party's data set is.
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
    noise_unknown: ClassVar[bool] = False
    kernel_unknown: ClassVar[bool] = False
    truth_unknown: ClassVar[bool] = False
    in_range: ClassVar[bool] = False
    notice: ClassVar[str] = ""
    reads_data: ClassVar[bool] = False
    kernel_source: ClassVar[str] = ""

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
