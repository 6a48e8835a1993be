"""Success rates, the share of the way from the observation to the true kernel, and the time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.report.layout import label
from bench.report.looks import BASELINE
from bench.report.names import escape, full_name
from bench.report.summary import Row, View
from bench.report.writers.markdown import grid

LIMITS = (2, 3, 5)
ORACLE = "known-kernel"
EXPLANATION = f"""\
The error ratio is the squared error of a method's image over that of total-variation deconvolution
with the true kernel ({ORACLE}); images without a result count as failures. *Way*: (PSNR − blurry) /
({ORACLE} − blurry), of the means over all images. Seconds per megapixel are of the machine's own
load, marked ~ where it did other work meanwhile."""


def tables(views: list[View], frame: pd.DataFrame, registered: pd.DataFrame) -> list[str]:
    """Write a table per view: its blind methods and replays, but for the observation itself.

    Parameters
    ----------
    views : list of View
    frame : DataFrame
        Scores, with their error ratios.
    registered : DataFrame
        As ``registration.read`` returns it, for the images' sizes.
    """
    sections = []
    for view in views:
        here = frame[(frame["dataset"] == view.dataset) & (frame["condition"] == view.condition)]
        areas = registered[registered["dataset"] == view.dataset]
        size = areas.groupby("image")["pixels_of_image"].first()
        lines = [
            [
                escape(full_name(row.method)) + ("" if row.kind == "method" else f", {row.kind}"),
                f"{row.n}/{row.images}",
                *_rates(here[here["method"] == row.method], row.planned),
                _way(view, row),
                _speed(here[here["method"] == row.method], size, row),
            ]
            for row in view.rows
            if (row.kind == "method" or (row.kind == "replay" and row.n)) and row.method != BASELINE
        ]
        if lines:
            headers = [
                *("method", "n", *(f"ratio ≤ {limit} (%)" for limit in LIMITS)),
                *("way (%)", "s/megapixel"),
            ]
            sections += [f"### {escape(label(view, views))}", grid(lines, headers)]
    return sections


def _rates(cells: pd.DataFrame, planned: int) -> list[str]:
    ratio = cells["error_ratio"].astype(float)
    if ratio.isna().all():  # there is no oracle to compare with
        return ["–"] * len(LIMITS)
    return [f"{100 * (ratio <= limit).sum() / planned:.0f}" for limit in LIMITS]


def _way(view: View, row: Row) -> str:
    ends = [view.by_method.get(name) for name in (BASELINE, ORACLE)]
    rows = [row, *ends]
    if any(r is None or not r.comparable or not r.means["psnr"].known for r in rows):
        return "–"
    reached, start, end = (r.means["psnr"].value for r in rows if r is not None)
    return f"{100 * (reached - start) / (end - start):.0f}"


def _speed(cells: pd.DataFrame, size: pd.Series, row: Row) -> str:
    pixels = size.reindex(cells["image"]).to_numpy(dtype=float)
    seconds = cells["seconds"].astype(float).to_numpy()
    if row.seconds is None or not len(pixels) or np.isnan(pixels).any():
        return "–"
    return f"{'~' if row.contended else ''}{1e6 * seconds.sum() / pixels.sum():.0f}"
