"""What has to be said below a table of its single rows.

Boundaries that a method does not model, rows that equal another, scores that are too good to be
true, and cells that are missing.
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Mapping

import numpy as np
import pandas as pd

from bench.errors import BenchError
from bench.harness.guests import dataset_class
from bench.harness.interview import describe
from bench.harness.score_table import printable
from bench.protocol import Dataset, Status
from bench.registry import METHODS

IDENTITY = ("psnr", "ssim", "kernel_similarity")
"""Scores that are the same, image by image, only where the restorations are."""
COPY = 100.0
"""dB above which an image is a copy of the truth, up to the rounding of what is stored."""
IMPLAUSIBLE = 3.0
"""dB above every oracle at which a blind method's mean is flagged."""


def method_order(kinds: Mapping[str, str]) -> list[str]:
    """Sort methods for display: the registry's order, then replays, then oracles.

    Parameters
    ----------
    kinds : Mapping
        From a method's label (``dd[preset=published]``) to its kind.
    """
    known = {name: position for position, name in enumerate(METHODS.names())}
    ranks = {"method": 0, "replay": 1, "oracle": 2}

    def key(label: str) -> tuple[int, int, str]:
        name = label.partition("[")[0]
        return ranks.get(kinds[label], 0), known.get(name, len(known)), label

    return sorted(kinds, key=key)


def escape(text: str) -> str:
    """Write a text so that Markdown shows it, in one cell of a table, as it is.

    Examples
    --------
    >>> print(escape("a|b <i>"))
    a\\|b &lt;i>
    """
    return printable(str(text)).replace("|", r"\|").replace("<", "&lt;")


def code(text: str) -> str:
    """Set a name as code; a backtick would end it, and nothing else means anything there."""
    return "`" + printable(text).replace("`", "'") + "`"


def remarks(group: pd.DataFrame) -> list[str]:
    """Return a list in Markdown for the rows of one dataset and condition, or nothing."""
    lines = [*_mismatches(group), *_twin_lines(group), *_implausible(group), *_mixtures(group)]
    lines += _reasons(group)
    return ["\n".join(lines)] if lines else []


def mixed(rows: pd.DataFrame) -> bool:
    """Say whether the rows of a method are of several of its versions: they share no mean."""
    return rows.loc[rows["status"] == Status.OK, "method_version"].nunique(dropna=False) > 1


def _dataset(group: pd.DataFrame) -> type[Dataset] | None:
    try:
        return dataset_class(str(group["dataset"].iloc[0]))
    except BenchError:  # a table outlives the plugin that brought its dataset
        return None


def _whole(group: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Rows by method, of the methods whose cells are all there, in the order of the images."""
    return {
        str(method): rows.sort_values("image")
        for method, rows in group.groupby("method")
        if (rows["status"] == Status.OK).all()
    }


def twins(group: pd.DataFrame) -> dict[str, tuple[str, int]]:
    """Find the methods that cannot be told from one that stands before them.

    Parameters
    ----------
    group : DataFrame
        Scores of one dataset and condition.

    Returns
    -------
    dict
        From a method to the first one whose PSNR, SSIM and kernel similarity are the same on every
        image, and the number of images; of methods that have finished two or more, all of them.
    """
    seen: dict[bytes, str] = {}
    found = {}
    for method in method_order(dict(zip(group["method"], group["kind"], strict=True))):
        rows = group[group["method"] == method].sort_values("image")
        values = rows[[name for name in IDENTITY if name in rows]].to_numpy(float)
        if len(rows) < 2 or (rows["status"] != Status.OK).any() or np.isnan(values[:, 0]).any():
            continue
        key = repr((rows["image"].tolist(), values.tolist())).encode()
        if (first := seen.setdefault(key, method)) != method:
            found[method] = (first, len(rows))
    return found


def _twin_lines(group: pd.DataFrame) -> list[str]:
    return [
        f"- {code(method)} equals {code(first)}: the same scores on all {count} images."
        for method, (first, count) in twins(group).items()
    ]


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
        exact, mean = int((found["psnr"] > COPY).sum()), found["psnr"].mean()
        if exact:
            what = f"an exact copy of the truth on {exact} of {len(found)} images"
        elif bounds and mean > max(bounds) + IMPLAUSIBLE:
            what = f"{mean - max(bounds):.1f} dB above every oracle"
        else:
            continue
        lines.append(f"- {code(name)} is **implausible** for a blind method: {what}.")
    return lines


def _mixtures(group: pd.DataFrame) -> list[str]:
    lines = []
    for method, rows in group.groupby("method"):
        if mixed(rows):
            versions = " and ".join(sorted(set(rows["method_version"].fillna("?").astype(str))))
            lines.append(f"- {code(str(method))}: rows of versions {versions} do not share a mean.")
    return lines


def _mismatches(group: pd.DataFrame) -> list[str]:
    """Say which methods assume another boundary than the dataset's observations have."""
    try:
        boundary = dataset_class(str(group["dataset"].iloc[0])).told_boundary()
    except BenchError:
        return []
    lines = []
    for method in sorted(set(group.loc[group["status"] == Status.OK, "method"])):
        name = method.partition("[")[0]
        with contextlib.suppress(BenchError):
            if name in METHODS.entries and boundary not in describe(name).boundaries:
                assumed = " or ".join(describe(name).boundaries)
                fact = f"assumes boundaries that are {assumed}; here they are {boundary}"
                lines.append(f"- {code(method)} {fact}.")
    return lines


def _reasons(group: pd.DataFrame) -> list[str]:
    lost = group[~group["status"].isin([Status.OK])]
    texts = lost["reason"].fillna("")
    counts = collections.Counter(zip(lost["method"], lost["status"], texts, strict=True))
    return [
        f"- {code(method)}: {count} {escape(status)}" + (f": {escape(reason)}" if reason else "")
        for (method, status, reason), count in sorted(counts.items())
    ]
