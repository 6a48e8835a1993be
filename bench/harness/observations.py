"""Observations on their way into jobs: made once for the methods that see them, if they fit."""

from __future__ import annotations

import collections
from collections.abc import Iterable

from bench.harness.plan import Chunk, Place
from bench.physics.condition import Condition
from bench.physics.observation import Observed, observe
from bench.protocol import Dataset

MOST = 64 << 20
"""Bytes kept for chunks to come: 2,600 images of 32×32 with their truths, or a few photographs."""


class Observations:
    """Makes observations as :func:`observe` does, and keeps those that are asked for again.

    Parameters
    ----------
    chunks : iterable of Chunk
        All that will ask.
    most : int
        Bytes kept; what does not fit is made again.
    """

    def __init__(self, chunks: Iterable[Chunk], most: int = MOST) -> None:
        places = (place for chunk in chunks for place in chunk.places)
        self._uses = collections.Counter(places)
        self._kept: dict[Place, Observed] = {}
        self._free = most

    def __call__(self, dataset: Dataset, index: int, condition: Condition) -> Observed:
        """Return an observation."""
        place = dataset.name, index, condition
        self._uses[place] -= 1
        again = self._uses[place] > 0
        if (found := self._kept.get(place)) is None:
            found = observe(dataset, index, condition)
            if again and (size := _size(found)) <= self._free:
                self._kept[place] = found
                self._free -= size
        elif not again:
            self._free += _size(self._kept.pop(place))
        return found


def _size(observed: Observed) -> int:
    sample = observed.sample
    tensors = (observed.observation, sample.image, sample.kernel, *sample.published.values())
    return sum(tensor.nbytes for tensor in tensors)
