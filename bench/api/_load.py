"""Open a data set with its observations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from bench.harness import plan
from bench.physics.condition import Condition, effective
from bench.physics.observation import Observed, observe
from bench.protocol import Dataset


@dataclasses.dataclass(frozen=True)
class Observations(Sequence[Observed]):
    """The observations of a data set under one condition, made when they are asked for.

    ``observations[3].observation`` is what every method sees of image 3, a tensor (C, H, W), and
    ``observations[3].sample`` holds the truth.
    """

    dataset: Dataset
    condition: Condition

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> Any:
        places = range(len(self))[index]
        if isinstance(places, range):
            return [observe(self.dataset, place, self.condition) for place in places]
        return observe(self.dataset, places, self.condition)

    def __iter__(self) -> Iterator[Observed]:
        return (observe(self.dataset, index, self.condition) for index in range(len(self)))


def load(
    dataset: str, *, noise: float = 0.01, blur_length: int | None = None, seed: int = 0
) -> Observations:
    """Open a data set with its observations.

    Parameters
    ----------
    dataset : str
    noise, blur_length, seed
        As for :func:`run`.

    Returns
    -------
    Observations

    Raises
    ------
    BenchError
        If it is unknown or its data are missing.
    """
    opened = plan.load_dataset(dataset)
    return Observations(opened, effective(Condition(noise, blur_length, seed), opened))
