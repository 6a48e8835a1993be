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
ROOM = "datasets"
"""The room that knows where data lie and how to get them; looked up when used."""


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
    return importlib.import_module(f"{ROOM}.{module}")


def _list() -> int:
    raise NotImplementedError


def _fetch(folder: Path | None) -> int:
    raise NotImplementedError
