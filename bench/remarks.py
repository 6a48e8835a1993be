"""What has to be said below a table of its single rows.

Boundaries that a method does not model, rows that equal another, scores that are too good to be
true, and cells that are missing.
"""

from __future__ import annotations

import collections
import contextlib
import itertools

import numpy as np
import pandas as pd

from bench.errors import BenchError
from bench.metrics import METRICS
from bench.protocol import Dataset
from bench.registry import DATASETS, METHODS

EQUAL = 1e-4
"""Rows are called equal where no score of any image differs by more."""
IMPLAUSIBLE = 3.0
"""dB above every oracle at which a blind method's mean is flagged."""


def remarks(group: pd.DataFrame) -> list[str]:
    """Return a list in Markdown for the rows of one dataset and condition, or nothing."""
    lines = [*_mismatches(group), *_twins(group), *_implausible(group), *_mixtures(group)]
    lines += _reasons(group)
    return ["\n".join(lines)] if lines else []


def mixed(rows: pd.DataFrame) -> bool:
    """Say whether the rows of a method are of several of its versions: they share no mean."""
    return rows.loc[rows["status"] == "ok", "method_version"].nunique(dropna=False) > 1


def _dataset(group: pd.DataFrame) -> type[Dataset] | None:
    try:
        return DATASETS.load(str(group["dataset"].iloc[0]))
    except BenchError:  # a table outlives the plugin that brought its dataset
        return None


def _whole(group: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows by method, of the methods whose cells are all there, in the order of the images."""
    return {
        str(method): rows.sort_values("image")
        for method, rows in group.groupby("method")
        if (rows["status"] == "ok").all()
    }


def _twins(group: pd.DataFrame) -> list[str]:
    """Name methods that gave the same images as another, as far as the scores show."""
    metrics = [name for name in METRICS if name in group and METRICS[name].of_image]
    rows = {name: found for name, found in _whole(group).items() if len(found) > 1}
    lines = []
    for (first, a), (second, b) in itertools.combinations(sorted(rows.items()), 2):
        if list(a["image"]) != list(b["image"]):
            continue
        ours, theirs = (frame[metrics].to_numpy(dtype=float) for frame in (a, b))
        if np.allclose(ours, theirs, rtol=0, atol=EQUAL, equal_nan=True):
            lines.append(f"- `{first}` equals `{second}` on all {len(a)} images.")
    return lines


def _implausible(group: pd.DataFrame) -> list[str]:
    """Flag blind methods that match the truth exactly or leave every oracle behind."""
    dataset = _dataset(group)
    if dataset is None or dataset.in_range:
        return []
    rows = _whole(group)
    kinds = {name: found["kind"].iloc[0] for name, found in rows.items()}
    bounds = [rows[name]["psnr"].mean() for name, kind in kinds.items() if kind == "oracle"]
    lines = []
    for name, found in rows.items():
        if kinds[name] != "method":
            continue
        exact, mean = int(np.isinf(found["psnr"]).sum()), found["psnr"].mean()
        if exact:
            what = f"an exact copy of the truth on {exact} of {len(found)} images"
        elif bounds and mean > max(bounds) + IMPLAUSIBLE:
            what = f"{mean - max(bounds):.1f} dB above every oracle"
        else:
            continue
        lines.append(f"- `{name}` is **implausible** for a blind method: {what}.")
    return lines


def _mixtures(group: pd.DataFrame) -> list[str]:
    lines = []
    for method, rows in group.groupby("method"):
        if mixed(rows):
            versions = " and ".join(sorted(set(rows["method_version"].fillna("?").astype(str))))
            lines.append(f"- `{method}`: rows of versions {versions} do not share a mean.")
    return lines


def _mismatches(group: pd.DataFrame) -> list[str]:
    """Say which methods assume another boundary than the dataset's observations have."""
    try:
        boundary = DATASETS.load(str(group["dataset"].iloc[0])).told_boundary()
    except BenchError:
        return []
    lines = []
    for method in sorted(set(group.loc[group["status"] == "ok", "method"])):
        name = method.partition("[")[0]
        with contextlib.suppress(BenchError):
            if name in METHODS.entries and boundary not in METHODS.load(name).boundaries:
                assumed = " or ".join(METHODS.load(name).boundaries)
                lines.append(
                    f"- `{method}` assumes boundaries that are {assumed}; here they are {boundary}."
                )
    return lines


def _reasons(group: pd.DataFrame) -> list[str]:
    lost = group[~group["status"].isin(["ok"])]
    texts = lost["reason"].fillna("")
    counts = collections.Counter(zip(lost["method"], lost["status"], texts, strict=True))
    return [
        f"- `{method}`: {count} {status}" + (f": {reason}" if reason else "")
        for (method, status, reason), count in sorted(counts.items())
    ]
