"""What each engineered prior adds to the core that all of them share, paired by image."""

from __future__ import annotations

import pandas as pd

from bench.harness import scores
from bench.protocol import Status
from bench.report.names import full_name
from bench.report.paper.record import LARGE_SETS, TEST_SETS, TITLES, Record
from bench.report.statistics import above, interval, p_value
from bench.report.sweeps import prepare
from bench.report.writers.markdown import grid

CORE = "l0"
PRIORS = ("dp", "ep", "oh", "df")
SETS = (*TEST_SETS, *LARGE_SETS, "levin")
ROBUST = "oh"
LEVEL = 0.05
EQUAL = 1e-6
"""Difference in dB up to which restorations count as the same."""
HEADERS = ["difference (dB)", "p", "n", "verdict"]


def markdown(record: Record) -> list[str]:
    """Return the section: on images with noise alone, and of outlier handling with outliers."""
    frame = record.frame
    lines = [
        [TITLES.get(dataset, dataset), full_name(method), *_difference(rows, method)]
        for dataset, rows in ((name, frame[frame["dataset"] == name]) for name in SETS)
        for method in PRIORS
    ]
    return [
        "## What each engineered prior adds to the core that they share",
        "The rows of Table 1 that are computed in Octave share their latent image, pyramid and "
        f"non-blind step. {full_name(CORE)} is that core without a prior, tuned on the same images "
        "with the same budget; the difference is what the prior is worth here. p is of the "
        "one-sided permutation test, clustered by kernel. *adds*: p < 0.05; *takes away*: as sure "
        "of the other sign; *not shown*: neither, so the claim that the prior helps on such images "
        "is not reproduced.",
        grid(lines, ["set", "prior", *HEADERS]),
        *_outliers(record),
    ]


def _outliers(record: Record) -> list[str]:
    folder = record.folder / "sweeps" / "outliers"
    if not folder.is_dir():
        return []
    frame = prepare(scores.read(folder), "outliers")
    lines = [
        [str(base), f"{value:g} %", *_difference(rows, ROBUST)]
        for (base, value), rows in frame.groupby(["base", "value"])
    ]
    return [
        f"{full_name(ROBUST)} minus the core where pixels are black or white, or the sensor is at "
        "its end (*gain*):",
        grid(lines, ["set", "outliers", *HEADERS]),
    ]


def _difference(rows: pd.DataFrame, method: str) -> list[str]:
    """Return the cells of a line: the paired difference from the core, its p, n and verdict."""
    done = rows[rows["status"] == Status.OK]
    keys = ["image", "kernel_id", "condition"]
    pair = done[done["method"] == method].merge(
        done[done["method"] == CORE], on=keys, suffixes=("", "_core")
    )
    if pair.empty:
        return ["–", "–", "0", "not measured"]
    if (pair["psnr"] - pair["psnr_core"]).abs().max() <= EQUAL:
        return ["0", "–", str(len(pair)), f"equals `{CORE}`"]
    found, _ = above(pair["psnr"], pair["psnr_core"], pair["kernel_id"].tolist())
    verdict = "not shown"
    if found.p_value < LEVEL:
        verdict = "adds"
    elif found.p_value > 1 - LEVEL:
        verdict = "takes away"
    return [interval(found), p_value(found.p_value), str(found.n), verdict]
