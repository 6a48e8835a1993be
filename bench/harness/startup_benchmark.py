"""``python -m bench benchmark start-up``: what a command costs before it does anything."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

from bench.errors import ProcessError

EXAMPLES = """\
examples:
  python -m bench benchmark start-up
"""
YARDSTICK: tuple[str, ...] = ("-c", "import torch")
"""What costs are given in units of: PyTorch is most of any command that computes."""
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("-m", "bench", "--help"),
    ("-m", "bench", "list"),
    ("-c", "from bench.harness import scores; from bench.report import printed"),  # table
    ("-c", "from bench.harness import scores; from bench.report import comparison"),  # compare
    ("-c", "import bench.api"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--times", type=int, default=5, metavar="N", help="default: %(default)s")


def run(options: argparse.Namespace) -> int:
    """Measure in turn, so that a busy machine slows all alike, and print a table in Markdown."""
    found: dict[tuple[str, ...], list[float]] = {}
    for _ in range(options.times):
        for command in (YARDSTICK, *COMMANDS):
            found.setdefault(command, []).append(_cpu_seconds(command))
    unit = statistics.median(found[YARDSTICK])
    print("| command | CPU seconds | in imports of PyTorch |")
    print("|---|---|---|")
    for command, seconds in found.items():
        middle = statistics.median(seconds)
        print(f"| `python {' '.join(command)}` | {middle:.2f} | {middle / unit:.2f} |")
    return 0


def _cpu_seconds(command: tuple[str, ...]) -> float:
    before = _spent_by_children()
    done = subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL)
    if done.returncode:
        raise ProcessError(f"{' '.join(command)} ended with exit code {done.returncode}.")
    return _spent_by_children() - before


def _spent_by_children() -> float:
    times = os.times()
    return times.children_user + times.children_system
