"""What has to be said of single rows of a table: marks, each with a sentence.

Boundaries that a method does not model, rows that equal another, scores that are too good to be
true, rows of several versions, seconds that were measured during other work, and cells that are
missing.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pandas as pd

from bench.errors import BenchError
from bench.harness import interview
from bench.harness.introductions import DatasetIntroduction, introduce_dataset
from bench.protocol import Status
from bench.registry import METHODS
from bench.report.names import code, escape, method_order

IDENTITY = ("psnr", "ssim", "kernel_similarity")
"""Scores that are the same, image by image, only where the restorations are."""
COPY = 100.0
"""dB above which an image is a copy of the truth, up to the rounding of what is stored."""
IMPLAUSIBLE = 3.0
"""dB above every oracle at which a blind method's mean is flagged."""
DISTURBANCES = ("outliers", "gain")
"""Words in a condition's name of which no oracle knows, so that none is a bound there."""
UNRANKED = ("implausible", "versions")
"""Marks that keep a method out of the leading group."""


@dataclasses.dataclass(frozen=True)
class Mark:
    """Something that a reader has to know of a method's row.

    Attributes
    ----------
    method : str
    word : {"boundary", "equal", "implausible", "versions", "contended", "missing"}
    short : str
        As a table holds it next to the row; "" for what the row shows anyway.
    fact : str
        The rest of a sentence that begins with the method's name, in Markdown.
    """

    WORDS: ClassVar = ("boundary", "equal", "implausible", "versions", "contended", "missing")

    method: str
    word: str
    short: str
    fact: str

    @property
    def markdown(self) -> str:
        """The whole sentence."""
        return f"{code(self.method)}{'' if self.fact.startswith(':') else ' '}{self.fact}"


def marks(group: pd.DataFrame) -> list[Mark]:
    """Return the marks of one dataset and condition, in the order they are said."""
    found = [*_boundaries(group), *_twins(group), *_implausible(group), *_versions(group)]
    return [*found, *_contended(group), *_missing(group)]


def dataset_of(group: pd.DataFrame) -> DatasetIntroduction | None:
    """Introduce the data set of a table's rows; None if its plugin is gone."""
    try:
        return introduce_dataset(str(group["dataset"].iloc[0]))
    except BenchError:
        return None


def mixed(rows: pd.DataFrame) -> bool:
    """Say whether the rows of a method are of several of its versions: they share no mean."""
    return rows.loc[rows["status"] == Status.OK, "method_version"].nunique(dropna=False) > 1


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


def _twins(group: pd.DataFrame) -> Iterator[Mark]:
    for method, (first, count) in twins(group).items():
        fact = f"equals {code(first)}: the same scores on all {count} images."
        yield Mark(method, "equal", f"equals {first}", fact)


def _whole(group: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the rows by method, of the methods whose cells are all there, in the order of the
    images."""
    return {
        str(method): rows.sort_values("image")
        for method, rows in group.groupby("method")
        if (rows["status"] == Status.OK).all()
    }


def _implausible(group: pd.DataFrame) -> Iterator[Mark]:
    """Flag blind methods that match the truth exactly or leave every oracle behind."""
    dataset = dataset_of(group)
    if dataset is None or dataset.in_range:
        return
    rows = _whole(group)
    kinds = {name: found["kind"].iloc[0] for name, found in rows.items()}
    oracles = [] if _disturbed(group) else [name for name in kinds if kinds[name] == "oracle"]
    bounds = [rows[name]["psnr"].mean() for name in oracles]
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
        fact = f"is **implausible** for a blind method: {what}."
        yield Mark(name, "implausible", "implausible", fact)


def _disturbed(group: pd.DataFrame) -> bool:
    """Return whether pixels were replaced or clipped: oracles are told the kernel, not which
    pixels."""
    condition = str(group["condition"].iloc[0])
    return any(f", {name} " in condition for name in DISTURBANCES)


def _versions(group: pd.DataFrame) -> Iterator[Mark]:
    for method, rows in group.groupby("method"):
        if mixed(rows):
            versions = " and ".join(sorted(set(rows["method_version"].fillna("?").astype(str))))
            fact = f": rows of versions {versions} do not share a mean."
            yield Mark(str(method), "versions", "several versions", fact)


def _boundaries(group: pd.DataFrame) -> Iterator[Mark]:
    """Say which methods assume another boundary than the dataset's observations have."""
    dataset = dataset_of(group)
    if dataset is None:
        return
    boundary = dataset.boundary
    for method in sorted(set(group.loc[group["status"] == Status.OK, "method"])):
        name = method.partition("[")[0]
        try:
            known = name in METHODS.entries
            modelled = interview.introduce(name).boundaries if known else (boundary,)
        except BenchError:
            continue
        if boundary not in modelled:
            assumed = " or ".join(modelled)
            fact = f"assumes boundaries that are {assumed}; here they are {boundary}."
            yield Mark(method, "boundary", f"assumes {assumed} boundary", fact)


def _contended(group: pd.DataFrame) -> Iterator[Mark]:
    """Say whose seconds were measured on a machine that did other work meanwhile."""
    if "contended" not in group:
        return
    for method, rows in group[group["status"] == Status.OK].groupby("method"):
        count = int(rows["contended"].fillna(0).astype(bool).sum())
        if count:
            fact = f": the seconds of {count} of {len(rows)} cells were measured beside other work."
            yield Mark(str(method), "contended", "contended seconds", fact)


def _missing(group: pd.DataFrame) -> Iterator[Mark]:
    lost = group[group["status"] != Status.OK]
    texts = lost["reason"].fillna("")
    counts = collections.Counter(zip(lost["method"], lost["status"], texts, strict=True))
    for (method, status, reason), count in sorted(counts.items()):
        fact = f": {count} {escape(status)}" + (f": {escape(reason)}" if reason else "")
        yield Mark(str(method), "missing", "", fact)
