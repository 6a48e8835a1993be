"""From stored restorations to scores, a batch at a time, metric by metric.

Scores are kept in the store with the version of each metric that gave them: raising one metric's
version computes that column alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from tqdm import tqdm

from bench.errors import BenchError
from bench.harness import columns, guest_metrics
from bench.harness.cells import Row
from bench.harness.progress import manner
from bench.harness.store import Store
from bench.metrics import Comparison
from bench.metrics.scoring import measure
from bench.physics.observation import told_size, truth
from bench.protocol import Dataset, Restoration, Sample

BATCH = 128
"""Restorations scored, and kept, at a time."""
BATCH_BYTES = 8_000_000
"""What a batch of several takes in the store; scoring it takes some fifty times as much memory."""

Scores = dict[str, float]


def score_missing(
    store: Store, open_dataset: Callable[[str], Dataset], progress: bool = True
) -> dict[str, str]:
    """Score what is not scored yet, or was by an older version of a metric.

    Parameters
    ----------
    store : Store
    open_dataset : callable
        Returns the dataset of a name; only asked for datasets with unscored cells.
    progress : bool

    Returns
    -------
    dict of str to str
        By cell, why it cannot be scored.
    """
    lost: dict[str, str] = {}
    wanted = columns.stated(columns.versions())
    total = store.unscored(wanted)
    with tqdm(total=total, unit="score", disable=not (progress and total), **manner()) as bar:
        # By image, so that the truth is made once for all the methods that restored it.
        rows = store.each("image", unscored=wanted)
        for (name, _), group in itertools.groupby(rows, key=_dataset_and_condition):
            for batch in _batches(group):
                try:
                    scored, failed = _score_each(store, open_dataset(name), batch)
                except BenchError as error:  # an earlier run's, whose plugin is gone or broken
                    scored, failed = {}, dict.fromkeys((row.id for row in batch), str(error))
                _keep(store, scored)
                lost |= failed
                bar.update(len(batch))
    return lost


def _keep(store: Store, scored: Mapping[str, Scores]) -> None:
    """Keep scores with the versions of what gave them; a metric that failed is asked again."""
    today = columns.versions()
    alike: dict[str, dict[str, Scores]] = {}
    for id, scores in scored.items():
        held = {name: version for name, version in today.items() if name in scores}
        alike.setdefault(columns.stated(held), {})[id] = scores
    for version, some in alike.items():
        store.keep_scores(version, some)


def _missing(row: Row) -> frozenset[str]:
    known = columns.read(row.score_version)
    today = columns.versions()
    return frozenset(name for name, version in today.items() if known.get(name) != version)


def _dataset_and_condition(row: Row) -> tuple[Any, ...]:
    return row.columns["dataset"], row.columns["condition"]


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Cut rows into batches that memory holds: a photograph may be one of its own."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        if batch and (len(batch) == BATCH or size + row.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += row.size
    if batch:
        yield batch


def _score_each(
    store: Store, dataset: Dataset, rows: Sequence[Row]
) -> tuple[dict[str, Scores], dict[str, str]]:
    """Score rows together; if that fails, one by one, so that a bad one costs itself alone.

    Returns
    -------
    scored, failed : dict
        By cell: scores, or why there are none.
    """
    try:
        return _score(store, dataset, rows), {}
    except Exception as error:  # whatever an older version or a damaged disk has stored
        if len(rows) == 1:
            why = " ".join(str(error).split())
            return {}, {rows[0].id: f"It cannot be scored ({type(error).__name__}: {why})."}
    scored: dict[str, Scores] = {}
    failed: dict[str, str] = {}
    for row in rows:
        one, lost = _score_each(store, dataset, [row])
        scored |= one
        failed |= lost
    return scored, failed


def _score(store: Store, dataset: Dataset, rows: Sequence[Row]) -> dict[str, Scores]:
    """Score restorations of one dataset and condition, together where their sizes allow it."""
    condition = rows[0].condition
    samples = {index: truth(dataset, index, condition) for index in {row.index for row in rows}}
    alike: dict[tuple[Any, ...], list[tuple[Row, Restoration, Sample]]] = {}
    for row in rows:
        restoration, sample = store.restoration(row.id), samples[row.index]
        kernel = restoration.kernel
        shape = None if kernel is None else kernel.shape
        key = (_missing(row), restoration.image.shape, shape, sample.kernel.shape)
        alike.setdefault(key, []).append((row, restoration, sample))
    spreads = {index: kernel_spread(sample.kernel) for index, sample in samples.items()}
    scored: dict[str, Scores] = {}
    for (missing, *_), items in alike.items():
        values = _measure(items, dataset, missing)
        for position, (row, restoration, _) in enumerate(items):
            residual = restoration.residual
            scored[row.id] = {
                **columns.current(row),
                **{name: value[position] for name, value in values.items()},
                "kernel_spread": spreads[row.index],
                "residual": float("nan") if residual is None else float(residual[0]),
            }
    return scored


def _measure(
    items: Sequence[tuple[Row, Restoration, Sample]], dataset: Dataset, names: Collection[str]
) -> dict[str, list[float]]:
    """Compute metrics of restorations whose shapes are the same."""
    kernels = [restoration.kernel for _, restoration, _ in items]
    row, restoration, sample = items[0]
    size = (int(restoration.image.shape[-2]), int(restoration.image.shape[-1]))
    told = told_size(sample.kernel, row.condition.bound, size)
    comparison = Comparison(
        torch.cat([restoration.image for _, restoration, _ in items]),
        None if kernels[0] is None else torch.cat([k for k in kernels if k is not None]),
        torch.stack([sample.image for _, _, sample in items]),
        torch.stack([sample.kernel for _, _, sample in items]),
        dataset.alignment_for(told),
    )
    found = {name: value.tolist() for name, value in measure(comparison, names).items()}
    for name, guest in columns.METRICS.guests.items():
        if name not in names:
            continue
        if guest.description.needs_truth != comparison.has_truth:
            found[name] = comparison.nothing.tolist()
            continue
        try:
            found[name] = guest.compute(comparison)
        except BenchError as error:
            guest_metrics.complain(name, str(error))
    return found


def kernel_spread(kernel: torch.Tensor) -> float:
    """Size of a true kernel: root mean squared distance from its centroid, in pixels.

    Parameters
    ----------
    kernel : Tensor, shape (kh, kw), non-negative
    """
    weights = kernel.double() / kernel.sum().double()
    variance = 0.0
    for axis, size in enumerate(kernel.shape):
        marginal = weights.sum(1 - axis)
        place = torch.arange(size, dtype=torch.float64)
        mean = (marginal * place).sum()
        variance += float((marginal * (place - mean).square()).sum())
    return variance**0.5
