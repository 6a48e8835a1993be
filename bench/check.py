"""The gate: a small fixed subset of every method, run anew and held against a reference.

The subset is the first images of the published test sets where the data folder has them, and of
the sample sets where it has not. The store is bypassed: what is checked is what the code does now.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench import plan
from bench.errors import BenchError
from bench.files import write_atomically
from bench.observation import Condition
from bench.registry import DATASETS, METHODS
from bench.session import Part, execute

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "results" / "reference.csv"
TEST_SETS = ("svhn", "shoes", "celeba")
SAMPLE_SETS = ("svhn-samples", "shoes-samples", "celeba-samples")
IMAGES = 2
DIRECT, ITERATED, SEARCHED = 0.05, 0.5, 5.0
"""Tolerances in dB: of methods that compute directly, of those whose many steps amplify the
rounding that differs between processors, and of those that choose among restarts, where rounding
may change the choice and one image of two is lost. ``reference.csv`` holds them: where a line needs
another, edit it there, and an update keeps it."""
COLUMNS = ["method", "dataset", "n", "psnr", "tolerance"]


@dataclasses.dataclass(frozen=True)
class Finding:
    """A line of the reference and what was found now; ``new`` is None if it could not run."""

    method: str
    dataset: str
    old: float
    new: float | None
    tolerance: float
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether it ran and is not below the reference by more than the tolerance."""
        return self.new is not None and self.new >= self.old - self.tolerance

    def __str__(self) -> str:
        if self.new is None:
            return f"{self.method} on {self.dataset}: did not run: {self.reason}"
        return (
            f"{self.method} on {self.dataset}: {self.old:.3f} dB before, {self.new:.3f} now "
            f"({self.new - self.old:+.3f}, tolerance {self.tolerance:g})"
        )


def measure(
    datasets: Sequence[str], methods: str, workers: int | None, quiet: bool
) -> pd.DataFrame:
    """Run methods on the first images of datasets in a fresh folder and return the scores."""
    part = Part(plan.parse_methods(methods), datasets, [Condition()], IMAGES)
    with tempfile.TemporaryDirectory(prefix="bench-check-") as folder:
        session = execute([part], Path(folder), workers=workers, quiet=quiet, sheets=False)
    return session.frame


def available(datasets: Sequence[str]) -> list[str]:
    """Datasets whose data are here."""
    return [name for name in datasets if DATASETS.load(name).location().found]


def default_datasets() -> list[str]:
    """The test sets where all of them are here, else the sample sets."""
    found = available(TEST_SETS)
    return found if len(found) == len(TEST_SETS) else list(SAMPLE_SETS)


def read_reference(path: Path = REFERENCE) -> pd.DataFrame:
    """Read the reference.

    Raises
    ------
    BenchError
        If it is missing or lacks a column.
    """
    if not path.is_file():
        raise BenchError(
            f"There is no reference at {path}; 'python -m bench check --update' makes it."
        )
    frame = pd.read_csv(path)
    if lacking := [name for name in COLUMNS if name not in frame.columns]:
        raise BenchError(f"{path} lacks the columns {', '.join(lacking)}.")
    return frame


def check(
    methods: str = "*", workers: int | None = None, quiet: bool = False, path: Path = REFERENCE
) -> list[Finding]:
    """Hold methods against the reference.

    Parameters
    ----------
    methods : str
        Names or patterns, by commas.
    workers : int or None
    quiet : bool
    path : Path

    Returns
    -------
    list of Finding
        One per line of the reference for the datasets used. A method that cannot be had here
        (Octave is missing, say) is no finding of its own; one that fails is.
    """
    reference = read_reference(path)
    chosen = METHODS.select(methods)
    datasets = default_datasets()
    lines = reference[reference["method"].isin(chosen) & reference["dataset"].isin(datasets)]
    if lines.empty:
        raise BenchError(f"The reference has no line for {methods!r} on {', '.join(datasets)}.")
    frame = measure(datasets, ",".join(dict.fromkeys(lines["method"])), workers, quiet)
    findings = []
    for line in lines.itertuples():
        cells = frame[(frame["method"] == line.method) & (frame["dataset"] == line.dataset)]
        if (cells["status"] == "unavailable").any():
            continue
        whole = len(cells) == line.n and (cells["status"] == "ok").all()
        new = float(cells["psnr"].mean()) if whole else None
        reason = "; ".join(dict.fromkeys(cells["reason"].fillna("").astype(str)))
        findings.append(
            Finding(line.method, line.dataset, line.psnr, new, line.tolerance, reason)  # type: ignore[arg-type]
        )
    return findings


def update(
    methods: str = "*", workers: int | None = None, quiet: bool = False, path: Path = REFERENCE
) -> pd.DataFrame:
    """Measure the project's methods on all subsets that are here and write the reference.

    Lines for other methods, and for datasets that are not here, are kept. Parameters are those of
    :func:`check`.
    """
    datasets = [*available(TEST_SETS), *SAMPLE_SETS]
    own = [name for name in METHODS.select(methods) if METHODS.entries[name].origin == "bench"]
    if not own:
        raise BenchError(f"None of the methods {methods!r} is this project's own.")
    frame = measure(datasets, ",".join(own), workers, quiet)
    found = frame[frame["status"] == "ok"]
    rows = [
        {
            "method": method,
            "dataset": dataset,
            "n": len(cells),
            "psnr": round(float(cells["psnr"].mean()), 3),
            "tolerance": _tolerance(cells),
        }
        for (dataset, method), cells in found.groupby(["dataset", "method"], sort=False)
        if len(cells) == IMAGES
    ]
    fresh = pd.DataFrame(rows, columns=COLUMNS)
    if path.is_file():
        old = read_reference(path)
        keys = list(zip(fresh["method"], fresh["dataset"], strict=True))
        known = [k in METHODS.entries for k in old["method"]]
        pairs = list(zip(old["method"], old["dataset"], strict=True))
        edited = dict(zip(pairs, old["tolerance"], strict=True))
        fresh["tolerance"] = [
            edited.get(key, tolerance)
            for key, tolerance in zip(keys, fresh["tolerance"], strict=True)
        ]
        kept = [pair not in keys for pair in pairs]
        fresh = pd.concat([fresh, old[pd.Series(known) & pd.Series(kept)]])
    fresh = fresh.sort_values(["dataset", "method"]).reset_index(drop=True)
    write_atomically(path, fresh.to_csv(index=False, lineterminator="\n"))
    return fresh


def _tolerance(cells: pd.DataFrame) -> float:
    if cells["kind"].iloc[0] == "replay":
        return DIRECT
    if cells["restarts"].max() > 1:
        return SEARCHED
    return ITERATED if cells["iterations"].max() > 1 else DIRECT
