"""The plan of a run: which cells there are, what identifies each, and how they are batched.

A cell is one image under one condition restored by one method. Its identity is a hash of
everything that determines the restoration; batching is mere scheduling, in chunks fixed by the
position of an image in its dataset, so that a resumed run repeats the numbers of an uninterrupted
one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bench.errors import BenchError, InvalidInput, Unavailable, UnknownName
from bench.harness import interview
from bench.physics.answers import size
from bench.physics.observation import Condition, Observed, digest, effective, formation, observe
from bench.protocol import Dataset, Task
from bench.registry import DATASETS, METHODS

REFERENCE_PIXELS = 64 * 64
"""``Method.batch_size`` is stated for images of this size."""

Parameters = Mapping[str, bool | int | float | str]


@dataclasses.dataclass(frozen=True)
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


@dataclasses.dataclass(frozen=True)
class Cell:
    """The unit of work and of resumption.

    Attributes
    ----------
    method : MethodSpec
    dataset : str
    condition : Condition
    index : int
        Position of the image in the dataset.
    image, kernel_id : str
    blur_length : int or None
        Of this image's kernel, where it is known.
    kind, origin : str
        The method's kind, and which distribution brought it.
    identity : Mapping
        What determines the restoration; :attr:`id` is its hash.
    """

    method: MethodSpec
    dataset: str
    condition: Condition
    index: int
    image: str
    kernel_id: str
    blur_length: int | None
    kind: str
    origin: str
    identity: Mapping[str, Any]

    @property
    def id(self) -> str:
        text = json.dumps(self.identity, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    @property
    def label(self) -> str:
        """The row of the score table that this cell fills, whatever the code's version."""
        return "|".join([self.dataset, str(self.condition), str(self.method), self.image])


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Cells that one call of a method computes together, with what the call needs.

    Observations are made when they are asked for: those of a set of photographs do not fit into
    memory together. ``reads_data`` says whether its process may know where the data lie.
    """

    cells: tuple[Cell, ...]
    dataset: Dataset
    task: Task
    reads_data: bool = True

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def method(self) -> MethodSpec:
        """The method that computes them."""
        return self.cells[0].method

    @property
    def company(self) -> str:
        """Chunks of one company may share a process: the project's own, else those of a method.

        Some of the project's methods have much in common, which they compute once per process.
        """
        return "" if self.cells[0].origin == "bench" else str(self.method)

    def only(self, keep: Sequence[bool]) -> Chunk:
        """Return the chunk without the cells that need not run."""
        return dataclasses.replace(self, cells=tuple(itertools.compress(self.cells, keep)))

    def singles(self) -> Iterator[Chunk]:
        """Split into chunks of one cell."""
        for position in range(len(self)):
            yield self.only([position == other for other in range(len(self))])

    def observed(self) -> list[Observed]:
        """Make the observations of the cells."""
        return [observe(self.dataset, cell.index, cell.condition) for cell in self.cells]


@dataclasses.dataclass(frozen=True)
class Sketch:
    """What a plan keeps of an observation: all but its pixels."""

    name: str
    kernel_id: str
    blur_length: int | None
    digest: str
    task: Task


def _sketch(dataset: Dataset, index: int, condition: Condition, device: str) -> Sketch:
    observed = observe(dataset, index, condition)
    sample, task = observed.sample, observed.task(dataset, condition, device)
    return Sketch(sample.name, sample.kernel_id, sample.blur_length, digest(sample), task)


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Cells that cannot run here or do not make sense, and why."""

    cells: tuple[Cell, ...]
    status: str
    reason: str


def parse_methods(names: str, settings: Sequence[str] = ()) -> list[MethodSpec]:
    """Expand ``--methods`` and ``--set METHOD.KEY=VALUE``.

    Raises
    ------
    UnknownName
        For an unknown method or parameter; the message names what there is.
    """
    parameters: dict[str, dict[str, bool | int | float | str]] = {}
    chosen = METHODS.select(names)
    for setting in settings:
        target, equals, value = setting.partition("=")
        name, dot, key = target.rpartition(".")
        if not (equals and dot and name and key):
            raise BenchError(f"--set takes METHOD.KEY=VALUE, not {setting!r}.")
        if name not in chosen:
            raise UnknownName(f"--set {setting} names {name!r}, which is not among the methods.")
        known = interview.describe(name).parameters
        if key not in known:
            options = ", ".join(known) or "none"
            raise UnknownName(f"The method {name!r} has no parameter {key!r}; it has: {options}.")
        parameters.setdefault(name, {})[key] = _literal(value)
    return [MethodSpec(name, tuple(sorted(parameters.get(name, {}).items()))) for name in chosen]


