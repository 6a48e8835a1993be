"""Cells: one image under one condition restored by one method.

A cell's identity is a hash of everything that determines the restoration. A plan, the store, the
exchange with other places, scores and pictures all name a cell by its :class:`CellKey`.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from bench.checksums import checksum
from bench.physics.condition import Condition
from bench.protocol import Sample, Status


@dataclasses.dataclass(frozen=True, slots=True)
class MethodSpec:
    """A method's name with the parameters it was given.

    ``str(spec)`` is the label that tables show: ``dd`` or ``dd[preset=published]``.
    """

    name: str
    parameters: tuple[tuple[str, bool | int | float | str], ...] = ()

    def __str__(self) -> str:
        if not self.parameters:
            return self.name
        return f"{self.name}[{','.join(f'{key}={value}' for key, value in self.parameters)}]"


@dataclasses.dataclass(frozen=True, slots=True)
class CellKey:
    """Which cell: the row of the score table that it fills, and what determines it.

    Attributes
    ----------
    id : str
        Hash of all that determines the restoration. The row's id changes with the code's version.
    dataset : str
    condition : Condition
    method : str
        The method's label.
    image : str
    """

    id: str
    dataset: str
    condition: Condition
    method: str
    image: str

    @property
    def group(self) -> tuple[str, Condition, str]:
        """What the cells of one mean have in common."""
        return self.dataset, self.condition, self.method

    @property
    def label(self) -> str:
        """The row of the score table that the cell fills, whatever the code's version."""
        return "|".join([self.dataset, str(self.condition), self.method, self.image])


@dataclasses.dataclass(frozen=True, slots=True)
class Series:
    """What the cells of a method on a data set under a condition have in common.

    Attributes
    ----------
    method : MethodSpec
    dataset : str
    condition : Condition
    kind, origin : str
        The method's kind, and which distribution brought it.
    identity : Mapping
        What determines the restorations of all images: ``method``, ``parameters``, ``version``,
        ``assets``, ``dataset``, ``dataset version`` and more.
    """

    method: MethodSpec
    dataset: str
    condition: Condition
    kind: str
    origin: str
    identity: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Picture:
    """What a plan keeps of an observation: all but its pixels.

    Attributes
    ----------
    index : int
        Position in the data set.
    name, kernel_id : str
    blur_length : int or None
        Where it is known.
    digest : str
        Checksum of what the sample is made of.
    """

    index: int
    name: str
    kernel_id: str
    blur_length: int | None
    digest: str

    @classmethod
    def of(cls, sample: Sample, index: int) -> Picture:
        """Take from a sample what a plan keeps."""
        from bench.physics.observation import digest  # PyTorch, which names of cells do not need

        return cls(index, sample.name, sample.kernel_id, sample.blur_length, digest(sample))


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """The unit of work and of resumption.

    It is small, because a plan may hold a million: what cells have in common, they share.

    Attributes
    ----------
    series : Series
    picture : Picture
    id : str
        Hash of :attr:`identity`, computed from it.
    """

    series: Series
    picture: Picture
    id: str = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        text = json.dumps(self.identity, sort_keys=True)
        object.__setattr__(self, "id", checksum(text)[:32])

    @property
    def identity(self) -> dict[str, Any]:
        """All that determines the restoration."""
        picture = self.picture
        return {**self.series.identity, "scene": picture.digest, "image": picture.name}

    @property
    def key(self) -> CellKey:
        """Which cell it is."""
        return CellKey(self.id, self.dataset, self.condition, str(self.method), self.image)

    @property
    def label(self) -> str:
        """The row of the score table that it fills."""
        return self.key.label

    @property
    def method(self) -> MethodSpec:
        """The method that computes it."""
        return self.series.method

    @property
    def dataset(self) -> str:
        """Name of its data set."""
        return self.series.dataset

    @property
    def condition(self) -> Condition:
        """Noise, blur length, seed, outliers and gain."""
        return self.series.condition

    @property
    def kind(self) -> str:
        """Kind of the method: method, oracle or replay."""
        return self.series.kind

    @property
    def origin(self) -> str:
        """Which distribution brought the method."""
        return self.series.origin

    @property
    def index(self) -> int:
        """Position of the image in the data set."""
        return self.picture.index

    @property
    def image(self) -> str:
        """Name of the image."""
        return self.picture.name

    def columns(self) -> dict[str, Any]:
        """Return what the store keeps of a planned cell; :class:`Row` reads it."""
        identity, condition = self.series.identity, self.condition
        return {
            "dataset": self.dataset,
            "condition": str(condition),
            "method": str(self.method),
            "kind": self.kind,
            "image": self.image,
            "kernel_id": self.picture.kernel_id,
            "noise": condition.noise,
            "blur_length": self.picture.blur_length,
            "swept_blur_length": condition.blur_length,
            "seed": condition.seed,
            "outliers": condition.outliers,
            "gain": condition.gain,
            "bound": condition.bound,
            "index": self.index,
            "parameters": identity["parameters"],
            "assets": identity["assets"],
            "method_version": identity["version"],
            "dataset_version": identity.get("dataset version", ""),
            "origin": self.origin,
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A planned cell as the store knows it; ``status`` is ``pending`` if it never ran.

    ``columns`` are those of :meth:`Cell.columns`; ``size`` is what its restoration takes, in bytes;
    ``order`` rises from one plan to the next. ``scores`` are what was computed of it, by metrics of
    ``score_version``.
    """

    id: str
    columns: Mapping[str, Any]
    status: Status
    reason: str
    cost: Mapping[str, Any]
    size: int = 0
    order: int = 0
    score_version: str = ""
    scores: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def condition(self) -> Condition:
        """Noise, blur length, seed, outliers and gain."""
        columns = self.columns
        return Condition(
            columns["noise"],
            columns["swept_blur_length"],
            columns["seed"],
            columns.get("outliers", 0.0),  # stores of earlier versions know of none
            columns.get("gain", 1.0),
            columns.get("bound", 1.0),
        )

    @property
    def key(self) -> CellKey:
        """Which cell it is."""
        columns = self.columns
        return CellKey(
            self.id, columns["dataset"], self.condition, columns["method"], columns["image"]
        )

    @property
    def index(self) -> int:
        """Position of the image in the data set."""
        return self.columns["index"]

    @property
    def versions(self) -> tuple[str, str]:
        """Versions of the method and of the data set."""
        return self.columns["method_version"], self.columns.get("dataset_version", "")
