"""``python -m bench list``."""

from __future__ import annotations

import argparse
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
    from bench.harness import listing
    from bench.text import dump

    found: dict[str, list[dict[str, Any]]] = {}
    if options.what != "datasets":
        found["methods"] = [
            {
                "method": line.name,
                "name": line.title,
                "kind": line.kind,
                "from": line.origin,
                "ready": line.lacking or "yes",
                "prior information and training data": line.knows,
            }
            for line in listing.methods()
        ]
    if options.what != "methods":
        found["datasets"] = [
            {
                "dataset": line.name,
                "what it is": line.title,
                "from": line.origin,
                "here": line.lacking or "yes",
            }
            for line in listing.datasets()
        ]
    if options.json:
        print(dump(found))
        return 0
    print("\n\n".join(_table(lines, options.prior) for lines in found.values()))
    return 0


def _table(lines: list[dict[str, Any]], prior: bool) -> str:
    """Lay out lines in the width of the terminal: the last two columns are wrapped."""
    from tabulate import tabulate

    from bench.text import width_here

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
