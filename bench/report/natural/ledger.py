"""Published numbers for Levin's 32 pairs, and what the published images score here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from bench.files import read_toml
from bench.report.names import escape, full_name
from bench.report.registration import WAYS
from bench.report.statistics import bootstrap_mean
from bench.report.summary import View
from bench.report.writers.markdown import grid

PRINTED = Path(__file__).with_name("levin.toml")
SET, PAIRS = "levin", 32
AGREES = 0.05
"""Decibels between a printed number and a recomputed one that reproduces it."""
HEADINGS = {
    "whole": "whole image",
    "cropped": "interior",
    "pixels": "whole-pixel shifts",
    "full": "full procedure",
}
EXPLANATION = """\
PSNR of the same images by four procedures: the whole image as it is; its interior, 15 pixels
cropped, as it is; the interior after the best shift of at most 5 whole pixels; and the set's own
procedure, the same in quarters of a pixel. Brackets: 95 % bootstrap intervals over the 8 kernels.
*Different*: how many of the images are not equal to that of another pair in every pixel, to 8 bits;
no two observations share a restoration. Made from `registration.csv`, which
`python -m bench realign` writes beside the scores."""


def sections(views: list[View], registered: pd.DataFrame) -> list[str]:
    """Write the two tables of the ledger and the reasons.

    Parameters
    ----------
    views : list of View
        With Levin's, or there are no numbers of ours.
    registered : DataFrame
        As ``registration.read`` returns it.
    """
    here = registered[registered["dataset"] == SET]
    if here.empty:
        return ["Not measured yet: `python -m bench realign` has not been run on these results."]
    entries = read_toml(PRINTED)["printed"]
    return [
        EXPLANATION,
        _procedures(here),
        "### Printed, recomputed, measured",
        _printed(entries, here, views),
        "\n".join(f"- {_verdict(entry, here)}" for entry in entries),
    ]


def _procedures(here: pd.DataFrame) -> str:
    lines = []
    for method, cells in here.groupby("method", sort=False):
        kind = cells["kind"].iloc[0]
        means = [bootstrap_mean(cells[way].to_numpy(), clusters=[*cells["kernel_id"]])
                 for way in WAYS]  # fmt: skip
        lines.append(
            [
                escape(full_name(str(method))) + ("" if kind == "method" else f", {kind}"),
                str(len(cells)),
                str(_different(cells)),
                *(f"{mean:.2f} [{low:.2f}, {high:.2f}]" for mean, low, high in means),
            ]
        )
    return grid(lines, ["images of", "n", "different", *(HEADINGS[way] for way in WAYS)])


def _different(cells: pd.DataFrame) -> int:
    return int((~cells["digest"].duplicated(keep=False)).sum())


def _printed(entries: list[dict[str, Any]], here: pd.DataFrame, views: list[View]) -> str:
    lines = []
    for entry in entries:
        means = _means(here, entry.get("replay", ""))
        lines.append(
            [
                entry["method"],
                entry["source"],
                f"{entry['psnr']:.2f}",
                "–" if means is None else f"{means['full']:.2f}",
                _measured(views, entry.get("ours", "")),
            ]
        )
    return grid(lines, ["method", "printed in", "printed", "published images here", "ours"])


def _means(here: pd.DataFrame, method: str) -> pd.Series | None:
    """Return the means of a method's images by every procedure, if all 32 are there."""
    cells = here[here["method"] == method]
    return cells[[*WAYS]].mean() if len(cells) == PAIRS else None


def _measured(views: list[View], method: str) -> str:
    for view in views:
        row = view.by_method.get(method)
        if view.dataset == SET and row is not None and row.comparable:
            return f"{row.means['psnr'].value:.2f} ({method})"
    return "–"


def _verdict(entry: dict[str, Any], here: pd.DataFrame) -> str:
    """Say which procedure reproduces a printed number from the published images, or that none."""
    said = f"{entry['method']}, {entry['psnr']:.2f} ({entry['source']}): "
    means = _means(here, entry.get("replay", ""))
    if means is None:
        return said + "its images are not among the published ones, so nothing is recomputed."
    alike = PAIRS - _different(here[here["method"] == entry["replay"]])
    if alike:
        said += f"{alike} of its {PAIRS} published images equal another pair's in every pixel; "
    near = [HEADINGS[way] for way in WAYS if abs(means[way] - entry["psnr"]) <= AGREES]
    if near:
        return said + f"reproduced by the {near[-1]}."
    between = sorted(float(mean) for mean in means)
    low, high = between[0], between[-1]
    if low < entry["psnr"] < high:
        return said + (
            f"no procedure reproduces it; it lies between {low:.2f} and {high:.2f}, so that a part "
            "of the alignment may be missing."
        )
    return said + (
        f"no procedure reproduces it: even the worst gives {low:.2f}, the best {high:.2f}; "
        "alignment does not explain it."
    )
