"""The plan of a run: which cells there are, and how they are batched.

Batching is mere scheduling, in chunks fixed by the position of an image in its dataset, so that a
resumed run repeats the numbers of an uninterrupted one.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from bench.errors import BenchError, InvalidInput, Unavailable, UnknownName
from bench.harness import guests, interview
from bench.harness.cells import Cell, MethodSpec, Picture, Series
from bench.physics.condition import Condition, effective, formation
from bench.physics.observation import Observed, observe, size
from bench.protocol import Dataset, Status, Task
from bench.registry import METHODS

Place = tuple[str, int, Condition]
"""An observation by its data set's name, its position there and its condition."""
Maker = Callable[[Dataset, int, Condition], Observed]
REFERENCE_PIXELS = 64 * 64
"""``Method.batch_size`` is stated for images of this size."""


@dataclasses.dataclass(frozen=True)
class Chunk:
    """Cells that one job computes: images by one method, or an image by several.

    Observations are made when they are asked for: those of a set of photographs do not fit into
    memory together.

    Attributes
    ----------
    cells : tuple of Cell
        Of several methods only where those share a stage, and then of one image.
    dataset : Dataset
    task : Task
    reads_data : bool
        Whether its process may know where the data lie.
    stage : str
        What its method shares with others of the same stage; see ``MethodBase.stage``.
    """

    cells: tuple[Cell, ...]
    dataset: Dataset
    task: Task
    reads_data: bool = True
    stage: str = ""

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def method(self) -> MethodSpec:
        """The method that computes them, or the first of several."""
        return self.cells[0].method

    @property
    def methods(self) -> list[MethodSpec]:
        """All methods that compute them."""
        return list(dict.fromkeys(cell.method for cell in self.cells))

    @property
    def title(self) -> str:
        """Its methods and data set, for people who watch."""
        return f"{', '.join(map(str, self.methods))} on {self.cells[0].dataset}"

    @property
    def company(self) -> str:
        """Chunks of one company may share a process: the project's own, else those of a method."""
        return "" if self.cells[0].origin == "bench" else str(self.method)

    def only(self, keep: Sequence[bool]) -> Chunk:
        """Return the chunk without the cells that need not run."""
        return dataclasses.replace(self, cells=tuple(itertools.compress(self.cells, keep)))

    def singles(self) -> Iterator[Chunk]:
        """Split into chunks of one cell."""
        for position in range(len(self)):
            yield self.only([position == other for other in range(len(self))])

    @property
    def places(self) -> list[Place]:
        """What its methods see: each image and condition once."""
        name = self.dataset.name
        return list(dict.fromkeys((name, cell.index, cell.condition) for cell in self.cells))

    def observed(self, make: Maker = observe) -> list[Observed]:
        """Make the observations of the cells, once for several methods."""
        return [make(self.dataset, index, condition) for _, index, condition in self.places]


def _look(dataset: Dataset, index: int, condition: Condition, device: str) -> tuple[Picture, Task]:
    """Make an observation and keep all of it but its pixels."""
    observed = observe(dataset, index, condition)
    sample, task = observed.sample, observed.task(dataset, condition, device)
    return Picture.of(sample, index), task


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
    except (ValueError, RecursionError):  # no JSON, or such as nobody means
        return text
    return value if isinstance(value, bool | int | float | str) else text


def load_dataset(name: str, patience: float = guests.PATIENCE) -> Dataset:
    """Open a dataset, a third party's in a process of its own, or say what is missing."""
    cls = guests.dataset_class(name, patience)
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
            looks = [_look(dataset, index, condition, device) for index in range(count)]
            _check_names(dataset, [picture for picture, _ in looks])
            by_task: dict[Task, list[Picture]] = {}
            for picture, task in looks:
                by_task.setdefault(task, []).append(picture)
            laid_out = [
                item
                for spec in methods
                for item in _plan_method(spec, dataset, condition, by_task, patience)
            ]
            yield from _with_shared_stages(laid_out)


def _with_shared_stages(laid_out: Sequence[Chunk | Refusal]) -> Iterator[Chunk | Refusal]:
    """Put cells whose methods share a stage into one chunk per image."""
    methods: dict[str, set[MethodSpec]] = collections.defaultdict(set)
    for item in laid_out:
        if isinstance(item, Chunk) and item.stage:
            methods[item.stage].add(item.method)
    together: dict[tuple[str, int], list[Chunk]] = {}
    for item in laid_out:
        if isinstance(item, Chunk) and len(methods.get(item.stage, ())) > 1:
            for single in item.singles():
                together.setdefault((item.stage, single.cells[0].index), []).append(single)
        else:
            yield item
    for chunks in together.values():
        cells = tuple(cell for chunk in chunks for cell in chunk.cells)
        yield dataclasses.replace(chunks[0], cells=cells)


def _check_names(dataset: Dataset, pictures: Sequence[Picture]) -> None:
    """Refuse a name that two images share: one's results would replace the other's."""
    first: dict[str, int] = {}
    for position, picture in enumerate(pictures):
        if (other := first.setdefault(picture.name, position)) != position:
            raise InvalidInput(
                f"The images {other} and {position} of the dataset {dataset.name!r} are both named "
                f"{picture.name!r}; give each a name of its own."
            )


def _plan_method(
    spec: MethodSpec,
    dataset: Dataset,
    condition: Condition,
    by_task: Mapping[Task, Sequence[Picture]],
    patience: float,
) -> Iterator[Chunk | Refusal]:
    verdicts = interview.consult(spec.name, dict(spec.parameters), tuple(by_task), patience)
    try:
        method = interview.describe(spec.name)
    except BenchError:  # the verdicts say why
        method = interview.Description()
    origin = METHODS.entries[spec.name].origin
    stage = ""
    if origin == "bench" and not all(verdict.status for verdict in verdicts):
        stage = METHODS.load(spec.name).stage(dict(spec.parameters))
    for (task, pictures), verdict in zip(by_task.items(), verdicts, strict=True):
        identity = {
            "method": spec.name,
            "parameters": dict(spec.parameters),
            "version": method.version,
            "assets": dict(verdict.assets),
            "dataset": dataset.name,
            "dataset version": dataset.version,
            "task": task.told(),
            "blur length": condition.blur_length,
            **condition.disturbance(),
            **formation(dataset),
        }
        series = Series(spec, dataset.name, condition, method.kind, origin, identity)
        cells = [Cell(series, picture) for picture in pictures]
        if verdict.status:
            yield Refusal(tuple(cells), verdict.status, verdict.reason)
            continue
        if method.kind == "oracle" and dataset.kernel_unknown:
            reason = f"The kernels of {dataset.name!r} are not known, and an oracle is given them."
            yield Refusal(tuple(cells), Status.NOT_APPLICABLE, reason)
            continue
        pixels = task.image_size[0] * task.image_size[1]
        # On a device a batch of images gains more than what methods of an image have in common.
        batched = task.device != "cpu" and method.device_batch_size > 0
        most = method.device_batch_size if batched else method.batch_size
        size = max(1, most * REFERENCE_PIXELS // max(pixels, REFERENCE_PIXELS))
        for _, members in itertools.groupby(cells, key=lambda cell: cell.index // size):
            yield Chunk(
                cells=tuple(members),
                dataset=dataset,
                task=task,
                reads_data=method.reads_data or origin == "bench",
                stage="" if batched else stage,
            )
