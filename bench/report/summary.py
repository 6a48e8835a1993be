"""Means, intervals, missing cells and leading groups: computed here, rendered elsewhere.

Everything that a table, figure or page says of a results folder beyond single cells comes from a
:class:`Summary`. A *view* is one data set under one condition.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.errors import BenchError
from bench.harness.columns import METRICS
from bench.protocol import Status
from bench.registry import DATASETS
from bench.report.marks import UNRANKED, Mark, dataset_of, marks, mixed
from bench.report.names import method_order, title
from bench.report.ranking import RANKED, leading_group, objection
from bench.report.statistics import bootstrap_mean

VIEW = ["dataset", "condition"]
NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclasses.dataclass(frozen=True)
class Mean:
    """Mean of a metric over the images of one method in one view.

    Attributes
    ----------
    value, low, high : float
        Mean and 95 % bootstrap interval, clustered by kernel where kernels repeat; NaN where an
        image has no value. Of images with an infinite score, the mean of the others.
    n, exact : int
        Images, and those of them whose score is infinite.
    """

    value: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    n: int = 0
    exact: int = 0

    @property
    def known(self) -> bool:
        """Whether there is something to print."""
        return self.exact > 0 or self.value == self.value


@dataclasses.dataclass(frozen=True)
class Row:
    """One method in one view.

    Attributes
    ----------
    method, title, kind, origin : str
        ``title`` is the full name, "" if it has none.
    n, planned, images : int
        Finished cells, planned cells, and images that the view has for any method.
    state : {"whole", "missing", "mixed", "not applicable"}
        Only of *whole* rows there are means: all planned cells are done, by one version.
    means : Mapping
        By metric.
    seconds : float or None
        Per image.
    leading : bool or None
        Whether it is of the leading group; None if it is not ranked.
    behind, p_permutation, p_holm, p_wilcoxon : float
        Decibels below the best, and the p-values that it is more than the margin below; NaN for
        the best and whatever is not ranked.
    marks : tuple of Mark
    """

    method: str
    title: str
    kind: str
    origin: str
    n: int
    planned: int
    images: int
    state: str
    means: Mapping[str, Mean]
    seconds: float | None
    leading: bool | None = None
    behind: float = float("nan")
    p_permutation: float = float("nan")
    p_holm: float = float("nan")
    p_wilcoxon: float = float("nan")
    marks: tuple[Mark, ...] = ()

    @property
    def comparable(self) -> bool:
        """Whether its means are over all images of the view, and so stand next to the others'."""
        return self.state == "whole" and self.n == self.images

    @property
    def contended(self) -> bool:
        """Whether its seconds were measured while the machine did other work."""
        return any(mark.word == "contended" for mark in self.marks)

    @property
    def count(self) -> str:
        """What a table prints for a mean that there is not."""
        return "–" if self.state == "not applicable" else f"{self.n}/{self.images}"


@dataclasses.dataclass(frozen=True)
class View:
    """One data set under one condition.

    Attributes
    ----------
    dataset, condition, title, notice : str
        ``notice`` is what a reader has to know of the data set.
    images, kernels : int
    clustered : bool
        Whether kernels repeat, so that intervals and tests are over kernels.
    rows : tuple of Row
        In the tables' order.
    claim : str
        Why no leading group is claimed; "" if one is.
    cells : DataFrame
        Its scores, one row per cell.
    """

    dataset: str
    condition: str
    title: str
    notice: str
    images: int
    kernels: int
    clustered: bool
    rows: tuple[Row, ...]
    claim: str
    cells: pd.DataFrame = dataclasses.field(repr=False, compare=False)

    @functools.cached_property
    def by_method(self) -> dict[str, Row]:
        """Rows by their method's label."""
        return {row.method: row for row in self.rows}

    @functools.cached_property
    def scores(self) -> dict[tuple[str, str], float]:
        """The ranked metric by method and image, of finished cells."""
        done = self.cells[self.cells["status"] == Status.OK]
        names = zip(done["method"], done["image"], strict=True)
        return dict(zip(names, done[RANKED].astype(float), strict=True))

    @property
    def marks(self) -> list[Mark]:
        """All marks of its rows, in the order they are said."""
        order = {word: place for place, word in enumerate(Mark.WORDS)}
        return sorted(
            (mark for row in self.rows for mark in row.marks), key=lambda mark: order[mark.word]
        )


@dataclasses.dataclass(frozen=True)
class Summary:
    """All views of a table of scores, and the metrics that their rows have means of."""

    views: tuple[View, ...]
    metrics: tuple[str, ...]

    def frame(self) -> pd.DataFrame:
        """One row per data set, condition and method: everything that the tables are made of."""
        return pd.DataFrame(
            [_flat(view, row, self.metrics) for view in self.views for row in view.rows]
        )

    @property
    def kinds(self) -> dict[str, str]:
        """Kind of every method."""
        return {row.method: row.kind for view in self.views for row in view.rows}


