"""``python -m bench import-weights``."""

from __future__ import annotations

import argparse
import importlib

IMPORTER = "bench.methods.generators.keras_import"
"""Looked up when used: the harness itself knows no concrete method."""

EXAMPLES = """\
examples:
  python -m bench import-weights motionblur.h5 motion-blur
  python -m bench import-weights celeba.h5 celeba
  python -m bench import-weights pggan_generator.pth faces128
  python -m bench import-weights blur_generator.pt motion-blur-32
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    importlib.import_module(IMPORTER).add_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Convert."""
    return int(importlib.import_module(IMPORTER).run(options))
