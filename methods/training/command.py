"""The command ``python -m bench train NAME``: train by a recipe, resumably."""

from __future__ import annotations

import argparse
import importlib
import tomllib
from pathlib import Path

import torch

from bench.cli.arguments import natural, positive
from bench.errors import BenchError, UnknownName
from bench.files import check_place

FAMILIES = (
    "bench.methods.generators.train",
    "bench.methods.kernel_net.train",
    "bench.methods.marginal.train",
    "bench.methods.feedforward.train",
)
"""Modules with ``recipe_names()`` and ``run(name, steps, folder, finish)``."""
MAX_THREADS = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", help="of a recipe: a file in methods/*/recipes, without .toml")
    parser.add_argument(
        "--steps",
        type=positive,
        help="a trial of so many steps, kept in FOLDER/trial; the weights in use stay",
    )
    parser.add_argument("--folder", type=Path, default=Path("checkpoints"), help="of checkpoints")
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
    """Train, going on from the last checkpoint if there is one."""
    if options.threads:
        torch.set_num_threads(options.threads)
    families = [importlib.import_module(family) for family in FAMILIES]
    for family in families:
        if options.name in family.recipe_names():
            folder = options.folder / "trial" if options.steps else options.folder
            check_place(folder / options.name)  # before hours of training
            try:
                family.run(options.name, options.steps, folder, options.finish)
            except tomllib.TOMLDecodeError as error:
                raise BenchError(
                    f"The recipe {options.name!r} is no whole TOML file ({error}); restore it from "
                    "the repository."
                ) from error
            return 0
    known = ", ".join(name for family in families for name in family.recipe_names())
    raise UnknownName(f"There is no recipe {options.name!r}; there are: {known}.")
