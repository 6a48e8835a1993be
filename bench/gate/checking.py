"""Compute what the reference has lines for, and compare; or write the reference."""

from __future__ import annotations

import dataclasses
import fnmatch
import statistics
from collections.abc import Iterable
from pathlib import Path

from bench.errors import BenchError
from bench.gate import digest, reference, rows
from bench.gate.reference import REFERENCE, Key, Line
from bench.methods.pieces import pieces
from bench.protocol import Status
from bench.registry import METHODS

SAMPLE_SETS = ("celeba-samples", "shoes-samples", "svhn-samples")
TEST_SETS = ("svhn", "shoes", "celeba")
DIRECT, SEARCHED, LARGEST = 0.02, 0.2, 0.5
"""Least tolerances in dB, of methods that compute their result directly and of those that search
it, whose outcomes on a processor not tried are never all known; and the largest of any."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """A line of the reference and what was found now.

    Attributes
    ----------
    line : Line
    change : float or None
        Median over the images of new minus old PSNR, or the relative distance of two digests;
        None if it could not be computed.
    reason : str
        Why not.
    """

    line: Line
    change: float | None
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was computed and the tolerance holds; a method may rise."""
        if self.change is None:
            return False
        moved = self.change if self.line.part == "piece" else -self.change
        return moved <= self.line.tolerance

    def __str__(self) -> str:
        line = self.line
        if self.change is None:
            return f"{line.name} ({line.on}): {self.reason}"
        if line.part == "piece":
            return (
                f"{line.name} ({line.on}): differs by {self.change:.1e} "
                f"(tolerance {line.tolerance:.0e})"
            )
        return (
            f"{line.name} on {line.on}: {self.change:+.3f} dB in the median of "
            f"{len(line.values)} images (tolerance {line.tolerance:g})"
        )


def select(patterns: str) -> set[str]:
    """Return the names of methods and pieces that match patterns by commas.

    Raises
    ------
    UnknownName
        If a pattern matches neither.
    """
    chosen: set[str] = set()
    for pattern in patterns.split(","):
        found = [name for name in pieces() if fnmatch.fnmatch(name, pattern.strip())]
        # A piece alone may be meant; what matches nothing at all is the registry's to refuse.
        chosen.update(found or METHODS.select(pattern.strip()))
        chosen.update(METHODS.names(pattern.strip()))
    return chosen


def check(
    names: str = "*",
    full: bool = False,
    workers: int | None = None,
    quiet: bool = False,
    path: Path = REFERENCE,
) -> list[Finding]:
    """Hold pieces and methods against the reference.

    Parameters
    ----------
    names : str
        Of methods and pieces, or patterns, by commas.
    full : bool
        Check the lines that are only checked when asked for too.
    workers : int or None
    quiet : bool
    path : Path

    Returns
    -------
    list of Finding
        One per line of the reference that was asked for, also where Octave, weights or data that
        it needs are missing.
    """
    chosen = select(names)
    parts = ("piece", "quick", "full") if full else ("piece", "quick")
    lines = [
        line for line in reference.read(path).values() if line.name in chosen and line.part in parts
    ]
    if not lines:
        raise BenchError(
            f"The reference has no line for {names!r}; --full checks the slow ones too, and "
            "--update adds what is new."
        )
    steps = [line for line in lines if line.part == "piece"]
    with digest.one_thread():
        computed = digest.compute(list(dict.fromkeys(line.name for line in steps)))
    methods = [line for line in lines if line.part != "piece"]
    found = rows.run([line.key for line in methods], workers, quiet) if methods else {}
    return [
        *(_compare_piece(line, computed[line.name]) for line in steps),
        *(_compare_row(line, found[line.key]) for line in methods),
    ]


def _compare_piece(line: Line, found: dict[str, digest.Digest] | str) -> Finding:
    if isinstance(found, str):
        return Finding(line, None, found)
    if line.on not in found:
        return Finding(line, None, "The piece no longer computes this.")
    return Finding(line, digest.distance(line.values, found[line.on]))


def _compare_row(line: Line, row: rows.Row) -> Finding:
    if len(row.psnr) != len(line.values):
        return Finding(line, None, f"{row.status}: {row.reason}" if row.reason else row.status)
    return Finding(line, statistics.median(rows.differences(line.values, row.psnr)))


def update(
    names: str = "*",
    full: bool = False,
    workers: int | None = None,
    quiet: bool = False,
    path: Path = REFERENCE,
) -> tuple[list[Line], list[str]]:
    """Measure pieces and the project's own methods, and write the reference.

    Lines that were not asked for are kept; parts and tolerances of lines that are there already
    are too. What no longer exists is dropped. Parameters are those of :func:`check`.

    Returns
    -------
    lines : list of Line
        All that the reference has now.
    complaints : list of str
        What was asked for and could not be measured; its old line, if any, stays.
    """
    chosen = select(names)
    old = reference.read(path) if path.is_file() else {}
    own = [n for n in METHODS.entries if METHODS.entries[n].origin == "bench" and n in chosen]
    steps = [name for name in pieces() if name in chosen]
    if not own and not steps:
        raise BenchError(f"None of the methods {names!r} is this project's own.")
    fresh, complaints = _measure_pieces(steps, old)
    measured = rows.run(_pairs(own, old, full), workers, quiet) if own else {}
    for key, row in measured.items():
        if row.psnr:
            fresh[key] = _line(key, row, old)
        elif row.status != Status.NOT_APPLICABLE:
            complaints.append(f"{key[0]} on {key[1]}: {row.status}: {row.reason}")
    known = {*METHODS.entries, *pieces()}
    # A piece that was computed has no other lines than what it computed now.
    replaced = {name for name, _ in fresh if name in steps}
    kept = {
        key: line for key, line in old.items() if line.name in known and line.name not in replaced
    }
    lines = list({**kept, **fresh}.values())
    reference.write(lines, path)
    return lines, complaints


def _measure_pieces(names: list[str], old: dict[Key, Line]) -> tuple[dict[Key, Line], list[str]]:
    fresh, complaints = {}, []
    known = pieces()
    with digest.one_thread():
        computed = digest.compute(names)
    for name, found in computed.items():
        if isinstance(found, str):
            complaints.append(f"{name}: {found}")
            continue
        for quantity, values in found.items():
            before = old.get((name, quantity))
            tolerance = before.tolerance if before else known[name].tolerance
            fresh[name, quantity] = Line("piece", name, quantity, tolerance, values)
    return fresh, complaints


def _pairs(own: Iterable[str], old: dict[Key, Line], full: bool) -> list[Key]:
    """Return the lines that an update measures: those there, one per new method, or all."""
    pairs = []
    for name in own:
        there = [key for key, line in old.items() if key[0] == name and line.part != "piece"]
        if full or not there:
            replay = METHODS.load(name).kind == "replay"
            sets = TEST_SETS if replay else SAMPLE_SETS if full else SAMPLE_SETS[:1]
            pairs += [(name, dataset) for dataset in sets]
        else:
            pairs += [key for key in there if old[key].part == "quick"]
    return pairs


def _line(key: Key, row: rows.Row, old: dict[Key, Line]) -> Line:
    before = old.get(key)
    if before:
        return dataclasses.replace(before, values=row.psnr)
    data_needed = key[1] in TEST_SETS or METHODS.load(key[0]).reads_data
    quick = (row.direct or key[1] == SAMPLE_SETS[0]) and not data_needed
    tolerance = DIRECT if row.direct else LARGEST  # until it is measured
    return Line("quick" if quick else "full", *key, tolerance, row.psnr)
