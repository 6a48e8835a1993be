"""``python -m bench compare``."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from bench.cli import arguments

EXAMPLES = """\
examples:
  python -m bench compare results/record runs/mine
  python -m bench compare runs/before runs/after --metrics psnr,gmsd

Cells are paired by dataset, condition, method and image; only differences that are significant at
5 % after Holm's correction are printed, and which pairs no mean holds (an image without an error
has no finite PSNR). Exit code 1 if any of it is for the worse.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("old", type=Path, help="results folder or scores.csv")
    parser.add_argument("new", type=Path, help="results folder or scores.csv")
    arguments.add_json(parser)
    parser.add_argument(
        "--metrics", default="psnr,ssim", help="names, by commas; default: %(default)s"
    )


def run(options: argparse.Namespace) -> int:
    """Print the significant differences."""
    from bench.errors import UnknownName
    from bench.harness import scores
    from bench.harness.columns import METRICS
    from bench.report import comparison
    from bench.text import dump

    metrics = options.metrics.split(",")
    if unknown := [name for name in metrics if name not in METRICS]:
        raise UnknownName(f"There is no metric {unknown[0]!r}; there are: {', '.join(METRICS)}.")
    result = comparison.compare(scores.read(options.old), scores.read(options.new), metrics)
    found = [change for change in result.changes if change.p_value < comparison.SIGNIFICANCE]
    if options.json:
        print(dump({**dataclasses.asdict(result), "worse": result.worse}))
        return int(result.worse)
    print(
        f"{result.pairs} pairs of images, {len(result.changes)} comparisons, "
        f"{len(found)} significant."
    )
    if result.notices:
        print("Left out of the means:\n" + "\n".join(f"- {text}" for text in result.notices))
    if found:
        print("\n" + comparison.markdown(found))
    return int(result.worse)
