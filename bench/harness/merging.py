"""One results folder from two: cell by cell, with the provenance of both.

Cells that differ are refused by name, unless the caller says which folder wins. A folder may come
without its store, as a published record does in a clone: then its table of scores is all there is
of it, and its rows stay as they are. Of a run that was stopped comes what it has computed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.errors import InvalidInput
from bench.files import write_atomically
from bench.harness import columns, provenance, score_table, scores
from bench.harness.store import Store
from bench.protocol import Dataset, Status

LABEL = scores.LABEL
IDENTITY = ("kernel_id", "noise", "blur_length", "parameters", "prior", "method_version", "kind")
"""What a table of scores knows of a cell's identity."""
SHOWN = 3
"""Cells named in a refusal."""


@dataclasses.dataclass(frozen=True)
class Merged:
    """What a merge made: the table of scores, and how many of its rows are from where.

    ``pending`` counts cells of the two that are planned, never ran and so are left out.
    """

    frame: pd.DataFrame
    first: int
    second: int
    both: int
    pending: int


@dataclasses.dataclass(frozen=True)
class _Side:
    """A results folder that goes into a merge.

    ``table`` has a row per cell that was computed, ``pending`` the plan's labels of those that
    never ran.
    """

    folder: Path
    table: pd.DataFrame
    stored: bool
    pending: frozenset[str]

    @classmethod
    def read(cls, folder: Path) -> _Side:
        if not folder.is_dir():
            raise InvalidInput(f"There is no results folder at {folder}; check the path.")
        table = scores.read_planned(folder, pending=False).set_index(LABEL)
        stored = (folder / "cells.sqlite").exists()
        ids: dict[tuple[str, ...], str] = {}
        pending: set[str] = set()
        if stored:
            with Store(folder, write=False) as store:
                provenance.check(folder, store.invocations())
                for row in store.each():
                    if row.status == Status.PENDING:
                        pending.add("|".join(row.columns[name] for name in LABEL))
                    else:
                        ids[_label(row.columns)] = row.id
        table["id"] = [ids.get(label, "") for label in table.index]
        return cls(folder, table, stored, frozenset(pending))


def merge(
    first: Path,
    second: Path,
    out: Path,
    open_dataset: Callable[[str], Dataset],
    prefer: Path | None = None,
) -> Merged:
    """Merge two results folders into a third, which may be one of the two.

    Cells that are planned and never ran are left out, of the plan of ``out`` too: whoever gives the
    command of the run that asked for them has them planned again.

    Parameters
    ----------
    first, second : Path
        Results folders, with their stores or with ``scores.csv`` alone.
    out : Path
        Must be one of the two, new or empty.
    open_dataset : callable
        Returns the dataset of a name; only asked for datasets with unscored cells.
    prefer : Path, optional
        ``first`` or ``second``: whose cells are taken where the two differ.

    Returns
    -------
    Merged

    Raises
    ------
    InvalidInput
        Naming the cells, if the same row has another identity or other scores in the two folders
        and none is preferred; or if a folder is not there or cannot take the result. Nothing has
        been written then.
    """
    first, second, out = (folder.resolve() for folder in (first, second, out))
    prefer = None if prefer is None else prefer.resolve()
    _check_folders(first, second, out, prefer)
    left, right = _Side.read(first), _Side.read(second)
    if prefer == first:
        left, right = right, left  # from here on, the right side wins
    from_right = _choose(left, right, preferred=prefer is not None)
    from_left = left.table.index.difference(from_right, sort=False)
    common = len(left.table.index.intersection(right.table.index))
    entry = provenance.collect({"merged": [str(first), str(second)], "prefer": _text(prefer)})
    history = provenance.combined(first, second)
    rows = [left.table.loc[from_left], right.table.loc[from_right]]
    with Store(out, invocation=entry["invocation"]) as store:
        provenance.write(out, [*history, entry])
        for side, others in ((left, rows[1]), (right, rows[0])):
            if side.folder == out:
                lost = side.table.index.intersection(others.index)
                store.withdraw([*map("|".join, lost), *side.pending])
        for side, table in zip((left, right), rows, strict=True):
            if side.stored and side.folder != out:
                with Store(side.folder, write=False) as source:
                    store.adopt(source, table["id"], earlier=side is left)
        listed = pd.concat(rows).reset_index().drop(columns="id")
        write_atomically(out / "scores.csv", score_table.encode(listed[columns.columns()]))
        frame = scores.update(scores.collect(store, open_dataset, progress=False), out)
        provenance.finish(out, entry)
    counts = {left.folder: len(from_left), right.folder: len(from_right)}
    taken = {first: counts[first], second: counts[second]}
    pending = (left.pending | right.pending).difference(map("|".join, listed[LABEL].to_numpy()))
    return Merged(frame, taken[first], taken[second], common, len(pending))


