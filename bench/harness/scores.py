"""From stored restorations to the tidy table of scores, one row per cell."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tqdm import tqdm

from bench.errors import BenchError
from bench.files import write_atomically
from bench.harness import score_table
from bench.harness.store import Row, Store
from bench.metrics import METRICS, score
from bench.physics.observation import Condition, observe
from bench.protocol import Dataset, Restoration, Sample, Status

VERSION = ",".join(
    [*(f"{name}={metric.version}" for name, metric in METRICS.items()), "kernel_spread=1"]
)
"""Versions of all metrics: scores of another version are computed anew."""

BATCH = 64
"""Restorations scored, and kept, at a time."""
BATCH_BYTES = 8_000_000
"""What a batch of several takes in the store; scoring it takes some fifty times as much memory."""

WHOLE = ("blur_length", "generator_evaluations", "iterations", "restarts")
LABEL = list(score_table.LABEL)

NUMBER = re.compile(r"\d+(?:\.\d+)?")

REFERENCE = "known-kernel"
"""The oracle that the error ratio is taken against."""

DIGITS = {
    **{name: metric.digits for name, metric in METRICS.items()},
    "kernel_spread": 3,
    "error_ratio": 3,
    "residual": 6,
    "seconds": 3,
}
COLUMNS = [
    *("dataset", "condition", "method", "kind", "image", "kernel_id"),
    *("noise", "blur_length", "kernel_spread", "seed"),
    *METRICS,
    *("error_ratio", "residual", "generator_evaluations", "iterations", "restarts", "seconds"),
    *("status", "reason", "parameters", "prior", "method_version", "metric_version", "origin"),
]


def collect(
    store: Store, open_dataset: Callable[[str], Dataset], progress: bool = True
) -> pd.DataFrame:
    """Score what is not scored yet and return one row per planned cell.

    Parameters
    ----------
    store : Store
    open_dataset : callable
        Returns the dataset of a name; only asked for datasets with unscored cells.
    progress : bool

    Returns
    -------
    DataFrame
        The columns :data:`COLUMNS`, rounded to :data:`DIGITS`, sorted by dataset, condition,
        method and image. Cells without a restoration have a status, a reason and no scores.
    """
    rows = store.rows()
    known = store.scores(VERSION)
    lost: dict[str, str] = {}
    missing = [row for row in rows if row.status == Status.OK and row.id not in known]
    with tqdm(total=len(missing), unit="score", disable=not (progress and missing)) as bar:
        for (name, _), group in itertools.groupby(missing, key=_dataset_and_condition):
            for batch in _batches(group):
                scored, failed = _score_each(store, open_dataset(name), batch)
                store.keep_scores(VERSION, scored)
                known.update(scored)
                lost.update(failed)
                bar.update(len(batch))
    rows = [
        dataclasses.replace(row, status=Status.FAILED, reason=lost[row.id])
        if row.id in lost
        else row
        for row in _outdated(rows)
    ]
    frame = pd.DataFrame([_tidy(row, known.get(row.id, {})) for row in rows], columns=COLUMNS)
    frame["error_ratio"] = _error_ratio(frame)
    return frame.round(DIGITS).astype(dict.fromkeys(WHOLE, "Int64"))


def update(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Write ``scores.csv`` of a folder, whole or not at all, and keep what else it has.

    A folder may come without its store, as a clone of a published record does. Rows of other
    methods, images or conditions than the store's stay as they are.

    Parameters
    ----------
    frame : DataFrame
        From :func:`collect`.
    folder : Path

    Returns
    -------
    DataFrame
        What was written: sorted by dataset, condition and method.
    """
    path = folder / "scores.csv"
    frame = score_table.escaped(frame)
    if path.exists():
        earlier = read(folder)
        held = pd.MultiIndex.from_frame(frame[LABEL])
        kept = earlier[~pd.MultiIndex.from_frame(earlier[LABEL]).isin(held)]
        if len(kept):
            kept = kept[COLUMNS].astype(dict.fromkeys(WHOLE, "Int64"))
            frame = pd.concat([kept, frame], ignore_index=True)
            frame = frame.iloc[_order(frame).argsort(kind="stable")].reset_index(drop=True)
            ratio = _error_ratio(frame).round(DIGITS["error_ratio"])
            frame["error_ratio"] = ratio.fillna(frame["error_ratio"].astype(float))
    write_atomically(path, score_table.encode(frame))
    return frame


def check(folder: Path) -> None:
    """Refuse a folder whose ``scores.csv`` could not be carried on, before any work is done."""
    if (folder / "scores.csv").exists():
        read(folder)


def read_planned(folder: Path) -> pd.DataFrame:
    """Read the scores of a folder with what its store knows beyond them.

    After a run that was killed, cells are planned that never ran (``pending``), and some are done
    that are not scored yet.
    """
    if not (folder / "cells.sqlite").exists():
        return read(folder)
    with Store(folder, write=False) as store:
        rows = [_tidy(row, {}) for row in store.rows()]
    fresh = score_table.escaped(pd.DataFrame(rows, columns=COLUMNS))
    if not (folder / "scores.csv").exists():
        return fresh
    frame = read(folder)
    scored = pd.MultiIndex.from_frame(frame.loc[frame["status"] == Status.OK, LABEL])
    done = pd.MultiIndex.from_frame(fresh[LABEL]).isin(scored) & (fresh["status"] == Status.OK)
    fresh = fresh[~done]
    stale = pd.MultiIndex.from_frame(frame[LABEL]).isin(pd.MultiIndex.from_frame(fresh[LABEL]))
    if fresh.empty:
        return frame
    numbers = [name for name in COLUMNS if name not in score_table.TEXT]
    return pd.concat([frame[~stale], fresh.astype(dict.fromkeys(numbers, float))])


