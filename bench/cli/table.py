"""``python -m bench table``."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """\
examples:
  python -m bench table                     of the default run
  python -m bench table results/record
  python -m bench table results/record --dataset 'celeba*' --method 'd*'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", type=Path, nargs="?", default=Path("runs/default"))
    parser.add_argument("--dataset", default="*", help="a pattern; default: all")
    parser.add_argument("--method", default="*", help="a pattern; default: all")


def run(options: argparse.Namespace) -> int:
    """Print the table of a folder's scores."""
    from fnmatch import fnmatch

    from bench import scores, tables

    frame = scores.read(options.folder)
    chosen = frame["dataset"].map(lambda name: fnmatch(name, options.dataset)) & frame[
        "method"
    ].map(lambda name: fnmatch(name, options.method))
    print(tables.markdown(frame[chosen]))
    return 0
