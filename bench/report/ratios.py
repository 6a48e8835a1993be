"""Error-ratio curves: the share of images that a method restores within a factor of the oracle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.report.layout import label
from bench.report.looks import BASELINE
from bench.report.names import full_name, method_order
from bench.report.plain import (
    MOST_LINES,
    PAGE,
    REFERENCE,
    broken,
    look,
    plain_figures,
    save,
    shares,
)
from bench.report.summary import View

STEM = "error-ratio"
LIMITS = (0.8, 12.0)
TICKS = (1, 2, 3, 5, 10)
ROW_INCHES = 1.75
LEGEND = 34
"""Characters of a line."""
MOST_PANELS = 4
"""Data sets side by side."""


def write(frame: pd.DataFrame, views: Sequence[View], folder: Path, stem: str = STEM) -> list[Path]:
    """Draw the curves as PNG, SVG and PDF: one column per view that has its oracle."""
    found = {label(view, views): curves(frame, view) for view in views}
    panels = {name: lines for name, lines in found.items() if lines}
    return _draw(panels, folder, stem) if panels else []


def curves(frame: pd.DataFrame, view: View) -> dict[str, np.ndarray]:
    """Sorted error ratios of the blind methods; failed cells count as infinite."""
    here = frame[(frame["dataset"] == view.dataset) & (frame["condition"] == view.condition)]
    found = {}
    for row in view.rows:
        ratio = here[here["method"] == row.method]["error_ratio"].astype(float)
        values = ratio.fillna(np.inf).to_numpy()
        if row.kind == "method" and np.isfinite(values).any():
            found[row.method] = np.sort(values)
    return found


@plain_figures()
def _draw(panels: dict[str, dict[str, np.ndarray]], folder: Path, stem: str) -> list[Path]:
    from matplotlib.figure import Figure

    kinds = {name: "method" for lines in panels.values() for name in lines}
    names = [name for name in method_order(kinds) if name != BASELINE]
    blocks = shares([*panels], MOST_PANELS)
    rows = [
        (block, group)
        for block in blocks
        for group in shares(names, MOST_LINES - 1)
        if any(name in panels[dataset] for dataset in block for name in group)
    ]
    across = max(len(block) for block in blocks)
    figure = Figure(figsize=(PAGE, ROW_INCHES * len(rows) + 0.2), layout="constrained")
    axes = figure.subplots(
        len(rows), across + 1, squeeze=False, sharex=True, sharey=True,
        width_ratios=[*[1.0] * across, 1.0],
    )  # fmt: skip
    for line, (block, group) in zip(axes, rows, strict=True):
        for axis, dataset in zip(line, block, strict=False):
            _panel(axis, dataset, panels[dataset], group)
        for axis in line[len(block) :]:
            axis.set_axis_off()
        handles = {h.get_label(): h for a in line for h in a.get_legend_handles_labels()[0]}
        line[-1].legend(handles.values(), [*handles], loc="center left", handlelength=3.6)
        line[0].set_ylabel("share of images (%)")
    for axis in axes[-1][:across]:
        axis.set_xlabel("error ratio" if across > 2 else "error ratio at most")
    return save(figure, folder, stem)


def _panel(axis: Any, title: str, lines: dict[str, np.ndarray], group: list[str]) -> None:
    if not any(name in lines for name in group):
        axis.set_axis_off()
        return
    axis.set_title(title)
    styles = {BASELINE: REFERENCE} | {name: look(place) for place, name in enumerate(group)}
    for name, style in styles.items():
        if name not in lines:
            continue
        ratio = lines[name]
        share = 100 * np.arange(1, len(ratio) + 1) / len(ratio)
        axis.step(
            np.append(ratio, LIMITS[1]), np.append(share, share[np.isfinite(ratio)][-1]),
            where="post", linewidth=1.0, markersize=2.8, markevery=max(1, len(ratio) // 6),
            label=broken(full_name(name), LEGEND), **style,
        )  # fmt: skip
    axis.set(xscale="log", xlim=LIMITS, ylim=(0, 100))
    axis.set_xticks(TICKS, labels=[f"{tick:g}" for tick in TICKS])
    axis.minorticks_off()
    axis.grid(alpha=0.25, linewidth=0.5)
