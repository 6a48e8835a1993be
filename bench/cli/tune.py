"""``python -m bench tune``: find parameters on splits of the training data."""

from __future__ import annotations

import argparse

from bench.cli.subjects import add_subjects, run_subject
from bench.methods.scripts import TUNE

EXAMPLES = """\
examples:
  python -m bench tune deep-deblur celeba --images 16
  python -m bench tune engineered --method ep --dataset shoes
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subject."""
    add_subjects(parser, TUNE)


def run(options: argparse.Namespace) -> int:
    """Run it."""
    return run_subject(options, "tune", TUNE)
