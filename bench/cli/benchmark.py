"""``python -m bench benchmark``: time parts of the project, or measure them."""

from __future__ import annotations

import argparse

from bench.cli.subjects import add_subjects, run_subject
from bench.methods.scripts import BENCHMARK

EXAMPLES = """\
examples:
  python -m bench benchmark dark-channel
  python -m bench benchmark deep-deblur results/record
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the subject."""
    add_subjects(parser, BENCHMARK)


def run(options: argparse.Namespace) -> int:
    """Run it."""
    return run_subject(options, "benchmark", BENCHMARK)
