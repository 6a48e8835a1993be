"""Beside the means: medians, failures, kernel sizes, seeds, the error-ratio curve."""

from __future__ import annotations

import numpy as np
import pandas as pd
from tabulate import tabulate

from bench.errors import BenchError
from bench.harness import interview
from bench.physics.observation import Condition
from bench.protocol import Status
from bench.registry import METHODS
from bench.report.record import CONDITION, TEST_SETS, TITLES, Record
from bench.report.remarks import method_order
from bench.report.statistics import bootstrap_mean

STRATA = ("small kernels", "middle", "large kernels")
RATIOS = (1.5, 2.0, 3.0, 5.0)


def markdown(record: Record) -> str:
    """Write all of it."""
    sections = [
        "# Beside the means",
        "*Failures*: share of images that score below the blurry input. Kernels are ranked by "
        "their spread (root mean squared distance from the barycentre) and cut in thirds.",
    ]
    for dataset in TEST_SETS:
        sections += [f"## {TITLES[dataset]}", _spread(record, dataset)]
    sections += ["## Pooled over the three sets", POOLED, _pooled(record)]
    sections += ["## Seeds", *_seeds(record)]
    sections += ["## Levin's photographs: share of pairs within an error ratio", *_ratios(record)]
    sections += ["## What each method is told or has learned", _knowledge(record)]
    return "\n\n".join(sections) + "\n"


POOLED = """The sets share their kernels, so images are drawn by kernel: 80 clusters of three."""


def _methods(record: Record, dataset: str) -> list[str]:
    rows = record.frame[record.frame["dataset"] == dataset]
    order = method_order(dict(zip(rows["method"], rows["kind"], strict=True)))
    return [m for m in order if record.whole(dataset, record.cells(dataset, m))]


def _spread(record: Record, dataset: str) -> str:
    blurry = record.cells(dataset, "blurry").set_index("image")["psnr"]
    lines = []
    for method in _methods(record, dataset):
        cells = record.cells(dataset, method)
        values = cells["psnr"].astype(float)
        below = (cells.set_index("image")["psnr"] < blurry.reindex(cells["image"])).mean()
        thirds = _thirds(cells["kernel_spread"].astype(float))
        means = values.groupby(thirds, observed=True).mean().reindex(STRATA)
        lines.append(
            [
                method,
                f"{values.mean():.2f}",
                f"{values.median():.2f}",
                f"{values.quantile(0.1):.2f}",
                "–" if method == "blurry" else f"{100 * below:.0f} %",
                *("–" if np.isnan(mean) else f"{mean:.2f}" for mean in means),
            ]
        )
    headers = ["method", "mean", "median", "lowest tenth", "failures", *STRATA]
    return tabulate(lines, headers=headers, tablefmt="github", disable_numparse=True)


def _thirds(spread: pd.Series) -> pd.Series:
    """Name the third of the kernels that each is in; none where their sizes are not known."""
    if spread.isna().any():
        return pd.Series(None, index=spread.index, dtype=pd.CategoricalDtype(list(STRATA)))
    return pd.qcut(spread.rank(method="first"), 3, labels=STRATA)


def _pooled(record: Record) -> str:
    lines = []
    shared = [
        m for m in _methods(record, "shoes") if all(m in _methods(record, d) for d in TEST_SETS)
    ]
    for method in shared:
        cells = pd.concat([record.cells(dataset, method) for dataset in TEST_SETS])
        clusters = cells["kernel_id"].tolist()
        mean, low, high = bootstrap_mean(cells["psnr"].to_numpy(float), clusters=clusters)
        lines.append([method, len(cells), f"{mean:.2f} [{low:.2f}, {high:.2f}]"])
    headers = ["method", "n", "PSNR (dB), clustered interval"]
    return tabulate(lines, headers=headers, tablefmt="github", disable_numparse=True)


def _seeds(record: Record) -> list[str]:
    frame = record.frame[
        (record.frame["status"] == Status.OK) & record.frame["dataset"].isin(TEST_SETS)
    ]
    seeds = sorted(frame["seed"].unique())
    if len(seeds) < 2:
        return [f"The record has one seed, {seeds[0]}; '--seed 0,1,2' adds others."]
    lines = []
    for (dataset, method), cells in frame.groupby(["dataset", "method"]):
        table = (
            cells[cells["condition"].isin([str(Condition(seed=s)) for s in seeds])]
            .pivot_table(index="image", columns="seed", values="psnr")
            .dropna()
        )
        if table.shape[1] == len(seeds) and len(table):
            means = table.mean()
            lines.append(
                [TITLES[str(dataset)], method, len(table), *(f"{m:.2f}" for m in means),
                 f"{means.std():.2f}"]
            )  # fmt: skip
    headers = ["set", "method", "n", *(f"seed {s}" for s in seeds), "standard deviation"]
    text = (
        "The seed draws the noise and whatever a method draws; means over the images that all "
        "seeds have."
    )
    return [text, tabulate(lines, headers=headers, tablefmt="github", disable_numparse=True)]


def _ratios(record: Record) -> list[str]:
    frame = record.frame
    cells = frame[(frame["dataset"] == "levin") & (frame["status"] == Status.OK)]
    cells = cells[cells["kind"] == "method"]
    lines = []
    for method in method_order(dict(zip(cells["method"], cells["kind"], strict=True))):
        ratio = cells[cells["method"] == method]["error_ratio"].to_numpy(float)
        ratio = ratio[np.isfinite(ratio)]
        if len(ratio):
            shares = [f"{100 * (ratio <= limit).mean():.0f} %" for limit in RATIOS]
            lines.append([method, len(ratio), *shares, f"{np.median(ratio):.2f}"])
    headers = ["method", "n", *(f"≤ {limit:g}" for limit in RATIOS), "median ratio"]
    text = (
        "Squared error over that of known-kernel total variation on the same observation; "
        "[curves for all sets](error-ratio.png)."
    )
    return [text, tabulate(lines, headers=headers, tablefmt="github", disable_numparse=True)]


def _knowledge(record: Record) -> str:
    rows = record.frame[record.frame["condition"] == CONDITION]
    lines = []
    for method in method_order(dict(zip(rows["method"], rows["kind"], strict=True))):
        name = method.partition("[")[0]
        try:
            about = interview.describe(name) if name in METHODS.entries else None
        except BenchError:
            about = None
        kind = rows[rows["method"] == method]["kind"].iloc[0]
        lines.append(
            [
                method,
                kind,
                interview.knowledge(method) if about else "?",
                (about and about.reference) or "–",
            ]
        )
    headers = ["method", "kind", "knows", "reference"]
    return tabulate(lines, headers=headers, tablefmt="github", disable_numparse=True)
