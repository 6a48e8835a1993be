"""Metrics of installed packages, each imported and computed in a process of its own.

A metric that raises, hangs, ends its process or answers nonsense costs its own column and a line.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import inspect
import json
import math
import multiprocessing
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from bench import text
from bench.errors import BenchError, Unavailable
from bench.harness.host import PATIENCE, Host, Respondent, Silence, introduced, serve
from bench.harness.process import Death
from bench.metrics.description import Description

if TYPE_CHECKING:
    from bench.metrics import Comparison, Metric

GROUP = "bench.metrics"
TENSORS = ("image", "kernel", "truth", "true_kernel")
WORD = re.compile(r"\w[\w.+-]*")
MOST_DIGITS = 15


class GuestMetric:
    """A metric of an installed package as this process sees it.

    Parameters
    ----------
    point : EntryPoint
    patience : float
        Seconds for each of its answers.

    Raises
    ------
    BenchError
        If it does not say what it is.
    """

    def __init__(self, point: importlib.metadata.EntryPoint, patience: float = PATIENCE) -> None:
        self._target, self._patience = point.value, patience
        self._lost = ""
        try:
            host, self.description = introduced(self._start, _read_description)
        except (Death, Silence) as fate:
            raise BenchError(f"it did not say what it is. {fate}") from None
        host.close()  # most commands compute nothing
        self._respondent = Respondent(self._start)

    def compute(self, comparison: Comparison) -> list[float]:
        """Return one number per image.

        Raises
        ------
        BenchError
            If there are none. After it has hung, or ended process after process, it is not asked
            again.
        """
        if self._lost:
            raise BenchError(self._lost)
        try:
            return self._respondent.ask(_plain(comparison), _reader(len(comparison.image)))
        except (Death, Silence) as fate:
            self._lost = str(fate)
            raise BenchError(self._lost) from None

    def _start(self) -> Host:
        return Host(answer, self._target, patience=self._patience)


def installed(taken: Iterable[str], patience: float = PATIENCE) -> Mapping[str, GuestMetric]:
    """Ask the metrics of installed packages what they are; one that does not say costs a line.

    Parameters
    ----------
    taken : iterable of str
        Names of columns that a metric cannot have.
    patience : float
    """
    found: dict[str, GuestMetric] = {}
    if multiprocessing.parent_process() is not None:
        return found  # one that wants to know of the others while it is asked would ask for ever
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            metric = GuestMetric(point, patience)
            if (name := metric.description.name) in found or name in taken:
                raise BenchError(f"there is a column {name!r} already")
            found[name] = metric
        except BenchError as error:
            _say(f"the metric {point.name} is left out: {error}")
    return found


@functools.cache
def complain(name: str, why: str) -> None:
    """Say once why a metric has no scores, however many images it is of."""
    _say(f"the metric {name} has no scores: {why}")


def _say(words: str) -> None:
    print(f"bench: {text.legible(words)}", file=sys.stderr)


def _plain(comparison: Comparison) -> dict[str, Any]:
    values = {name: getattr(comparison, name) for name in TENSORS}
    arrays = {name: None if found is None else found.numpy() for name, found in values.items()}
    return {**arrays, "alignment": dataclasses.asdict(comparison.alignment)}


def _reader(count: int) -> Any:
    def read(plain: Any, _: bytes) -> list[float]:
        if len(plain) != count:
            raise BenchError(f"it gave {len(plain)} numbers for {count} images")
        return [float(value) for value in plain]

    return read


def _read_description(plain: Any, _: bytes) -> Description:
    """Read what a metric says of itself, and refuse what would spoil a table."""
    about = Description(**plain)
    texts = ("name", "heading", "unit", "version")
    flags = ("larger_is_better", "headline", "of_image", "needs_truth")
    digits = ("digits", "table_digits")
    for name in (*texts, *flags, *digits):
        value = plain[name]
        if name in texts:
            sound, wanted = isinstance(value, str), "a text"
        elif name in flags:
            sound, wanted = isinstance(value, bool), "True or False"
        else:
            sound = type(value) is int and 0 <= value <= MOST_DIGITS
            wanted = f"a whole number of 0 to {MOST_DIGITS}"
        if not sound:
            raise BenchError(f"its {name} is {_shown(value)}; it has to be {wanted}")
    for name in ("name", "version"):
        if not WORD.fullmatch(plain[name]):
            raise BenchError(f"its {name} is {_shown(plain[name])}; it has to be one word")
    if type(about.place) not in (int, float) or not math.isfinite(about.place):
        raise BenchError(f"its place is {_shown(about.place)}; it has to be a number")
    return dataclasses.replace(
        about, heading=text.legible(about.heading, 60), unit=text.legible(about.unit, 30)
    )


def _shown(value: Any) -> str:
    return text.legible(repr(value), 60)


def answer(connection: Connection, target: str) -> None:
    """Compute a metric: the body of its process."""

    def introduce() -> tuple[Mapping[str, Any], Callable[[Any], bytes]]:
        metric = _load(target)()
        about = dataclasses.asdict(metric.describe())
        return about, lambda question: json.dumps(_computed(metric, question)).encode()

    serve(connection, introduce)


def _load(target: str) -> type[Metric]:
    from bench.metrics import Metric

    point = importlib.metadata.EntryPoint("", target, GROUP)
    try:
        kind = point.load()
    except Exception as error:
        raise Unavailable(f"{target} cannot be imported: {text.describe(error)}") from error
    if not (inspect.isclass(kind) and issubclass(kind, Metric)):
        raise BenchError(f"{target} is no subclass of bench.metrics.Metric")
    if inspect.isabstract(kind):
        raise BenchError(f"{target} does not define compute")
    return kind


def _computed(metric: Metric, question: Mapping[str, Any]) -> list[float]:
    import torch

    from bench.metrics import Comparison
    from bench.protocol import Alignment

    arrays = {name: question[name] for name in TENSORS}
    tensors = {name: None if x is None else torch.from_numpy(x) for name, x in arrays.items()}
    comparison = Comparison(**tensors, alignment=Alignment(**question["alignment"]))  # type: ignore[arg-type]
    found = metric.compute(comparison)
    if found.shape != comparison.nothing.shape:
        raise BenchError(f"it gave shape {tuple(found.shape)}, not one number per image")
    return found.double().tolist()
