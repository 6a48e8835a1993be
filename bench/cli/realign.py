"""``python -m bench realign``."""

from __future__ import annotations

import argparse
from pathlib import Path

EXAMPLES = """\
examples:
  python -m bench run --methods published-pmp,published-phase-only --datasets levin -o runs/levin
  python -m bench realign runs/levin                    writes runs/levin/registration.csv

PSNR of every finished restoration of a set that is scored after an alignment: of the whole image as
it is, of its interior, after whole-pixel shifts alone, and by the set's own procedure. The ledger
of 'python -m bench report natural' is made of it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", type=Path, help="results folder with its store")


def run(options: argparse.Namespace) -> int:
    """Measure, write and print the means."""
    from bench.harness.session import Datasets
    from bench.report.registration import FILE, WAYS, measure

    frame = measure(options.folder, Datasets())
    means = frame.groupby(["dataset", "method"], sort=False)[[*WAYS]].mean()
    print(means.round(2).to_string())
    print(f"{options.folder / FILE}: {len(frame)} cells")
    return 0
