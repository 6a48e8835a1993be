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
  python -m bench benchmark start-up --check       exit code 1 if a command costs more than it may
"""
YARDSTICK: tuple[str, ...] = ("-c", "import torch")
"""What costs are given in units of: PyTorch is most of any command that computes."""
COMMANDS: dict[tuple[str, ...], float] = {
    ("-m", "bench", "--help"): 0.5,
    ("-m", "bench", "list"): 0.5,
    ("-c", "from bench.harness import scores; from bench.report import printed"): 0.7,  # table
    ("-c", "from bench.harness import scores; from bench.report import comparison"): 0.7,  # compare
    ("-c", "import bench.api"): 3.0,
}
"""What is started, and what it may cost."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--check", action="store_true", help="fail if anything costs too much")
    parser.add_argument("--times", type=int, default=5, metavar="N", help="default: %(default)s")


def run(options: argparse.Namespace) -> int:
    """Measure in turn, so that a busy machine slows all alike, and print a table in Markdown."""
    found: dict[tuple[str, ...], list[float]] = {}
    for _ in range(options.times):
        for command in (YARDSTICK, *COMMANDS):
            found.setdefault(command, []).append(_cpu_seconds(command))
    unit = statistics.median(found[YARDSTICK])
    print("| command | CPU seconds | in imports of PyTorch | may cost |")
    print("|---|---|---|---|")
    dear = False
    for command, seconds in found.items():
        middle = statistics.median(seconds)
        most = COMMANDS.get(command, 1.0)
        dear |= middle > most * unit
        shown = " ".join(command)
        print(f"| `python {shown}` | {middle:.2f} | {middle / unit:.2f} | {most:.1f} |")
    return int(dear and options.check)


def _cpu_seconds(command: tuple[str, ...]) -> float:
    before = _spent_by_children()
    done = subprocess.run([sys.executable, *command], stdout=subprocess.DEVNULL)
    if done.returncode:
        raise ProcessError(f"{' '.join(command)} ended with exit code {done.returncode}.")
    return _spent_by_children() - before


def _spent_by_children() -> float:
    times = os.times()
    return times.children_user + times.children_system
