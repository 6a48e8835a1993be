"""How far rounding alone moves what the gate compares, and the tolerances that follow.

Pieces and whole methods are computed in several ways that differ in the last digits only
(:mod:`bench.gate.perturbation`). The outcomes stand in ``reports/gate.csv``, ``reports/gate.md`` is
written from them, and the tolerances of whole methods go into the reference.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
from tabulate import tabulate

from bench.errors import BenchError
from bench.files import write_atomically
from bench.gate import digest, reference, rows
from bench.gate.checking import DIRECT, LARGEST, SEARCHED, select
from bench.gate.perturbation import AS_IT_IS, INPUT, PERTURBATIONS
from bench.gate.reference import REFERENCE, Key
from bench.harness.provenance import processor

REPORT = Path("reports/gate.md")
COLUMNS = ["part", "name", "on", "run", "values"]
BISTABLE = 0.5
"""Spread in dB, over the runs, from which an image counts as one that rounding decides."""
DRAWS, QUANTILE, MARGIN = 20_000, 0.999, 2.0
"""The median's distribution is simulated so often; the tolerance is so many times this quantile."""

Outcomes = dict[str, tuple[float, ...]]
"""Values of a line by the name of the run."""


def measure_stability(
    names: str = "*",
    full: bool = False,
    workers: int | None = None,
    quiet: bool = False,
    path: Path = REFERENCE,
    report: Path = REPORT,
) -> list[str]:
    """Compute the lines of the reference in all ways; write tolerances and the report.

    Parameters
    ----------
    names, full, workers, quiet, path
        As for :func:`bench.gate.checking.check`.
    report : Path
        A Markdown file; the outcomes are kept in a CSV file next to it, where lines that are not
        measured now stay as they are.

    Returns
    -------
    list of str
        Lines that rounding moves by more than the largest tolerance there is: methods to repair.

    Raises
    ------
    BenchError
        If a line could not be computed in one of the ways.
    """
    lines, chosen = reference.read(path), select(names)
    parts = ("piece", "quick", "full") if full else ("piece", "quick")
    wanted = [line for line in lines.values() if line.name in chosen and line.part in parts]
    steps = list(dict.fromkeys(line.name for line in wanted if line.part == "piece"))
    pairs = [line.key for line in wanted if line.part != "piece"]
    kept = {line.key for line in lines.values()}
    outcomes = {key: found for key, found in _read(report).items() if key in kept}
    fresh: dict[Key, Outcomes] = {line.key: {} for line in wanted}
    least: dict[Key, float] = {}
    for perturbation in PERTURBATIONS:
        if steps and perturbation.draw is None:
            for name, quantities in digest.compute_apart(steps, perturbation).items():
                if isinstance(quantities, str):
                    raise BenchError(f"{name}, {perturbation.name}: {quantities}")
                for on, values in quantities.items():
                    fresh.setdefault((name, on), {})[perturbation.name] = values
        if pairs:
            for key, row in rows.run(pairs, workers, quiet, perturbation).items():
                if not row.psnr:
                    raise BenchError(f"{key[0]} on {key[1]}, {perturbation.name}: {row.reason}")
                fresh[key][perturbation.name] = row.psnr
                least[key] = DIRECT if row.direct else SEARCHED
    outcomes |= fresh
    for key in pairs:
        lines[key] = dataclasses.replace(lines[key], tolerance=tolerance(outcomes[key], least[key]))
    reference.write(lines.values(), path)
    _write(outcomes, {line.key for line in lines.values() if line.part == "piece"}, report)
    write_report(outcomes, lines.values(), report)
    return [f"{key[0]} on {key[1]}" for key in pairs if needed(outcomes[key]) > LARGEST]


def needed(outcomes: Outcomes) -> float:
    """Return how far rounding may move the median of the images' differences, in dB.

    Every image ends in one of its outcomes, as likely in each and whatever the other images do;
    so is the distribution of the median of two such runs' differences simulated.
    """
    values = np.array(list(outcomes.values()))
    draw = np.random.default_rng(0)
    images = np.arange(values.shape[1])
    old, new = (
        values[draw.integers(len(values), size=(DRAWS, len(images))), images] for _ in range(2)
    )
    medians = np.median(np.where(old == new, 0.0, new - old), axis=1)
    return float(np.quantile(np.abs(medians), QUANTILE))


def tolerance(outcomes: Outcomes, least: float) -> float:
    """Return the tolerance of a method's line: a margin over what is needed, within bounds."""
    measured = math.ceil(100 * MARGIN * needed(outcomes)) / 100
    return min(max(measured, least), LARGEST)


