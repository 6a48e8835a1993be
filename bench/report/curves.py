"""Sweeps as tables and curves with error bands."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd

from bench.errors import BenchError
from bench.files import write_atomically
from bench.harness.columns import METRICS
from bench.report.looks import BASELINE
from bench.report.names import escape, full_name, method_order
from bench.report.plain import MOST_LINES, PAGE, REFERENCE, look, plain_figures, save, shares
from bench.report.ranking import RANKED
from bench.report.sweeps import AXES, points, prepare
from bench.report.writers.markdown import grid

Curve = tuple[str, str]
"""A data set and a method's label."""
ROW_INCHES = 1.75
MOST_PANELS = 3
"""Data sets side by side."""


def write(frame: pd.DataFrame, name: str, folder: Path, stem: str) -> list[Path]:
    """Write a sweep as CSV, Markdown, PNG, SVG and PDF.

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
    found = points(prepare(frame, name))
    if not found["mean"].notna().any():
        raise BenchError(f"There is no finished point of the {name} sweep to draw.")
    kinds = dict(zip(frame["method"], frame["kind"], strict=True))
    texts = {
        "csv": found.to_csv(index=False, lineterminator="\n"),
        "md": markdown(found, name, kinds),
    }
    for suffix, text in texts.items():
        write_atomically(folder / f"{stem}.{suffix}", text)
    drawn = draw(found, name, kinds, folder, stem)
    return [*(folder / f"{stem}.{suffix}" for suffix in texts), *drawn]


def markdown(found: pd.DataFrame, name: str, kinds: dict[str, str]) -> str:
    """One table per dataset: methods down, values across, mean PSNR and n."""
    metric = METRICS[RANKED]
    title = f"# {metric.heading} against {AXES[name].label}"
    return "\n\n".join([title, *tables(found, kinds)]) + "\n"


def tables(found: pd.DataFrame, kinds: dict[str, str], heading: str = "##") -> list[str]:
    """Say what is shown, and write a heading and a table for each dataset."""
    metric = METRICS[RANKED]
    sections = [
        f"Mean {metric.heading} in {metric.unit} with its 95 % bootstrap interval and n. *n/N*: "
        "cells are missing, and nothing is averaged over them.",
    ]
    for base, rows in found[found["metric"] == RANKED].groupby("base"):
        values = sorted(rows["value"].unique())
        lines = []
        for curve in order(rows, kinds):
            line = _of(rows, curve).set_index("value")
            lines.append([escape(label_of(*curve)), *(_point(line, value) for value in values)])
        sections += [
            f"{heading} {base}",
            grid(lines, ["method", *(f"{value:g}" for value in values)]),
        ]
    return sections


def order(rows: pd.DataFrame, kinds: dict[str, str]) -> list[Curve]:
    """Return the curves in the tables' order; those of range images follow their method's."""
    pairs = sorted(set(zip(rows["dataset"], rows["method"], strict=True)))
    rank = {method: place for place, method in enumerate(method_order(kinds))}
    return sorted(pairs, key=lambda pair: (rank[pair[1]], pair[0]))


def _of(rows: pd.DataFrame, curve: Curve) -> pd.DataFrame:
    return rows[(rows["dataset"] == curve[0]) & (rows["method"] == curve[1])]


def _point(line: pd.DataFrame, value: float) -> str:
    if value not in line.index:
        return "–"
    row: Any = line.loc[value]
    if math.isnan(row["mean"]):
        return f"{row['n']:.0f}/{row['planned']:.0f}"
    return f"{row['mean']:.2f} [{row['low']:.2f}, {row['high']:.2f}] ({row['n']:.0f})"


def label_of(dataset: str, method: str) -> str:
    """Name a curve: the method in full, and whether it is of range images."""
    name = full_name(method)
    return f"{name} on range images" if dataset.endswith("-range") else name


@plain_figures()
def draw(
    found: pd.DataFrame, name: str, kinds: dict[str, str], folder: Path, stem: str
) -> list[Path]:
    """Draw small multiples: data sets across, some methods per row with their legend next to it.

    The observation itself is in every panel, for orientation.
    """
    from matplotlib.figure import Figure

    rows = found[(found["metric"] == RANKED) & found["mean"].notna()]
    names = [f"{d.endswith('-range')}/{m}" for d, m in order(rows, kinds)]
    names = [n for n in dict.fromkeys(names) if not n.endswith(f"/{BASELINE}")]
    groups = shares(names, MOST_LINES - 1)
    blocks = shares(sorted(rows["base"].unique()), MOST_PANELS)
    across = max(len(block) for block in blocks)
    panels = [(block, group) for block in blocks for group in groups]
    figure = Figure(figsize=(PAGE, ROW_INCHES * len(panels) + 0.2), layout="constrained")
    axes = figure.subplots(
        len(panels), across + 1, squeeze=False, sharex=True, sharey="row",
        width_ratios=[*[1.0] * across, 0.95],
    )  # fmt: skip
    for line, (block, group) in zip(axes, panels, strict=True):
        for axis, base in zip(line, block, strict=False):
            _panel(axis, rows[rows["base"] == base], group)
            axis.set_title(base)
        for axis in line[len(block) :]:
            axis.set_axis_off()
        handles = {h.get_label(): h for a in line for h in a.get_legend_handles_labels()[0]}
        line[-1].legend(handles.values(), [*handles], loc="center left", handlelength=3.6)
        line[0].set_ylabel(METRICS[RANKED].label)
    for axis in axes[-1][:across]:
        axis.set_xlabel(f"{AXES[name].label.partition(' (')[0]} ({AXES[name].unit})")
        axis.tick_params(labelbottom=True)
    return save(figure, folder, stem)


def _panel(axis: Any, rows: pd.DataFrame, group: list[str]) -> None:
    base = str(rows["base"].iloc[0])
    axis.grid(alpha=0.25, linewidth=0.5)
    looks = {f"False/{BASELINE}": REFERENCE}
    looks |= {name: look(position) for position, name in enumerate(group)}
    for name, style in looks.items():
        of_range, _, method = name.partition("/")
        dataset = f"{base}-range" if of_range == "True" else base
        line = _of(rows, (dataset, method)).sort_values("value")
        if line.empty:
            continue
        axis.plot(
            line["value"], line["mean"], **style, markersize=2.8, linewidth=1.0,
            label=_broken(label_of(dataset, method)),
        )  # fmt: skip
        axis.fill_between(
            line["value"], line["low"], line["high"], alpha=0.12, linewidth=0, color=style["color"]
        )


def _broken(name: str) -> str:
    """Break a long name before its short form, for a legend."""
    head, bracket, tail = name.partition(" (")
    return f"{head}\n({tail}" if bracket and len(name) > 30 else name
