"""``python -m bench train``: train a model by its recipe, resumably."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.cli.arguments import natural, positive

EXAMPLES = """\
examples:
  python -m bench train motion-blur              the blur kernels' prior; needs no data
  python -m bench train celeba --threads 2       goes on from its last checkpoint, if there is one
  python -m bench train kernel-net-shoes         a network from observation to kernel
  python -m bench train celeba --finish          export what the last checkpoint has learned
  python -m bench train mine/recipe.toml         by a recipe of your own
"""
MAX_THREADS = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "name",
        help="name of a recipe (a file in methods/*/recipes, without .toml) or a path to one",
    )
    parser.add_argument(
        "--steps",
        type=positive,
        help="a trial of so many steps, kept in FOLDER/trial; the weights in use stay",
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("checkpoints"), help="folder of checkpoints"
    )
    parser.add_argument(
        "--finish",
        action="store_true",
        help="export the averaged weights of the last checkpoint without training further "
        "(with --steps, a trial's)",
    )
    parser.add_argument(
        "--threads", type=_threads, default=0, help="CPU threads; 0 leaves the default"
    )


def _threads(text: str) -> int:
    """Parse a number of threads that a process can have."""
    value = natural(text)
    if value > MAX_THREADS:
        raise argparse.ArgumentTypeError(f"{value} is more than {MAX_THREADS} threads")
    return value


def run(options: argparse.Namespace) -> int:
    """Train."""
    import torch

    from bench.methods.training.recipe import train

    if options.threads:
        torch.set_num_threads(options.threads)
    train(options.name, steps=options.steps, folder=options.folder, finish=options.finish)
    return 0
