"""``python -m bench train``."""

from __future__ import annotations

import argparse
import importlib

EXAMPLES = """\
examples:
  python -m bench train motion-blur              the blur kernels' prior; needs no data
  python -m bench train celeba --threads 2       goes on from its last checkpoint, if there is one
  python -m bench train kernel-net-shoes         a network from observation to kernel
  python -m bench train celeba --finish          export what the last checkpoint has learned
"""
TRAINER = "bench.methods.training.command"
"""Looked up when used: the harness itself knows no concrete method."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    importlib.import_module(TRAINER).add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Train."""
    return int(importlib.import_module(TRAINER).run(options))
