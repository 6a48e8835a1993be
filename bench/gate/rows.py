"""Run whole methods on the first images of data sets; the store is bypassed."""

from __future__ import annotations

import dataclasses
import itertools
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from bench.gate.perturbation import AS_IT_IS, Perturbation
from bench.harness import plan, runner, scores
from bench.harness.plan import Chunk, MethodSpec, Refusal
from bench.harness.session import Datasets
from bench.harness.store import Store
from bench.physics.condition import Condition
from bench.protocol import Status
from bench.registry import DATASETS

IMAGES = 8
"""Images of each set: enough that their median holds where single ones fall for a rounding
error."""
TIME_LIMIT = 600.0

Pair = tuple[str, str]
"""Names of a method and of a data set."""


@dataclasses.dataclass(frozen=True)
class Row:
    """A method on a data set.

    Attributes
    ----------
    psnr : tuple of float
        Per image, in the order of the data set; empty if the row could not be had.
    status : str
        ``ok``, or what became of the images that failed.
    reason : str
    direct : bool
        Whether the method computes its result instead of searching it.
    """

    psnr: tuple[float, ...] = ()
    status: str = Status.OK
    reason: str = ""
    direct: bool = False

    @property
    def mean(self) -> float:
        """Mean over the images."""
        return sum(self.psnr) / len(self.psnr)


def run(
    pairs: Iterable[Pair],
    workers: int | None = None,
    quiet: bool = False,
    perturbation: Perturbation = AS_IT_IS,
) -> dict[Pair, Row]:
    """Run methods on data sets in a fresh folder.

    Parameters
    ----------
    pairs : iterable of (str, str)
        Methods and data sets.
    workers : int or None
        Processes; None takes one per core.
    quiet : bool
        Show no progress.
    perturbation : Perturbation

    Returns
    -------
    dict
        A row for every pair.
    """
    wanted = sorted(set(pairs), key=lambda pair: pair[1])
    open_dataset, laid_out = Datasets(), list[Chunk | Refusal]()
    found: dict[Pair, Row] = {}
    for dataset, group in itertools.groupby(wanted, key=lambda pair: pair[1]):
        members = list(group)
        location = DATASETS.load(dataset).location()
        if not location.found:
            missing = f"{dataset} is not at {location.path}. {location.how_to_get}".rstrip()
            found |= dict.fromkeys(members, Row(status=Status.UNAVAILABLE, reason=missing))
            continue
        methods = [MethodSpec(method) for method, _ in members]
        laid_out += list(plan.plan(methods, [open_dataset(dataset)], [Condition()], IMAGES))
    if not laid_out:
        return found
    laid_out = [perturbation.apply(item) for item in laid_out]
    with tempfile.TemporaryDirectory(prefix="bench-check-") as folder, Store(Path(folder)) as store:
        with perturbation.in_environment():
            runner.run(
                laid_out, store, workers, TIME_LIMIT, not quiet, threads=perturbation.threads
            )
        frame = scores.collect(store, open_dataset, progress=False)
    for (method, dataset), cells in frame.groupby(["method", "dataset"], sort=False):
        found[str(method), str(dataset)] = _row(cells)
    return found


def _row(cells: pd.DataFrame) -> Row:
    ok = cells["status"] == Status.OK
    if not ok.all():
        failed = cells[~ok]
        reason = "; ".join(dict.fromkeys(failed["reason"].fillna("").astype(str)))
        return Row(status=str(failed["status"].iloc[0]), reason=reason)
    direct = cells["kind"].iloc[0] == "replay" or not (cells["iterations"].fillna(0) > 1).any()
    return Row(tuple(round(float(value), 3) for value in cells["psnr"]), direct=bool(direct))


def differences(old: Sequence[float], new: Sequence[float]) -> list[float]:
    """New minus old, image by image; two infinite values do not differ."""
    return [0.0 if a == b else b - a for a, b in zip(old, new, strict=True)]
