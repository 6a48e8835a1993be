"""What a metric is, and what it is given of a restoration."""

from __future__ import annotations

import abc
import dataclasses
import functools
from typing import ClassVar

import torch
from torch import Tensor

from bench.metrics.description import Description
from bench.physics.alignment import align, recentre
from bench.protocol import Alignment


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Restorations next to the truth; what several metrics need is computed once.

    Attributes
    ----------
    image, truth : Tensor, shape (N, C, H, W), in [0, 1]
        A truth that nobody knows is NaN throughout.
    kernel : Tensor or None, shape (N, a, b)
    true_kernel : Tensor, shape (N, c, d)
    alignment : Alignment
        How images are registered before they are compared.
    """

    image: Tensor
    kernel: Tensor | None
    truth: Tensor
    true_kernel: Tensor
    alignment: Alignment

    @functools.cached_property
    def has_truth(self) -> bool:
        """Whether the truth is known."""
        return not bool(self.truth.isnan().any())

    @functools.cached_property
    def aligned(self) -> tuple[Tensor, Tensor]:
        """Image and truth, registered and cropped, each of shape (N, C, h, w)."""
        return align(self.image, self.truth, self.alignment)

    @functools.cached_property
    def centred(self) -> tuple[Tensor, Tensor] | None:
        """The same after the kernel's centroid was moved to the middle; None without a kernel."""
        if self.kernel is None:
            return None
        moved = recentre(self.image, self.kernel)[0].clamp(0, 1)
        return align(moved, self.truth, self.alignment)

    @property
    def nothing(self) -> Tensor:
        """NaN for every image, shape (N,): the value of a metric that lacks what it needs."""
        return torch.full((len(self.image),), float("nan"), dtype=torch.float64)


class Metric(abc.ABC):
    """A column of the score table.

    Class attributes
    ----------------
    name : str
        Of the column.
    heading : str
        What tables call it.
    unit : str
        "" for a pure number.
    version : str
        Raise it whenever a change makes a difference in any digit: scores are then computed again.
    larger_is_better : bool
    digits : int
        Decimals kept in ``scores.csv``.
    table_digits : int
        Decimals of a mean in a table.
    headline : bool
        Whether overviews show it, where there is no room for all metrics.
    of_image : bool
        Whether it looks at the restored image, and not at the kernel alone.
    needs_truth : bool
        Whether it compares with the truth. Metrics that do not are taken where there is no truth,
        and only there: next to a measure that knows it they would add nothing.
    place : float
        Columns are sorted by it.
    """

    name: ClassVar[str]
    heading: ClassVar[str]
    unit: ClassVar[str] = ""
    version: ClassVar[str] = "1"
    larger_is_better: ClassVar[bool] = True
    digits: ClassVar[int] = 5
    table_digits: ClassVar[int] = 3
    headline: ClassVar[bool] = False
    of_image: ClassVar[bool] = True
    needs_truth: ClassVar[bool] = True
    place: ClassVar[float]

    @classmethod
    def describe(cls) -> Description:
        """Return the class attributes as plain values."""
        fields = (field.name for field in dataclasses.fields(Description))
        return Description(**{name: getattr(cls, name) for name in fields})

    @abc.abstractmethod
    def compute(self, comparison: Comparison) -> Tensor:
        """Return one number per image, shape (N,); NaN where it lacks what it needs."""
