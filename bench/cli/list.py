"""``python -m bench list``."""

from __future__ import annotations

import argparse
import contextlib

EXAMPLES = """\
examples:
  python -m bench list
  python -m bench list methods
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("what", nargs="?", choices=["methods", "datasets"])


def run(options: argparse.Namespace) -> int:
    """Print what is registered and whether it can be used here."""
    from tabulate import tabulate

    from bench.errors import BenchError
    from bench.harness import doctor, interview
    from bench.harness.guests import dataset_class
    from bench.registry import DATASETS, METHODS

    if options.what != "datasets":
        lines = []
        for finding in doctor.methods():
            origin = METHODS.entries[finding.name].origin if finding.loaded else "?"
            kind, knows = "?", "?"
            with contextlib.suppress(BenchError):
                if finding.loaded:
                    about = interview.describe(finding.name)
                    kind, knows = about.kind, about.knows
            state = "yes" if finding.ok else finding.detail
            lines.append([finding.name, kind, knows, origin, state])
        headers = ["method", "kind", "is told or has learned", "from", "ready"]
        print(tabulate(lines, headers, tablefmt="simple", maxcolwidths=[None, None, 40, None, 60]))
    if options.what is None:
        print()
    if options.what != "methods":
        lines = []
        for finding in doctor.datasets():
            origin = DATASETS.entries[finding.name].origin if finding.loaded else "?"
            title = dataset_class(finding.name).title if finding.loaded else "?"
            state = "yes" if finding.ok else finding.detail
            lines.append([finding.name, title, origin, state])
        headers = ["dataset", "what it is", "from", "here"]
        print(tabulate(lines, headers, tablefmt="simple", maxcolwidths=[None, 50, None, 60]))
    return 0
