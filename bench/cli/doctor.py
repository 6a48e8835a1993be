"""``python -m bench doctor``."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from bench.cli import arguments

EXAMPLES = """\
examples:
  python -m bench doctor

Exit codes: 0 if a run can start, 1 if something is missing without which nothing works.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    arguments.add_output(parser, Path("runs/default"))
    arguments.add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print findings and advice."""
    from tabulate import tabulate

    from bench.harness import doctor
    from bench.text import dump

    findings = list(doctor.examine(options.output))
    if options.json:
        print(dump([dataclasses.asdict(finding) for finding in findings]))
        return int(any(f.essential and not f.ok for f in findings))
    lines = [
        ["ok" if f.ok else "MISSING" if f.essential else "absent", f.area, f.name, f.detail]
        for f in findings
    ]
    print(tabulate(lines, tablefmt="plain", maxcolwidths=[None, None, None, 90]))
    return int(any(f.essential and not f.ok for f in findings))
