"""``python -m bench export``."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli import arguments

EXAMPLES = """\
examples:
  python -m bench export shoes observations/shoes
  python -m bench export celeba-samples observations/faces --noise 0.04 --images 20

Restore each NAME.png elsewhere, write results under the same names into a folder with a copy of
manifest.json, and score it with 'python -m bench score FOLDER --name YOURS'.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("dataset")
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--noise", type=float, default=0.01, help="standard deviation; default: %(default)s"
    )
    parser.add_argument("--blur-length", type=int, help="fresh kernels of this length")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "-n", "--images", type=arguments.positive, metavar="N", help="only the first N"
    )


def run(options: argparse.Namespace) -> int:
    """Write the observations."""
    from bench.harness import exchange, plan
    from bench.physics.condition import Condition

    dataset = plan.load_dataset(options.dataset)
    condition = Condition(options.noise, options.blur_length, options.seed)
    path = exchange.export(dataset, condition, options.folder, options.images)
    count = len(exchange.read_manifest(path)["images"])
    print(f"{count} observations of {dataset.name} and {path}")
    return 0
