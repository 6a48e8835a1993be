"""``python -m bench table``."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli import arguments

EXAMPLES = """\
examples:
  python -m bench table                     of the default run
  python -m bench table results/record
  python -m bench table results/record --datasets 'celeba*' --methods 'd*'
  python -m bench table results/record --columns psnr,gmsd --prior
  python -m bench table results/record --json | jq '.[] | select(.leading)'
  python -m bench table results/record --markdown > table.md

Means come first, then as many intervals as the line holds; a star marks the leading group.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", type=Path, nargs="?", default=Path("runs/default"))
    parser.add_argument("-d", "--datasets", default="*", help="a pattern; default: all")
    parser.add_argument("-m", "--methods", default="*", help="a pattern; default: all")
    arguments.add_old_names(parser)
    parser.add_argument("--columns", help="metrics to show, by commas; default: all that fit")
    parser.add_argument("--wide", action="store_true", help="every column, however long the lines")
    parser.add_argument(
        "--prior", action="store_true", help="prior information and training data too"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="as table.md has it")
    arguments.add_json(form)


def run(options: argparse.Namespace) -> int:
    """Print the table of a folder's scores, with the cells that its run has still to do."""
    from bench.harness import scores
    from bench.report import printed, tables
    from bench.report.patterns import choose

    frame = scores.read_planned(options.folder)
    if len(frame):
        datasets = choose(frame["dataset"], options.datasets, "dataset")
        methods = choose(frame["method"], options.methods, "method")
        frame = frame[frame["dataset"].isin(datasets) & frame["method"].isin(methods)]
    if options.json:
        print(printed.as_json(frame))
    elif options.markdown:
        print(tables.markdown(frame))
    else:
        columns = options.columns.split(",") if options.columns else ()
        print(printed.text(frame, columns, options.wide, options.prior))
    return 0