def summarise(frame: pd.DataFrame, contenders: Sequence[str] | None = None) -> Summary:
    """Summarise a table of scores.

    Parameters
    ----------
    frame : DataFrame
        As ``scores.collect`` or ``scores.read`` returns it.
    contenders : sequence of str, optional
        Methods that are ranked; by default all blind ones.

    Returns
    -------
    Summary

    Raises
    ------
    BenchError
        If there are no cells.
    """
    if frame.empty:
        raise BenchError("There are no cells to tabulate; start a run first.")
    metrics = tuple(METRICS)
    known = {name: position for position, name in enumerate(DATASETS.names())}
    groups: dict[tuple[Any, ...], pd.DataFrame] = {}
    for key, group in frame.groupby(VIEW, sort=False):
        groups[tuple(key)] = group

    def order(key: tuple[str, str]) -> tuple[Any, ...]:
        numbers = [float(number) for number in NUMBER.findall(key[1])]
        return known.get(key[0], len(known)), key[0], numbers, key[1]

    views = [_view(groups[key], metrics, contenders) for key in sorted(groups, key=order)]
    return Summary(tuple(views), metrics)


def clusters_of(cells: pd.DataFrame) -> list[Hashable] | None:
    """Return the labels of the independent groups that cells fall in; None if each is one of its
    own.

    Kernels where they repeat, else images where these do, as they do over several seeds.
    """
    for column in (name for name in ("kernel_id", "image") if name in cells):
        labels = cells[column]
        named = labels.notna().all() and (labels != "").all()
        if named and labels.nunique() < len(labels):
            return labels.tolist()
    return None


def mean_of(cells: pd.DataFrame, metric: str) -> Mean:
    """Return the mean of a metric over finished cells, by the rules of :class:`Mean`."""
    if metric not in cells or not len(cells):
        return Mean(n=len(cells))
    values = cells[metric].to_numpy(dtype=float)
    if np.isnan(values).any():
        return Mean(n=len(values))
    finite = np.isfinite(values)
    exact = int((~finite).sum())
    if not finite.any():
        return Mean(n=len(values), exact=exact)
    if exact:  # an interval of what is left would be of other images
        return Mean(float(values[finite].mean()), n=len(values), exact=exact)
    return Mean(*bootstrap_mean(values, clusters=clusters_of(cells)), n=len(values))


def _view(group: pd.DataFrame, metrics: Sequence[str], contenders: Sequence[str] | None) -> View:
    dataset = dataset_of(group)
    images = int(group["image"].nunique())
    kernels = int(group["kernel_id"].replace("", np.nan).nunique())
    said = marks(group)
    rows = []
    cells = {}
    for method in method_order(dict(zip(group["method"], group["kind"], strict=True))):
        planned = group[group["method"] == method]
        own = tuple(mark for mark in said if mark.method == method)
        rows.append(_row(planned, images, metrics, own))
        cells[method] = planned[planned["status"] == Status.OK].sort_values("image")
    ranked = {
        row.method: cells[row.method]
        for row in rows
        if (row.method in contenders if contenders is not None else row.kind == "method")
        and row.comparable
        and row.means[RANKED].known
        and not row.means[RANKED].exact
        and not any(mark.word in UNRANKED for mark in row.marks)
    }
    claim = objection(images, kernels, len(ranked), dataset)
    tests = {} if claim else leading_group(ranked)
    return View(
        dataset=str(group["dataset"].iloc[0]),
        condition=str(group["condition"].iloc[0]),
        title="" if dataset is None else dataset.title.rstrip("."),
        notice="" if dataset is None else dataset.notice,
        images=images,
        kernels=kernels,
        clustered=0 < kernels < images,
        rows=tuple(dataclasses.replace(row, **tests.get(row.method, {})) for row in rows),
        claim=claim,
        cells=group,
    )


def _row(planned: pd.DataFrame, images: int, metrics: Sequence[str], own: tuple[Mark, ...]) -> Row:
    found = planned[planned["status"] == Status.OK]
    method, kind = str(planned["method"].iloc[0]), str(planned["kind"].iloc[0])
    if (planned["status"] == Status.NOT_APPLICABLE).all():
        state = "not applicable"
    elif not 0 < len(found) == len(planned):
        state = "missing"
    else:
        state = "mixed" if mixed(planned) else "whole"
    whole = state == "whole"
    timed = whole and kind != "replay" and found["seconds"].notna().all()
    return Row(
        method=method,
        title=title(method),
        kind=kind,
        origin=str(planned["origin"].iloc[0]),
        n=len(found),
        planned=len(planned),
        images=images,
        state=state,
        means={name: mean_of(found, name) if whole else Mean() for name in metrics},
        seconds=float(found["seconds"].mean()) if timed else None,
        marks=own,
    )


def _flat(view: View, row: Row, metrics: Sequence[str]) -> dict[str, Any]:
    flat: dict[str, Any] = {
        "dataset": view.dataset,
        "condition": view.condition,
        "method": row.method,
        "name": row.title,
        "kind": row.kind,
        "n": row.n,
        "images": row.images,
        "kernels": view.kernels,
    }
    for metric in metrics:
        mean = row.means[metric]
        flat |= {metric: mean.value, f"{metric}_low": mean.low, f"{metric}_high": mean.high}
    return {
        **flat,
        "seconds": row.seconds,
        "leading": row.leading,
        "behind": row.behind,
        "p_permutation": row.p_permutation,
        "p_holm": row.p_holm,
        "p_wilcoxon": row.p_wilcoxon,
        "marks": "; ".join(mark.short for mark in row.marks if mark.short),
    }
