"""``python -m bench check``."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from bench.cli import arguments

if TYPE_CHECKING:
    from bench import gate

EXAMPLES = """\
examples:
  python -m bench check                     pieces, and every method on eight images
  python -m bench check --full              and on the sets that are slow or need data
  python -m bench check --methods 'd*,step of d*'
  python -m bench check --update            write the reference again: results/reference.csv
  python -m bench check --update --methods cnn,unet      only their lines
  python -m bench check --measure-tolerance              how far rounding alone moves the lines

Exit code 1 if a piece of a method computes something else than the reference says, if the median
of a method's PSNR fell by more than its tolerance, or if something could not be computed here.
Whoever updates the reference says why in CHANGELOG.md, with the digits that --update prints. Parts
and tolerances of the lines there are kept; --measure-tolerance writes the tolerances and
reports/gate.md, in six times as long as a check takes.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "-m", "--methods", default="*", help="methods and pieces: names or patterns, by commas"
    )
    parser.add_argument("--full", action="store_true", help="the slow lines too")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--update", action="store_true", help="write the reference again")
    action.add_argument(
        "--measure-tolerance",
        action="store_true",
        help="compute in ways that differ in rounding alone; write tolerances and reports/gate.md",
    )
    parser.add_argument(
        "-j", "--workers", type=arguments.positive, metavar="N", help="processes; default: cores"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress")


def run(options: argparse.Namespace) -> int:
    """Check, or write what is checked against."""
    from bench import gate

    how = (options.methods, options.full, options.workers, options.quiet)
    if options.update:
        lines, complaints = gate.update(*how)
        for complaint in complaints:
            print(f"not measured: {complaint}")
        print(f"{len(lines)} lines are in {gate.REFERENCE}; CHANGELOG.md must name {_digits()}.")
        return int(bool(complaints))
    if options.measure_tolerance:
        unstable = gate.measure_stability(*how)
        for name in unstable:
            print(f"needs more than any tolerance allows: {name}")
        print(
            f"reports/gate.md is written, and {gate.REFERENCE}: CHANGELOG.md must name {_digits()}."
        )
        return int(bool(unstable))
    return _report(gate.check(*how))


def _report(findings: list[gate.Finding]) -> int:
    missing = [finding for finding in findings if finding.change is None]
    fallen = [finding for finding in findings if finding.change is not None and not finding.ok]
    for finding in findings:
        word = "not checked" if finding in missing else "fell" if finding in fallen else "ok"
        print(f"{word:<12}{finding}")
    print(f"{len(findings) - len(fallen) - len(missing)} of {len(findings)} lines hold.")
    if missing:
        print(f"{len(missing)} could not be checked: {_reasons(missing)}")
    return int(bool(fallen or missing))


def _reasons(missing: list[gate.Finding]) -> str:
    return " ".join(dict.fromkeys(finding.reason for finding in missing))


def _digits() -> str:
    from bench import gate
    from bench.checksums import checksum

    return checksum(gate.REFERENCE)[:8]
