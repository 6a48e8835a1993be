"""What was varied: points of curves over noise or blur length, from a folder's scores."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd

from bench.harness import scores
from bench.harness.columns import METRICS
from bench.protocol import Status
from bench.report.summary import mean_of

POINTS = ["base", "dataset", "method", "value", "metric", "n", "planned", "mean", "low", "high"]


@dataclasses.dataclass(frozen=True)
class Axis:
    """What a sweep varies: its name, the label of the axis, its unit, and what values are
    multiplied by."""

    name: str
    label: str
    unit: str
    scale: float = 1.0


AXES = {
    "noise": Axis("noise", "noise (standard deviation, % of the image range)", "%", 100.0),
    "blur-length": Axis("blur-length", "blur length (pixels)", "pixels"),
    "outliers": Axis("outliers", "outliers (% of pixels)", "%", 100.0),
    "kernel-size": Axis("kernel-size", "kernel size told (in true sizes)", "true sizes"),
}


def find(results: Path, frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the scores of the sweeps of a results folder, by their name.

    A sweep has a folder of its own under ``sweeps``, or the scores themselves are of several noise
    levels or blur lengths.
    """
    found = {name: of(results, frame, name) for name in AXES}
    return {name: cells for name, cells in found.items() if len(cells)}


def of(results: Path, frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the scores of one sweep, as :func:`find` does; no rows if there is none."""
    path = results / "sweeps" / name
    if path.is_dir():
        return prepare(scores.read(path), name)
    own = prepare(frame, name)
    several = len(own) and own.groupby("dataset")["value"].nunique().max() > 1
    return own if several else own[:0]


def prepare(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Add ``value`` and ``base`` (the dataset without ``-range``) to a sweep's cells.

    The swept blur length is read from the condition, since a dataset's own kernels have lengths
    too; so are outliers and gain, for which the score table has no column. Cells of fresh kernels
    are no part of a noise sweep, unless all are, and saturated images are a set of their own.
    """
    frame = frame.reset_index(drop=True)
    length, outliers, gain = (_swept(frame, name) for name in ("blur length", "outliers", "gain"))
    values = {
        "noise": frame["noise"].astype(float),
        "blur-length": length,
        "outliers": outliers.fillna(0.0),
        "kernel-size": _swept(frame, "kernel size bound").fillna(1.0),
    }
    base = frame["dataset"].str.replace(r"-range$", "", regex=True)
    saturated = gain.map(lambda value: "" if value != value else f", gain {value:g}")
    frame = frame.assign(
        base=base + saturated,
        dataset=frame["dataset"] + saturated,
        value=(values[name] * AXES[name].scale).round(6),
    )
    others = {"blur-length": length, "outliers": outliers}
    for other in [others[key] for key in others if name not in (key, "blur-length")]:
        usual = other.loc[frame.index].isna().to_numpy()
        frame = frame[usual] if usual.any() else frame
    return frame.dropna(subset=["value"])


def _swept(frame: pd.DataFrame, words: str) -> pd.Series:
    """Read a number from the conditions; NaN where they do not name it."""
    return frame["condition"].str.extract(rf"{words} ([\d.e-]+)")[0].astype(float)


def points(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the means with 95 % intervals per dataset, method, value and headline metric.

    Returns
    -------
    DataFrame
        Columns :data:`POINTS`; where cells are missing (``n`` below ``planned``) there is no mean.
        Points that do not apply are left out.
    """
    rows = []
    metrics = [name for name, metric in METRICS.items() if metric.headline]
    for (base, dataset, method, value), planned in cells.groupby(
        ["base", "dataset", "method", "value"]
    ):
        if (planned["status"] == Status.NOT_APPLICABLE).all():
            continue
        done = planned[planned["status"] == Status.OK]
        for metric in metrics:
            mean = mean_of(done if len(done) == len(planned) else done[:0], metric)
            counts = (len(done), len(planned))
            rows.append(
                [base, dataset, method, value, metric, *counts, mean.value, mean.low, mean.high]
            )
    return pd.DataFrame(rows, columns=POINTS).round(4)
