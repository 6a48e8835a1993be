"""From stored restorations to the tidy table of scores, one row per cell."""

from __future__ import annotations

import collections
import dataclasses
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bench.checksums import checksum
from bench.errors import BenchError
from bench.files import write_atomically
from bench.harness import columns, score_table
from bench.harness.cells import Cell, Row
from bench.harness.store import Store
from bench.protocol import Dataset, Status

WHOLE = ("blur_length", "generator_evaluations", "iterations", "restarts")
LABEL = list(score_table.LABEL)

NUMBER = re.compile(r"\d+(?:\.\d+)?")

REFERENCE = "known-kernel"
"""The oracle that the error ratio is taken against."""

Lack = tuple[str, str, str]
"""A method's label, a status and the reason why there are no scores."""


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
        The columns of :func:`bench.harness.columns.columns`, rounded, sorted by dataset, condition,
        method and image. Cells without a restoration have a status, a reason and no scores. What
        a cell was scored by before stays where a newer metric cannot be computed, because the data
        are not here, say; that metric's column is empty then, and a notice says why.
    """
    from bench.harness.scoring import score_missing  # it needs PyTorch, which reading does not

    names = columns.columns()
    lost = score_missing(store, open_dataset, progress)
    newest = store.newest_versions()
    kept: list[str] = []
    values: dict[str, list[Any]] = {name: [] for name in names}
    for row in store.each():
        if row.id in lost and not columns.METRICS.keys().isdisjoint(columns.current(row)):
            kept.append(row.id)
        elif row.id in lost:
            row = dataclasses.replace(row, status=Status.FAILED, reason=lost[row.id])
        tidy = _tidy(_dated(row, newest))
        for name in names:
            values[name].append(tidy.get(name))
    if kept:
        why = score_table.printable(lost[kept[0]])
        print(
            f"bench: {len(kept)} cells keep the scores they have, without newer metrics: {why}",
            file=sys.stderr,
        )
    frame = pd.DataFrame(values, columns=names)
    frame["error_ratio"] = _error_ratio(frame)
    return frame.round(columns.digits()).astype(dict.fromkeys(WHOLE, "Int64"))


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
            kept = kept[columns.columns()].astype(dict.fromkeys(WHOLE, "Int64"))
            frame = pd.concat([kept, frame], ignore_index=True)
            frame = frame.iloc[_order(frame).argsort(kind="stable")].reset_index(drop=True)
            ratio = _error_ratio(frame).round(columns.OTHER_DIGITS["error_ratio"])
            frame["error_ratio"] = ratio.fillna(frame["error_ratio"].astype(float))
    write_atomically(path, score_table.encode(frame))
    return frame


def lacking(frame: pd.DataFrame, cells: Iterable[Cell]) -> collections.Counter[Lack]:
    """Count those of some cells that have no scores, by method, status and reason.

    Parameters
    ----------
    frame : DataFrame
        From :func:`collect`: the last word on what a run leaves behind, for a cell that was
        restored may still not be scored.
    cells : iterable of Cell
    """
    found: collections.Counter[Lack] = collections.Counter()
    without = frame[frame["status"] != Status.OK]
    if without.empty:
        return found
    labels = {cell.label for cell in cells}
    parts = (without[name] for name in (*LABEL, "status", "reason"))
    for dataset, condition, method, image, status, reason in zip(*parts, strict=True):
        if "|".join((dataset, condition, method, image)) in labels:
            found[method, status, reason] += 1
    return found


def check(folder: Path) -> None:
    """Refuse a folder whose ``scores.csv`` could not be carried on, before any work is done."""
    if (folder / "scores.csv").exists():
        read(folder)


def read_planned(folder: Path, pending: bool = True) -> pd.DataFrame:
    """Read the scores of a folder with what its store knows beyond them.

    After a run that was killed, cells are planned that never ran, and some are done that are not
    scored yet.

    Parameters
    ----------
    folder : Path
    pending : bool
        False leaves out what never ran; of a cell that is to run again, ``scores.csv`` counts.
    """
    left_out = () if pending else (Status.PENDING,)
    if not (folder / "cells.sqlite").exists():
        frame = read(folder)
        return frame[~frame["status"].isin(left_out)]
    with Store(folder, write=False) as store:
        rows = [_tidy(row) for row in store.each() if row.status not in left_out]
    fresh = score_table.escaped(pd.DataFrame(rows, columns=columns.columns()))
    if not (folder / "scores.csv").exists():
        return fresh
    frame = read(folder)
    frame = frame[~frame["status"].isin(left_out)]
    scored = pd.MultiIndex.from_frame(frame.loc[frame["status"] == Status.OK, LABEL])
    done = pd.MultiIndex.from_frame(fresh[LABEL]).isin(scored) & (fresh["status"] == Status.OK)
    fresh = fresh[~done]
    stale = pd.MultiIndex.from_frame(frame[LABEL]).isin(pd.MultiIndex.from_frame(fresh[LABEL]))
    if fresh.empty:
        return frame
    numbers = [name for name in columns.columns() if name not in score_table.TEXT]
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
    frame = score_table.decode(path, columns.columns(), (*WHOLE, "seed"))
    if frame["seed"].notna().all():
        frame["seed"] = frame["seed"].astype(int)
    return frame


def _dated(row: Row, newest: Mapping[tuple[str, str, str], tuple[str, str]]) -> Row:
    """Set a row aside if it is of an older version of method or data set than the last planned.

    Rows of two versions never share a mean: the older are what the last plan has not replaced.
    """
    cell, ours = row.columns, row.versions
    last = newest.get((cell["dataset"], cell["condition"], cell["method"]), ours)
    if not ours[1]:  # a store of before data set versions were written into plans
        last = (last[0], "")
    if ours == last or row.status != Status.OK:
        return row
    reason = f"It is of {_said(ours)}, where the last run had {_said(last)}; run it again."
    return dataclasses.replace(row, status=Status.OUTDATED, reason=reason)


def _said(versions: tuple[str, str]) -> str:
    method, dataset = versions
    return f"version {method} of the method" + (f" on version {dataset} of the set" * bool(dataset))


def _tidy(row: Row) -> dict[str, Any]:
    cell = row.columns
    shared = {name: _interned(cell[name]) for name in columns.columns() if name in cell}
    return {
        **shared,
        **(columns.current(row) if row.status == Status.OK else {}),
        **row.cost,
        "status": row.status.value,
        "reason": _interned(row.reason),
        "parameters": fingerprint(cell["parameters"]),
        "prior": fingerprint(cell["assets"]),
        "metric_version": row.score_version or columns.stated(columns.versions()),
    }


def _interned(value: Any) -> Any:
    """Keep one copy of a text that a million rows may have in common."""
    return sys.intern(value) if type(value) is str else value


def fingerprint(values: Mapping[str, Any]) -> str:
    """Eight hexadecimal digits that stand for parameters or checksums; "" for none."""
    text = json.dumps(dict(values), sort_keys=True)
    return checksum(text)[:8] if values else ""


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
