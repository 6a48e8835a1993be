"""``python -m bench data list`` and ``python -m bench data fetch``."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

EXAMPLES = """\
examples:
  python -m bench data list
  python -m bench data fetch
  BENCH_DATA=~/deblurring python -m bench data fetch
"""
PACKAGE = "bench.datasets"
"""The package that knows where data lie and how to get them; looked up when used."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    actions.add_parser("list", help="what is here, where it was looked for, how to get it")
    fetch = actions.add_parser(
        "fetch", help="get the published test images from the authors' public repository"
    )
    fetch.add_argument("--folder", type=Path, help="where to; default: BENCH_DATA or the user's")


def run(options: argparse.Namespace) -> int:
    """List or fetch."""
    return _list() if options.action == "list" else _fetch(options.folder)


def _room(module: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.{module}")


def _list() -> int:
    from tabulate import tabulate

    from bench.harness import doctor
    from bench.harness.guests import dataset_class

    lines = [
        [finding.name, dataset_class(finding.name).title, _mark(finding.ok), finding.detail]
        for finding in doctor.datasets()
        if finding.loaded
    ]
    for row in _room("locations").listings():
        place = row.location
        detail = place.path if place.found else f"not at {place.path}. {place.how_to_get}"
        lines.append([row.name, row.what, _mark(place.found), detail])
    headers = ["data", "what it is", "here", "where, or how to get it"]
    print(tabulate(lines, headers, tablefmt="simple", maxcolwidths=[None, 40, None, 70]))
    return 0


def _mark(found: bool) -> str:
    return "yes" if found else "no"


def _fetch(folder: Path | None) -> int:
    _room("fetch").fetch(folder)
    return 0
