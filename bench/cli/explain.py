"""``python -m bench explain``."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli import arguments

EXAMPLES = """\
examples:
  python -m bench explain runs/default 003                     every method's restarts on image 003
  python -m bench explain results/record 012 --dataset shoes --method dds -o dds-012.png
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", type=Path, help="results folder of a run")
    parser.add_argument("image", help="name of the image, as scores.csv gives it")
    parser.add_argument("-d", "--datasets", default="*", help="a pattern; default: all")
    parser.add_argument(
        "-m", "--methods", default="*", help="a pattern; default: all with restarts"
    )
    arguments.add_old_names(parser)
    parser.add_argument(
        "-o", "--output", type=Path, help="file of the sheet; default: FOLDER/explain-IMAGE.png"
    )


def run(options: argparse.Namespace) -> int:
    """Print what every restart found and draw them."""
    from bench.report import explain

    output = options.output or options.folder / f"explain-{options.image}.png"
    print(explain.explain(options.folder, options.image, options.datasets, options.methods, output))
    return 0