def bistable(outcomes: Outcomes) -> dict[int, float]:
    """Return the positions of images whose outcomes spread too far, and by how much, in dB."""
    spread = np.ptp(np.array(list(outcomes.values())), axis=0)
    return {int(i): float(spread[i]) for i in np.flatnonzero(spread > BISTABLE)}


def write_report(
    outcomes: dict[Key, Outcomes], lines: Iterable[reference.Line], path: Path
) -> None:
    """Write the report in Markdown."""
    order = [line for line in lines if len(outcomes.get(line.key, {})) > 1]
    steps = [line for line in order if line.part == "piece"]
    methods = [line for line in order if line.part != "piece"]
    runs = [p.name for p in PERTURBATIONS if p.name != AS_IT_IS.name]
    text = f"""# What rounding alone does to the gate

Written by `python -m bench check --measure-tolerance` on {processor()}, from `gate.csv`. Each line
of the reference was computed as it is, and again with noise of {INPUT:g} added to the observations
(two draws), with two threads, and with code for AVX2 and for SSE alone (PyTorch, MKL, oneDNN,
OpenBLAS and the C library; FFTW has no such switch). Nothing but the last digits differs.

## Whole methods

Median over the images of the difference to the run as it is, in dB. *Needed* is the
{100 * QUANTILE:g} % quantile of the median's size if every image ends in any of its outcomes,
independently; the tolerance is {MARGIN:g} times that, at least {DIRECT:g} (for methods that search,
{SEARCHED:g}) and at most {LARGEST:g}. A method that needs more than {LARGEST:g} is one to repair.

{_method_table(methods, outcomes, runs)}

## Images that rounding decides

Images whose results spread by more than {BISTABLE:g} dB over the runs.

{_bistable_table(methods, outcomes)}

## Pieces

Largest relative difference to the run as it is, over all quantities of a piece.

{_piece_table(steps, outcomes, [p.name for p in PERTURBATIONS[1:] if p.draw is None])}
"""
    write_atomically(path, text)


def _method_table(
    lines: list[reference.Line], outcomes: dict[Key, Outcomes], runs: list[str]
) -> str:
    table = []
    for line in lines:
        found = outcomes[line.key]
        base = found[AS_IT_IS.name]
        moved = [
            f"{np.median(rows.differences(base, found[run])):+.3f}" if run in found else "–"
            for run in runs
        ]
        table.append([line.name, line.on, *moved, f"{needed(found):.3f}", f"{line.tolerance:g}"])
    heads = ["method", "images", *runs, "needed", "tolerance"]
    return tabulate(table, heads, tablefmt="github", disable_numparse=True)


def _bistable_table(lines: list[reference.Line], outcomes: dict[Key, Outcomes]) -> str:
    table = []
    for line in lines:
        found = bistable(outcomes[line.key])
        named = ", ".join(f"{position} ({spread:.1f} dB)" for position, spread in found.items())
        table += [[line.name, line.on, f"{len(found)} of {len(line.values)}", named]] * bool(found)
    return tabulate(table, ["method", "images", "number", "which"], tablefmt="github") or "None."


def _piece_table(
    lines: list[reference.Line], outcomes: dict[Key, Outcomes], runs: list[str]
) -> str:
    table: dict[str, list[float]] = {}
    for line in lines:
        found = outcomes[line.key]
        moved = [digest.distance(found[AS_IT_IS.name], found[run]) for run in runs]
        table[line.name] = [
            max(pair) for pair in zip(table.get(line.name, moved), moved, strict=True)
        ]
    body = [[name, *(f"{value:.0e}" for value in moved)] for name, moved in table.items()]
    return tabulate(body, ["piece", *runs], tablefmt="github", disable_numparse=True)


def _read(report: Path) -> dict[Key, Outcomes]:
    path = report.with_suffix(".csv")
    found: dict[Key, Outcomes] = {}
    if path.is_file():
        frame = pd.read_csv(path, dtype={"values": str})
        for _, name, on, run, values in frame.itertuples(index=False, name=None):
            numbers = tuple(map(float, values.split()))
            found.setdefault((name, on), {})[run] = numbers
    return found


def _write(outcomes: dict[Key, Outcomes], steps: set[Key], report: Path) -> None:
    table = [
        ("piece" if key in steps else "method", *key, run, " ".join(f"{v:.8g}" for v in values))
        for key, found in sorted(outcomes.items())
        for run, values in found.items()
    ]
    frame = pd.DataFrame(table, columns=COLUMNS)
    write_atomically(report.with_suffix(".csv"), frame.to_csv(index=False, lineterminator="\n"))
