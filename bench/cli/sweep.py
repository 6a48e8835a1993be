"""``python -m bench sweep``."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli import arguments

EXAMPLES = """\
examples:
  python -m bench sweep noise
  python -m bench sweep blur-length --methods dd,dds --datasets celeba --images 24
  python -m bench sweep noise --values 0.01,0.1 --methods 'known-*' -o runs/quick

What is measured stands in bench/harness/sweeps.toml. A sweep that was stopped goes on from where
it was.
It leaves scores.csv, table.md and curves.csv, .md, .png, .svg and .pdf.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("name", help="noise, blur-length, outliers or kernel-size")
    parser.add_argument("-m", "--methods", default="*", help="names or patterns, by commas")
    parser.add_argument("-d", "--datasets", default="*", help="names or patterns, by commas")
    parser.add_argument("--values", type=arguments.numbers, help="values in place of the settings'")
    parser.add_argument(
        "-n", "--images", type=arguments.positive, metavar="N", help="images per point, at most"
    )
    arguments.add_output(parser, help="results folder; default: runs/sweep-NAME")
    arguments.add_execution(parser)


def run(options: argparse.Namespace) -> int:
    """Run a sweep and draw it."""
    from bench.cli.run import report
    from bench.harness import sweep
    from bench.harness.session import execute
    from bench.report import curves

    parallel = arguments.parallel(options)
    out = options.output or Path("runs") / f"sweep-{options.name}"
    parts = sweep.parts(
        options.name, options.methods, options.datasets, options.values, options.images
    )
    session = execute(
        parts,
        out,
        device=options.device,
        workers=options.workers,
        parallel=parallel,
        time_limit=options.time_limit,
        resume=options.resume,
        quiet=options.quiet,
        sheets=False,
    )
    for path in curves.write(session.frame, options.name, out, "curves"):
        print(f"Curves: {path}")
    return report(session, out)
