"""What is registered and whether it can be used here.

The project's own methods and data sets are listed without importing them, which would take PyTorch
and seconds; third parties' are asked in processes of their own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from bench import text
from bench.datasets.places import place
from bench.errors import BenchError
from bench.harness import interview
from bench.harness.introductions import introduce_dataset
from bench.methods import needs
from bench.protocol import Location
from bench.registry import DATASETS, METHODS


@dataclasses.dataclass(frozen=True)
class Line:
    """A registered name.

    Attributes
    ----------
    name : str
    origin : str
        ``bench``, the distribution that brought it, or "?" where that does not matter: the name is
        another's.
    lacking : str
        "" if it can be used here, else why not, in a sentence or two.
    title, kind, knows : str
        Full name; kind of method; prior information and training data. "?" where it cannot be
        said.
    """

    name: str
    origin: str
    lacking: str
    title: str = "?"
    kind: str = "?"
    knows: str = "?"


def methods() -> Iterator[Line]:
    """List methods in the order of the registry."""
    for name, entry in METHODS.entries.items():
        lacking = needs.lacking(name) if entry.origin == "bench" else _judged(name)
        try:
            about = interview.introduce(name)
        except BenchError:
            yield Line(name, entry.origin, lacking, title="")
            continue
        yield Line(name, entry.origin, lacking, about.title, about.kind, about.knows)
    for entry, advice in METHODS.collisions.items():
        yield Line(entry.name, "?", advice, title="")


def datasets() -> Iterator[Line]:
    """List data sets in the order of the registry."""
    for name, entry in DATASETS.entries.items():
        try:
            title, where = _described(name)
        except BenchError as error:
            yield Line(name, "?", text.legible(str(error)))
            continue
        lacking = "" if where.found else f"not at {where.path}. {where.how_to_get}"
        yield Line(name, entry.origin, lacking, title)
    for entry, advice in DATASETS.collisions.items():
        yield Line(entry.name, "?", advice)


def _described(name: str) -> tuple[str, Location]:
    if DATASETS.entries[name].origin == "bench":
        return introduce_dataset(name).title, place(name)
    from bench.harness.guests import dataset_class

    cls = dataset_class(name)
    return cls.title, cls.location()


def _judged(name: str) -> str:
    from bench.harness.doctor import judge

    verdict = judge(name)
    return verdict.reason if verdict.status else ""
