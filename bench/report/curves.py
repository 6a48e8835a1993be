"""Sweeps as tables and curves with error bands; Figure 9 is the noise sweep of the record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from tabulate import tabulate

from bench.errors import BenchError
from bench.files import write_atomically
from bench.harness import scores
from bench.protocol import Status
from bench.report.legend import encode
from bench.report.looks import DASHES, looks
from bench.report.plain import plain_figures
from bench.report.record import TITLES
from bench.report.remarks import method_order
from bench.report.statistics import bootstrap_mean

AXES = {"noise": ("noise", "noise (standard deviation, % of range)", 100.0),
        "blur-length": ("swept_length", "blur length (pixels)", 1.0),
        "outliers": ("swept_outliers", "outliers (% of pixels)", 100.0)}  # fmt: skip
RANGE_DASH = "dashdot"
"""Range images are no competitors either; the method keeps its colour."""
MARGINS = "means are over the images that all of them have."


def read_sweep(folder: Path, name: str) -> pd.DataFrame | None:
    """Read a sweep of a results folder with ``base`` (dataset without -range) and ``value``."""
    path = folder / "sweeps" / name
    return prepare(scores.read(path), name) if path.is_dir() else None


def prepare(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Keep a sweep's finished cells and add ``base`` and ``value``.

    The swept blur length is read from the condition, since a dataset's own kernels have lengths
    too; so are outliers and gain, for which the score table has no column. Saturated images are a
    set of their own.
    """
    frame = frame[frame["status"] == Status.OK].copy()
    frame["base"] = frame["dataset"].str.replace(r"-range$", "", regex=True)
    frame["swept_length"] = frame["condition"].str.extract(r"blur length (\d+)")[0].astype(float)
    condition = frame["condition"]
    outliers = condition.str.extract(r"outliers ([\d.e-]+)")[0]
    frame["swept_outliers"] = outliers.astype(float).fillna(0.0)
    gain = condition.str.extract(r"gain ([\d.e-]+)")[0]
    for column in ("base", "dataset"):
        frame[column] = frame[column].where(gain.isna(), frame[column] + ", gain " + gain)
    column, _, scale = AXES[name]
    frame["value"] = (frame[column].astype(float) * scale).round(6)
    return frame.dropna(subset=["value"])


def tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """Means with 95 % intervals per dataset, method and value."""
    rows = []
    for (base, dataset, method, value), cells in frame.groupby(
        ["base", "dataset", "method", "value"]
    ):
        for metric in ("psnr", "ssim"):
            mean, low, high = bootstrap_mean(cells[metric].to_numpy(float))
            rows.append([base, dataset, method, value, metric, len(cells), mean, low, high])
    columns = ["base", "dataset", "method", "value", "metric", "n", "mean", "low", "high"]
    return pd.DataFrame(rows, columns=columns).round(4)


def write(frame: pd.DataFrame, name: str, folder: Path, stem: str) -> list[Path]:
    """Write a sweep as CSV, Markdown, PNG and SVG.

    Parameters
    ----------
    frame : DataFrame
        Scores.
    name : {"noise", "blur-length", "outliers"}
    folder : Path
    stem : str
        File name without suffix.

    Returns
    -------
    list of Path
    """
    cells = prepare(frame, name)
    if cells.empty:
        raise BenchError(f"There is no finished cell of the {name} sweep to draw.")
    points = tidy(cells)
    kinds = dict(zip(frame["method"], frame["kind"], strict=True))
    contents: dict[str, str | bytes] = {
        "csv": points.to_csv(index=False, lineterminator="\n"),
        "md": markdown(points, name, kinds),
        "png": draw(points, name, kinds, "png"),
        "svg": draw(points, name, kinds, "svg"),
    }
    paths = []
    for suffix, content in contents.items():
        paths.append(folder / f"{stem}.{suffix}")
        write_atomically(paths[-1], content)
    return paths


def markdown(points: pd.DataFrame, name: str, kinds: dict[str, str]) -> str:
    """One table per dataset: methods down, values across, mean PSNR and n."""
    _, label, _ = AXES[name]
    sections = [
        f"# PSNR against {label}",
        "Mean PSNR in dB with its 95 % bootstrap interval and n.",
    ]
    for base, rows in points[points["metric"] == "psnr"].groupby("base"):
        values = sorted(rows["value"].unique())
        lines = []
        for dataset, method in _order(rows, kinds):
            line = rows[(rows["dataset"] == dataset) & (rows["method"] == method)].set_index(
                "value"
            )
            shown = f"{method} on range images" if dataset != base else method
            lines.append([shown, *(_point(line, value) for value in values)])
        table = tabulate(
            lines,
            headers=["method", *(f"{value:g}" for value in values)],
            tablefmt="github",
            disable_numparse=True,
        )
        sections += [f"## {TITLES.get(str(base), base)}", table]
    return "\n\n".join(sections) + "\n"


def _order(rows: pd.DataFrame, kinds: dict[str, str]) -> list[tuple[str, str]]:
    pairs = sorted(set(zip(rows["dataset"], rows["method"], strict=True)))
    rank = {method: place for place, method in enumerate(method_order(kinds))}
    return sorted(pairs, key=lambda pair: (rank[pair[1]], pair[0]))


def _point(line: pd.DataFrame, value: float) -> str:
    if value not in line.index:
        return "–"
    row = line.loc[value]
    return f"{row['mean']:.2f} [{row['low']:.2f}, {row['high']:.2f}] ({row['n']:.0f})"


@plain_figures()
def draw(points: pd.DataFrame, name: str, kinds: dict[str, str], suffix: str) -> bytes:
    """Draw one panel per dataset, a line with its band per method."""
    from matplotlib.figure import Figure

    _, label, _ = AXES[name]
    points = points[points["metric"] == "psnr"]
    bases = sorted(points["base"].unique())
    figure = Figure(figsize=(5.2 * len(bases), 4.6), layout="constrained")
    panels = figure.subplots(1, len(bases), squeeze=False, sharey=True)[0]
    for axis, base in zip(panels, bases, strict=True):
        _panel(axis, points[points["base"] == base], kinds)
        axis.set(title=TITLES.get(base, base), xlabel=label)
        axis.grid(alpha=0.25)
    panels[0].set_ylabel("PSNR (dB)")
    return encode(figure, panels, 5, suffix)


def label_of(dataset: str, method: str) -> str:
    """Name a curve: the method, and whether it is of range images."""
    return f"{method} on range images" if dataset.endswith("-range") else method


def _panel(axis: Any, rows: pd.DataFrame, kinds: dict[str, str]) -> None:
    look = looks(kinds)
    for dataset, method in _order(rows, kinds):
        line = rows[(rows["dataset"] == dataset) & (rows["method"] == method)].sort_values("value")
        dashes = RANGE_DASH if dataset.endswith("-range") else DASHES[look[method].dash]
        paint = look[method].paint
        axis.plot(
            line["value"], line["mean"], linestyle=dashes, color=paint, marker="o", markersize=3,
            linewidth=1.4, label=label_of(dataset, method),
        )  # fmt: skip
        axis.fill_between(
            line["value"], line["low"], line["high"], alpha=0.1, linewidth=0, color=paint
        )
