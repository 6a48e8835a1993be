"""``decomposition.md`` and its figure: to what the decibels of each method are lost."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from bench.files import write_atomically
from bench.report import decompose
from bench.report.decompose import STEPS
from bench.report.names import escape, method_order
from bench.report.plain import PAGE, plain_figures, save
from bench.report.statistics import Difference, paired_difference

STEM, RANGE = "decomposition", "range-oracle"
BAR_INCHES, GROUND = 0.17, "#c9ced3"
LOSSES = ("kernel", "step", "range", "restarts")
PARTS = {"step": "#b3841a", "kernel": "#1f6fb2"}
INTRODUCTION = """# Where the decibels are lost

Every kernel that a method returned was given to the same non-blind steps, and so was the true one.
Losses in dB of PSNR, with 95 % intervals of paired differences over the images of the set:

- *kernel*: what the true kernel would add, the step being the best one for the method's kernels.
- *step*: what that step adds to the method's own image, its kernel unchanged. Below 0 the method's
  own step is better, as where it averages over several kernels.
- *range*: what the best image in the generator's range (range oracle) lacks against that step with
  the true kernel; for methods that return an image of a generator's range.
- *restarts*: what the best restart is ahead of the one that was kept; for methods that return them.

The method's PSNR, *step* and *kernel* add up to that of the step with the true kernel.
Made from `decomposition.csv`, which `python -m bench decompose` writes beside the scores."""


@dataclasses.dataclass(frozen=True)
class Rung:
    """A method on a set: its PSNR, the step that suits its kernels best, and its losses."""

    method: str
    psnr: float
    step: str
    losses: dict[str, Difference]


def rungs(results: Path, frame: pd.DataFrame) -> dict[str, list[Rung]]:
    """Return the losses of every method that was decomposed, in the tables' order, by data set.

    Parameters
    ----------
    results : Path
        With ``decomposition.csv``; without it there is nothing.
    frame : DataFrame
        The folder's scores, for the range oracle.
    """
    measured = decompose.read(results)
    found = {}
    for (dataset, condition), cells in measured.groupby(["dataset", "condition"], sort=False):
        several = measured[measured["dataset"] == dataset]["condition"].nunique() > 1
        here = (frame["dataset"] == dataset) & (frame["condition"] == condition)
        oracle = frame[here & (frame["method"] == RANGE)].set_index("image")["psnr"].astype(float)
        order = method_order(dict(zip(cells["method"], cells["kind"], strict=True)))
        found[f"{dataset}, {condition}" if several else str(dataset)] = [
            _rung(cells[cells["method"] == m], m, oracle) for m in order
        ]
    return found


def _rung(cells: pd.DataFrame, method: str, oracle: pd.Series) -> Rung:
    cells = cells.set_index("image")
    means = {step: cells[f"estimated_{step}"].mean() for step in STEPS}
    step = max(means, key=lambda name: np.nan_to_num(means[name], nan=-np.inf))
    estimated, true = cells[f"estimated_{step}"], cells[f"true_{step}"]
    in_range = oracle.reindex(cells.index).where(cells["range_image"].notna())
    pairs = {
        "kernel": (true, estimated),
        "step": (estimated, cells["psnr"]),
        "range": (true, in_range),
        "restarts": (cells["best_restart"], cells["kept_restart"]),
    }
    losses = {}
    for name, (first, second) in pairs.items():
        known = first.notna() & second.notna()
        if known.any():
            losses[name] = paired_difference(first[known].to_numpy(), second[known].to_numpy())
    return Rung(method, float(cells["psnr"].mean()), step, losses)


def markdown(found: dict[str, list[Rung]]) -> str:
    """Write a table per set."""
    sections = [INTRODUCTION]
    for name, rows in found.items():
        sections += [f"## {escape(name)}", _table(rows)]
    return "\n\n".join(sections) + "\n"


def _table(found: list[Rung]) -> str:
    lines = [
        [
            rung.method,
            rung.losses["step"].n if "step" in rung.losses else 0,
            f"{rung.psnr:.2f}",
            rung.step,
            *(_shown(rung.losses.get(name)) for name in LOSSES),
        ]
        for rung in found
    ]
    headers = ["method", "n", "PSNR", "best step", *(f"lost to {name}" for name in LOSSES)]
    return tabulate(lines, headers=headers, tablefmt="github", disable_numparse=True)


def _shown(loss: Difference | None) -> str:
    return "–" if loss is None else f"{loss.mean:.2f} [{loss.low:.2f}, {loss.high:.2f}]"


def write(results: Path, frame: pd.DataFrame, folder: Path) -> Iterator[Path]:
    """Write the table and draw the figure, if the folder was decomposed.

    Yields
    ------
    Path
    """
    found = rungs(results, frame)
    if not found:
        return
    write_atomically(folder / f"{STEM}.md", markdown(found))
    yield folder / f"{STEM}.md"
    yield from _draw(found, folder)


@plain_figures()
def _draw(found: dict[str, list[Rung]], folder: Path) -> list[Path]:
    from matplotlib.figure import Figure

    heights = [0.7 + BAR_INCHES * len(rows) for rows in found.values()]
    figure = Figure(figsize=(PAGE, sum(heights) + 0.4), layout="constrained")
    axes = figure.subplots(len(found), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axis, (name, rows) in zip(axes, found.items(), strict=True):
        place = np.arange(len(rows))[::-1]
        reached = np.array([rung.psnr for rung in rows])
        axis.barh(place, reached, color=GROUND, label="the method's image")
        for loss, colour in PARTS.items():
            mean = np.array([r.losses[loss].mean if loss in r.losses else 0.0 for r in rows])
            axis.barh(place, mean, left=reached, color=colour, alpha=0.85, label=f"lost to {loss}")
            reached = reached + mean
        lowest = min(rung.psnr for rung in rows)
        axis.set(title=name, xlim=(max(0.0, lowest - 3), None))
        axis.set_yticks(place, [rung.method for rung in rows])
        axis.grid(axis="x", alpha=0.25)
    axes[-1].set_xlabel("PSNR (dB)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return save(figure, folder, STEM)
