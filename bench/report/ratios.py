"""Error-ratio curves: the share of images that a method restores within a factor of the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.files import write_atomically
from bench.report.legend import encode
from bench.report.looks import DASHES, looks
from bench.report.plain import plain_figures
from bench.report.record import COLUMNS, OURS, TEST_SETS, TITLES, Record
from bench.report.remarks import method_order

LIMITS = (0.8, 12.0)
PANELS = {**{name: TITLES[name] for name in TEST_SETS}, "levin": "Levin's photographs"}


def write(record: Record, reports: Path) -> Iterator[Path]:
    """Draw ``error-ratio.png`` and ``.svg``: one panel per set that has its oracle.

    Yields
    ------
    Path
    """
    panels = {dataset: found for dataset in PANELS if (found := curves(record, dataset))}
    if panels:
        for suffix in ("png", "svg"):
            path = reports / f"error-ratio.{suffix}"
            write_atomically(path, _draw(panels, suffix))
            yield path


def curves(record: Record, dataset: str) -> dict[str, np.ndarray]:
    """Sorted error ratios of the paper's methods and ours; failed cells count as infinite."""
    frame = record.frame[record.frame["dataset"] == dataset]
    shown = {"blurry", *COLUMNS.values(), *OURS.values()}
    kinds = dict(zip(frame["method"], frame["kind"], strict=True))
    found = {}
    for method in method_order({name: kinds[name] for name in kinds if name in shown}):
        cells = frame[(frame["method"] == method) & (frame["seed"] == 0)]
        ratio = cells["error_ratio"].astype(float).fillna(np.inf).to_numpy()
        if np.isfinite(ratio).any():
            found[method] = np.sort(ratio)
    return found


@plain_figures()
def _draw(panels: dict[str, dict[str, np.ndarray]], suffix: str) -> bytes:
    from matplotlib.figure import Figure

    look = looks({name: "method" for panel in panels.values() for name in panel})
    ticks = (1, 1.5, 2, 3, 5, 10)
    figure = Figure(figsize=(3.4 * len(panels), 4.2), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axis, (dataset, panel) in zip(axes, panels.items(), strict=True):
        for name, ratio in panel.items():
            share = 100 * np.arange(1, len(ratio) + 1) / len(ratio)
            axis.step(
                np.append(ratio, LIMITS[1]), np.append(share, share[np.isfinite(ratio)][-1]),
                linestyle=DASHES[look[name].dash], where="post", linewidth=1.4,
                color=look[name].paint, label=name,
            )  # fmt: skip
        axis.set(
            title=PANELS[dataset], xlabel="error ratio at most", xscale="log", xlim=LIMITS,
            xticks=ticks, xticklabels=[f"{tick:g}" for tick in ticks], ylim=(0, 100),
        )  # fmt: skip
        axis.minorticks_off()
        axis.grid(alpha=0.25)
    axes[0].set_ylabel("share of images (%)")
    return encode(figure, axes, 8, suffix)