def _literal(text: str) -> bool | int | float | str:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    return value if isinstance(value, bool | int | float | str) else text


def load_dataset(name: str) -> Dataset:
    """Open a dataset, or say what is missing and how to get it."""
    cls = DATASETS.load(name)
    location = cls.location()
    if not location.found:
        raise Unavailable(
            f"The dataset {name!r} is not at {location.path}. {location.how_to_get}".rstrip()
        )
    return cls()


def plan(
    methods: Sequence[MethodSpec],
    datasets: Sequence[Dataset],
    conditions: Sequence[Condition],
    images: int | None = None,
    device: str = "cpu",
    patience: float = interview.PATIENCE,
) -> Iterator[Chunk | Refusal]:
    """Lay out a run.

    Parameters
    ----------
    methods : sequence of MethodSpec
    datasets : sequence of Dataset
    conditions : sequence of Condition
    images : int or None
        Only the first so many of each dataset; None takes all.
    device : str
    patience : float
        Seconds that a third party's class may take for each answer about itself.

    Yields
    ------
    Chunk or Refusal
        In the order of the run: dataset, condition, method, image.
    """
    for dataset in datasets:
        for condition in dict.fromkeys(effective(c, dataset) for c in conditions):
            count = size(dataset) if images is None else min(images, size(dataset))
            sketches = [_sketch(dataset, index, condition, device) for index in range(count)]
            _check_names(dataset, sketches)
            for spec in methods:
                yield from _plan_method(spec, dataset, condition, sketches, patience)


def _check_names(dataset: Dataset, sketches: Sequence[Sketch]) -> None:
    """Refuse a name that two images share: one's results would replace the other's."""
    first: dict[str, int] = {}
    for position, sketch in enumerate(sketches):
        if (other := first.setdefault(sketch.name, position)) != position:
            raise InvalidInput(
                f"The images {other} and {position} of the dataset {dataset.name!r} are both named "
                f"{sketch.name!r}; give each a name of its own."
            )


def _plan_method(
    spec: MethodSpec,
    dataset: Dataset,
    condition: Condition,
    sketches: Sequence[Sketch],
    patience: float,
) -> Iterator[Chunk | Refusal]:
    by_task: dict[Task, list[int]] = {}
    for position, sketch in enumerate(sketches):
        by_task.setdefault(sketch.task, []).append(position)
    verdicts = interview.consult(spec.name, dict(spec.parameters), tuple(by_task), patience)
    try:
        method = interview.describe(spec.name)
    except BenchError:  # the verdicts say why
        method = interview.Description()
    origin = METHODS.entries[spec.name].origin
    for (task, positions), verdict in zip(by_task.items(), verdicts, strict=True):
        cells = {
            position: Cell(
                method=spec,
                dataset=dataset.name,
                condition=condition,
                index=position,
                image=sketches[position].name,
                kernel_id=sketches[position].kernel_id,
                blur_length=sketches[position].blur_length,
                kind=method.kind,
                origin=origin,
                identity={
                    "method": spec.name,
                    "parameters": dict(spec.parameters),
                    "version": method.version,
                    "assets": dict(verdict.assets),
                    "dataset": dataset.name,
                    "dataset version": dataset.version,
                    "scene": sketches[position].digest,
                    "image": sketches[position].name,
                    "task": dataclasses.asdict(task),
                    "blur length": condition.blur_length,
                    **formation(dataset),
                },
            )
            for position in positions
        }
        if verdict.status:
            yield Refusal(tuple(cells.values()), verdict.status, verdict.reason)
            continue
        pixels = task.image_size[0] * task.image_size[1]
        size = max(1, method.batch_size * REFERENCE_PIXELS // max(pixels, REFERENCE_PIXELS))
        for _, chunk in itertools.groupby(positions, key=lambda p: p // size):
            members = list(chunk)
            yield Chunk(
                cells=tuple(cells[p] for p in members),
                dataset=dataset,
                task=task,
                reads_data=method.reads_data or origin == "bench",
            )
