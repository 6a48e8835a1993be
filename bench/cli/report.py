"""``python -m bench report``, ``report paper`` and ``report natural``."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli import arguments

EXAMPLES = """\
examples:
  python -m bench report --results runs/mine      tables, figures and the page of a run
  python -m bench report                          reports/ from results/record
  python -m bench report paper                    the paper's tables, ledger, claims and figures
  python -m bench report natural -r runs/mine     photographs: Table 2, success rates, the ledger

A report holds every method, data set and condition of its results folder: table.md, .csv and .tex,
details.md, curves of sweeps, error ratios, pictures and index.html. 'report paper' compares a run
of the published test sets with what the paper prints, 'report natural' one on photographs with what
is printed of those. The same results give the same files, byte for byte.
"""
RECORD, REPORTS = Path("results/record"), Path("reports")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("what", nargs="?", choices=["run", "paper", "natural"], default="run",
                        help="run (default), paper or natural")  # fmt: skip
    parser.add_argument(
        "-r", "--results", type=Path, default=RECORD, help="results folder; default: %(default)s"
    )
    arguments.add_output(
        parser, help="folder; default: reports for the record, else RESULTS/reports"
    )
    parser.add_argument(
        "--pictures",
        type=arguments.natural,
        default=12,
        metavar="N",
        help="images per data set in the gallery, drawn where the restorations are here; "
        "default: %(default)s",
    )


def run(options: argparse.Namespace) -> int:
    """Write the reports and name them."""
    from bench.report import gallery, natural, paper
    from bench.report.build import build

    record = options.results.resolve() == RECORD.resolve()
    out = options.output or (REPORTS if record else options.results / "reports")
    if options.what == "run" and options.pictures:
        gallery.refresh(options.results, options.pictures)
    builders = {"run": build, "paper": paper.build, "natural": natural.build}
    for path in builders[options.what](options.results, out):
        print(path)
    return 0
