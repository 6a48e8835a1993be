"""What a table says of its data sets, which for the project's own is read and not imported."""

from __future__ import annotations

import dataclasses

from bench.protocol import Dataset
from bench.protocol.task import Boundary
from bench.registry import DATASETS


@dataclasses.dataclass(frozen=True)
class DatasetIntroduction:
    """What a reader of a table wants to know of a data set.

    Attributes
    ----------
    title, notice : str
    boundary : {"circular", "free"}
        What methods are told of it.
    in_range, truth_unknown : bool
        As :class:`~bench.protocol.Dataset` has them.
    """

    title: str
    notice: str
    boundary: Boundary
    in_range: bool
    truth_unknown: bool

    @classmethod
    def of(cls, dataset: type[Dataset]) -> DatasetIntroduction:
        """Ask a class."""
        return cls(
            dataset.title,
            dataset.notice,
            dataset.told_boundary(),
            dataset.in_range,
            dataset.truth_unknown,
        )


def introduce_dataset(name: str) -> DatasetIntroduction:
    """Introduce a data set; the project's own are not imported for it.

    Raises
    ------
    UnknownName, Unavailable, BenchError
        As :func:`bench.harness.guests.dataset_class`.
    """
    entry = DATASETS.entries.get(name)
    if entry is not None and entry.origin == "bench":
        return DatasetIntroduction(**DATASETS.described[name])
    from bench.harness.guests import dataset_class  # others' are, in processes of their own

    return DatasetIntroduction.of(dataset_class(name))
