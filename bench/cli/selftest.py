"""``python -m bench selftest``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

EXAMPLES = """\
examples:
  python -m bench selftest                  the tests that 'make test' runs
  python -m bench selftest --long           and those that take minutes each, or an hour
  python -m bench selftest --long -k kills  one of them, by a part of its name

The tests are in a clone; an installed package has none.
"""
TESTS = Path(__file__).resolve().parents[2] / "tests"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--long", action="store_true", help="the tests marked long too")
    parser.add_argument("-k", metavar="NAME", help="only tests with this in their names")


def run(options: argparse.Namespace) -> int:
    """Run the test suite."""
    import subprocess

    from bench.errors import Unavailable

    if not (TESTS.is_dir() and (TESTS.parent / "pyproject.toml").is_file()):
        raise Unavailable(f"There are no tests at {TESTS}; clone the repository to run them.")
    chosen = ["-m", ""] if options.long else []
    chosen += ["-v", "-k", options.k] if options.k else []
    command = [sys.executable, "-m", "pytest", *chosen]
    return subprocess.run(command, cwd=TESTS.parent, check=False).returncode
