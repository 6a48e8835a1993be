"""In what order chunks are computed, and how long the rest will take.

Both are reckoned from what cells cost before: in the results folder, in the record that a clone
has, and in this run. Results do not depend on it.
"""

from __future__ import annotations

import collections
import csv
import dataclasses
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bench.checkout import ROOT
from bench.harness.cells import Cell
from bench.harness.plan import REFERENCE_PIXELS, Chunk

RECORD = ROOT / "results" / "record" / "scores.csv"
UNKNOWN = 1.0
"""Seconds that a cell of an image of 64×64 is taken for when nothing is known of its method."""
WORTHWHILE = 1.0
"""Seconds below which a chunk is not cut further."""

Seconds = Mapping[tuple[str, str], float]
"""Seconds of a cell, by the method's label and the data set."""


def recorded(path: Path = RECORD) -> dict[tuple[str, str], float]:
    """Read mean seconds of a cell from the scores of a results folder, if they are there."""
    found = collections.defaultdict(list)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if row["seconds"] and row["kind"] != "replay":
                    found[row["method"], row["dataset"]].append(float(row["seconds"]))
    except (OSError, ValueError, KeyError, csv.Error):  # it is there for convenience only
        return {}
    return {key: statistics.fmean(seconds) for key, seconds in found.items()}


class Costs:
    """What a cell is expected to cost.

    Parameters
    ----------
    *known : Mapping
        From earlier runs, the most reliable first.
    """

    def __init__(self, *known: Seconds) -> None:
        self._known: dict[tuple[str, str], float] = {}
        for seconds in reversed(known):
            self._known.update(seconds)
        by_method = collections.defaultdict(list)
        for (method, _), mean in self._known.items():
            by_method[method].append(mean)
        self._by_method = {name: statistics.median(means) for name, means in by_method.items()}

    def known(self, cell: Cell) -> bool:
        """Return whether its method was run before."""
        return str(cell.method) in self._by_method

    def cell(self, cell: Cell, pixels: int = REFERENCE_PIXELS) -> float:
        """Return the seconds of a cell whose image has so many pixels."""
        method = str(cell.method)
        if (exact := self._known.get((method, cell.dataset))) is not None:
            return exact
        return self._by_method.get(method, UNKNOWN * max(1.0, pixels / REFERENCE_PIXELS))

    def chunk(self, chunk: Chunk) -> float:
        """Return the seconds of a chunk; cells that share a stage are taken to cost what the
        dearest does."""
        pixels = chunk.task.image_size[0] * chunk.task.image_size[1]
        costs = [self.cell(cell, pixels) for cell in chunk.cells]
        return max(costs) if len(chunk.methods) > 1 else sum(costs)


def arrange(chunks: Iterable[Chunk], costs: Costs, workers: int) -> list[Chunk]:
    """Order chunks so that all workers have something to do until the end.

    The longest come first. Towards the end of the work, chunks of known cost are halved until none
    takes more than a worker's half share of what is left.

    Parameters
    ----------
    chunks : iterable of Chunk
    costs : Costs
    workers : int
        Of which each takes the next chunk when it is free.
    """
    waiting = sorted(chunks, key=costs.chunk, reverse=True)
    left = sum(map(costs.chunk, waiting))
    ordered: list[tuple[float, Chunk]] = []
    for chunk in waiting:
        most = max(WORTHWHILE, left / (2 * workers))
        pieces = _halved(chunk, costs, most) if costs.known(chunk.cells[0]) else [chunk]
        ordered += [(costs.chunk(piece), piece) for piece in pieces]
        left -= costs.chunk(chunk)
    ordered.sort(key=lambda pair: pair[0], reverse=True)
    return [chunk for _, chunk in ordered]


def _halved(chunk: Chunk, costs: Costs, most: float) -> list[Chunk]:
    """Cut a chunk of one method until no piece takes longer than that."""
    count = len(chunk)
    if count == 1 or len(chunk.methods) > 1 or costs.chunk(chunk) <= most:
        return [chunk]
    middle = (count + 1) // 2
    first = [place < middle for place in range(count)]
    halves = chunk.only(first), chunk.only([not kept for kept in first])
    return [piece for half in halves for piece in _halved(half, costs, most)]


class Forecast:
    """How long a run will take yet.

    The costs of cells that are still to come are those of earlier runs, corrected by how long cells
    of the same method took in this one, or else all of them; how many are computed at a time shows
    in what was done since the start.

    Parameters
    ----------
    chunks : iterable of Chunk
        All there is to do.
    costs : Costs
    clock : callable
        Seconds since some moment.
    """

    def __init__(
        self,
        chunks: Iterable[Chunk],
        costs: Costs,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock, self._started = clock, clock()
        self._expected: dict[str, float] = {}
        self._methods: dict[str, Spent] = collections.defaultdict(Spent)
        for chunk in chunks:
            share = costs.chunk(chunk) / len(chunk)
            for cell in chunk.cells:
                self._expected[cell.id] = share
                self._methods[str(cell.method)].waiting += share

    def note(self, cell: Cell, seconds: float | None) -> None:
        """Take down that a cell is done, and what it took if it has a restoration."""
        expected, method = self._expected.pop(cell.id, 0.0), self._methods[str(cell.method)]
        method.waiting -= expected
        method.done += expected
        if seconds is not None:
            method.measured += expected
            method.taken += seconds

    def left(self) -> float | None:
        """Return seconds until all is done; None before anything is."""
        measured = sum(method.measured for method in self._methods.values())
        taken = sum(method.taken for method in self._methods.values())
        usual = taken / measured if measured and taken else 1.0
        done = waiting = 0.0
        for method in self._methods.values():
            factor = method.taken / method.measured if method.measured else usual
            done += factor * method.done
            waiting += factor * max(0.0, method.waiting)
        return waiting * (self._clock() - self._started) / done if done else None


@dataclasses.dataclass
class Spent:
    """Seconds of a method's cells: expected of those to come, of those done and of those that were
    measured, and what these took."""

    waiting: float = 0.0
    done: float = 0.0
    measured: float = 0.0
    taken: float = 0.0
