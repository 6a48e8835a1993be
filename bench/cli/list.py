"""``python -m bench list``."""

from __future__ import annotations

import argparse
import contextlib
from typing import Any

from bench.cli import arguments

EXAMPLES = """\
examples:
  python -m bench list
  python -m bench list methods --prior      and what each starts from
  python -m bench list --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("what", nargs="?", choices=["methods", "datasets"])
    parser.add_argument(
        "--prior", action="store_true", help="prior information and training data too"
    )
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print what is registered and whether it can be used here."""
    from bench.report.printed import dump

    found: dict[str, list[dict[str, Any]]] = {}
    if options.what != "datasets":
        found["methods"] = _methods()
    if options.what != "methods":
        found["datasets"] = _datasets()
    if options.json:
        print(dump(found))
        return 0
    print("\n\n".join(_table(lines, options.prior) for lines in found.values()))
    return 0


def _methods() -> list[dict[str, Any]]:
    from bench.errors import BenchError
    from bench.harness import doctor, interview
    from bench.registry import METHODS

    lines = []
    for finding in doctor.methods():
        line = {"method": finding.name, "name": "", "kind": "?", "from": "?", "ready": ""}
        line |= {"prior information and training data": "?"}
        if finding.loaded:
            line["from"] = METHODS.entries[finding.name].origin
            with contextlib.suppress(BenchError):
                about = interview.describe(finding.name)
                line |= {"name": about.title, "kind": about.kind}
                line["prior information and training data"] = about.knows
        line["ready"] = "yes" if finding.ok else finding.detail
        lines.append(line)
    return lines


def _datasets() -> list[dict[str, Any]]:
    from bench.harness import doctor
    from bench.harness.guests import dataset_class
    from bench.registry import DATASETS

    return [
        {
            "dataset": finding.name,
            "what it is": dataset_class(finding.name).title if finding.loaded else "?",
            "from": DATASETS.entries[finding.name].origin if finding.loaded else "?",
            "here": "yes" if finding.ok else finding.detail,
        }
        for finding in doctor.datasets()
    ]


def _table(lines: list[dict[str, Any]], prior: bool) -> str:
    """Lay out lines in the width of the terminal: the last two columns are wrapped."""
    from tabulate import tabulate

    from bench.report.writers.terminal import width_here

    shown = [key for key in lines[0] if prior or not key.startswith("prior ")]
    rest = width_here() - 2 * len(shown)
    limits: list[int | None] = []
    for key in shown:
        longest = max(len(key), *(len(str(line[key])) for line in lines))
        limits.append(longest if longest <= 20 else None)
        rest -= longest if longest <= 20 else 0
    wide = max(18, rest // max(1, limits.count(None)))
    return tabulate(
        [[str(line[key]) for key in shown] for line in lines],
        headers=shown,
        tablefmt="simple",
        maxcolwidths=[wide if limit is None else None for limit in limits],
    )