def _check_folders(first: Path, second: Path, out: Path, prefer: Path | None) -> None:
    if first == second:
        raise InvalidInput(f"Both folders are {first}; name two.")
    if prefer not in (None, first, second):
        raise InvalidInput(f"--prefer {prefer} is neither {first} nor {second}; name one of them.")
    held = [name for name in ("scores.csv", "cells.sqlite") if (out / name).exists()]
    if out not in (first, second) and held:
        raise InvalidInput(
            f"{out} holds results already ({held[0]}); merge into a new folder, or into "
            "one of the two."
        )


def _choose(left: _Side, right: _Side, preferred: bool) -> pd.Index:
    """Decide which rows are taken from the right; all others are from the left.

    Of a cell that both have, a success is taken over a failure. Rows that differ are refused, or
    taken from the right if that is preferred.
    """
    only = right.table.index.difference(left.table.index, sort=False)
    common = left.table.index.intersection(right.table.index, sort=False)
    if common.empty:
        return only
    ours, theirs = left.table.loc[common], right.table.loc[common]
    other = _other_identity(ours, theirs)
    scored = _other_scores(ours, theirs) & ~other
    differ = other | scored
    if differ.any() and not preferred:
        _refuse(left, right, common, other, scored)
    done = [(table["status"] == Status.OK).to_numpy() for table in (ours, theirs)]
    return only.append(common[differ | (done[1] & (preferred | ~done[0]))])


def _other_identity(ours: pd.DataFrame, theirs: pd.DataFrame) -> np.ndarray:
    """Which rows are of cells with another identity: by their hash, else by what a table says."""
    hashed = ((ours["id"] != "") & (theirs["id"] != "")).to_numpy()
    told = np.zeros(len(ours), dtype=bool)
    for name in IDENTITY:
        pair = [_comparable(table[name]) for table in (ours, theirs)]
        told |= pair[0] != pair[1]
    return np.where(hashed, (ours["id"] != theirs["id"]).to_numpy(), told)


def _comparable(column: pd.Series) -> np.ndarray:
    """Return values in which two that are missing are the same."""
    return column.astype(object).where(column.notna(), "").map(str).to_numpy()


def _other_scores(ours: pd.DataFrame, theirs: pd.DataFrame) -> np.ndarray:
    """Which rows, done in both, differ by more than the last digit in a metric of one version."""
    differ = np.zeros(len(ours), dtype=bool)
    done = ((ours["status"] == Status.OK) & (theirs["status"] == Status.OK)).to_numpy()
    stated = [table["metric_version"].map(columns.read) for table in (ours, theirs)]
    for name, metric in columns.METRICS.items():
        a, b = (table[name].to_numpy(float, na_value=np.nan) for table in (ours, theirs))
        alike = [x.get(name) == y.get(name) for x, y in zip(*stated, strict=True)]
        known = ~np.isnan(a) & ~np.isnan(b)  # a cell may be done and not scored yet
        with np.errstate(invalid="ignore"):
            apart = (np.abs(a - b) > 1.5 * 10.0**-metric.digits) & (a != b)
        differ |= done & np.array(alike) & known & apart
    return differ


def _refuse(
    left: _Side, right: _Side, common: pd.Index, other: np.ndarray, scored: np.ndarray
) -> None:
    count = int((other | scored).sum())
    named = []
    for label in common[other | scored][:SHOWN]:
        ours, theirs = left.table.loc[label], right.table.loc[label]
        what = "psnr" if scored[common.get_loc(label)] else "method_version"
        pair = f"{what} {ours[what]} and {theirs[what]}"
        alike = what == "method_version" and ours[what] == theirs[what]
        named.append(f"{' / '.join(label)} ({'another identity' if alike else pair})")
    rest = f" and {count - len(named)} more" if count > len(named) else ""
    raise InvalidInput(
        f"{left.folder} and {right.folder} differ in {count} of {len(common)} cells that both "
        f"have: {'; '.join(named)}{rest}. Say which wins with --prefer FOLDER, or merge "
        "what belongs together."
    )


def _label(columns: Any) -> tuple[str, ...]:
    return tuple(score_table.printable(columns[name]) for name in LABEL)


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