def _order(frame: pd.DataFrame) -> pd.Series:
    """Number the rows by dataset, condition (its numbers by value) and method."""
    groups = {
        key: (key[0], [float(number) for number in NUMBER.findall(key[1])], key[2])
        for key in frame[LABEL[:3]].drop_duplicates().itertuples(index=False, name=None)
    }
    rank = {key: place for place, key in enumerate(sorted(groups, key=groups.__getitem__))}
    return frame[LABEL[:3]].apply(tuple, axis=1).map(rank)


def read(folder: Path) -> pd.DataFrame:
    """Read the scores of a results folder.

    Raises
    ------
    BenchError
        If the folder has no ``scores.csv``, or it is not one of ours. Columns that an older
        version did not write are empty.
    """
    path = folder / "scores.csv" if folder.is_dir() else folder
    if not path.exists():
        raise BenchError(
            f"There are no scores at {path}; make some with 'python -m bench run --out {folder}'."
        )
    frame = score_table.decode(path, COLUMNS, (*WHOLE, "seed"))
    if frame["seed"].notna().all():
        frame["seed"] = frame["seed"].astype(int)
    return frame


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
) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
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
    scored: dict[str, dict[str, float]] = {}
    failed: dict[str, str] = {}
    for row in rows:
        one, lost = _score_each(store, dataset, [row])
        scored |= one
        failed |= lost
    return scored, failed


def _outdated(rows: Sequence[Row]) -> list[Row]:
    """Set aside the rows of an older version of a method or data set than the last one planned.

    Rows of two versions never share a mean: the older are what the last plan has not replaced.
    """
    newest: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = _group(row)
        known = bool(row.columns["method_version"])  # of a method that can be had here
        if known and (key not in newest or row.order > newest[key].order):
            newest[key] = row
    kept = []
    for row in rows:
        ours, last = _versions(row), _versions(newest.get(_group(row), row))
        if not ours[1]:  # a store of before data set versions were written into plans
            last = (last[0], "")
        if ours != last and row.status == Status.OK:
            reason = f"It is of {_said(ours)}, where the last run had {_said(last)}; run it again."
            row = dataclasses.replace(row, status=Status.OUTDATED, reason=reason)
        kept.append(row)
    return kept


def _group(row: Row) -> tuple[Any, ...]:
    return tuple(row.columns[name] for name in ("dataset", "condition", "method"))


def _versions(row: Row) -> tuple[str, str]:
    return row.columns["method_version"], row.columns.get("dataset_version", "")


def _said(versions: tuple[str, str]) -> str:
    method, dataset = versions
    return f"version {method} of the method" + (f" on version {dataset} of the set" * bool(dataset))


def _dataset_and_condition(row: Row) -> tuple[Any, ...]:
    return row.columns["dataset"], row.columns["condition"]


def _score(store: Store, dataset: Dataset, rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Score restorations of one dataset and condition, together where their sizes allow it."""
    first = rows[0].columns
    condition = Condition(first["noise"], first["swept_blur_length"], first["seed"])
    samples = {
        index: observe(dataset, index, condition).sample
        for index in {row.columns["index"] for row in rows}
    }
    found = [(row, store.restoration(row.id), samples[row.columns["index"]]) for row in rows]
    alike: dict[tuple[Any, ...], list[tuple[Row, Restoration, Sample]]] = {}
    for item in found:
        kernel = item[1].kernel
        shape = None if kernel is None else kernel.shape
        alike.setdefault((item[1].image.shape, shape, item[2].kernel.shape), []).append(item)
    scored = {}
    for items in alike.values():
        kernels = [restoration.kernel for _, restoration, _ in items]
        values = score(
            torch.cat([restoration.image for _, restoration, _ in items]),
            None if kernels[0] is None else torch.cat([k for k in kernels if k is not None]),
            torch.stack([sample.image for _, _, sample in items]),
            torch.stack([sample.kernel for _, _, sample in items]),
            dataset.alignment_for(items[0][2].kernel.shape),
        )
        for position, (row, restoration, _) in enumerate(items):
            residual = restoration.residual
            scored[row.id] = {name: float(value[position]) for name, value in values.items()}
            scored[row.id]["kernel_spread"] = kernel_spread(samples[row.columns["index"]].kernel)
            scored[row.id]["residual"] = float("nan") if residual is None else float(residual[0])
    return scored


def _tidy(row: Row, scores: Mapping[str, float]) -> dict[str, Any]:
    columns = row.columns
    return {
        **{name: columns[name] for name in COLUMNS if name in columns},
        **(scores if row.status == Status.OK else {}),
        **row.cost,
        "status": row.status,
        "reason": row.reason,
        "parameters": fingerprint(columns["parameters"]),
        "prior": fingerprint(columns["assets"]),
        "metric_version": VERSION,
    }


def kernel_spread(kernel: torch.Tensor) -> float:
    """Size of a true kernel: root mean squared distance from its barycentre, in pixels.

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


def fingerprint(values: Mapping[str, Any]) -> str:
    """Eight hexadecimal digits that stand for parameters or checksums; "" for none."""
    text = json.dumps(dict(values), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8] if values else ""


def _error_ratio(frame: pd.DataFrame) -> pd.Series:
    """Squared error over the known-kernel oracle's on the same observation.

    Both are measured against the same image with the same alignment, so the ratio of errors is a
    difference of PSNRs.
    """
    keys = ["dataset", "condition", "image"]
    oracle = frame[frame["method"] == REFERENCE].set_index(keys)["psnr"]
    reference = frame[keys].merge(oracle.rename("reference").reset_index(), on=keys, how="left")
    reference.index = frame.index
    return 10 ** ((reference["reference"] - frame["psnr"].astype(float)) / 10)
