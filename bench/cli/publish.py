"""``python -m bench publish``."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """\
examples:
  python -m bench publish results/record published-scores

The folder opens in Hugging Face's dataset viewer. Nothing is uploaded.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("results", type=Path, help="a results folder")
    parser.add_argument("folder", type=Path, help="where to write Parquet files and their card")


def run(options: argparse.Namespace) -> int:
    """Write the files."""
    from bench.harness.publication import publish

    for path in publish(options.results, options.folder):
        print(path)
    return 0
