"""How far the work on a photograph is, and how long it will take."""

from __future__ import annotations

import sys
import time

EVERY = 60.0
"""Seconds between two lines where nobody looks at a terminal."""


class Progress:
    """A line on a terminal that is written over, and a line a minute anywhere else.

    Parameters
    ----------
    name : str
        Of the photograph.
    quiet : bool
    """

    def __init__(self, name: str, quiet: bool = False) -> None:
        self.name, self.quiet = name, quiet
        self.live = sys.stderr.isatty()
        self.start = self.last = time.monotonic()

    def __call__(self, share: float, what: str) -> None:
        """Say that a share of the work, in [0, 1], is done."""
        now = time.monotonic()
        if self.quiet or not share or (not self.live and now - self.last < EVERY):
            return
        self.last = now
        left = (now - self.start) * (1 / share - 1)
        line = f"{self.name}: {what}, {100 * share:.0f} %, {_duration(left)} left"
        print(f"\r{line:<70}" if self.live else f"bench: {line}", file=sys.stderr, flush=True,
              end="" if self.live else "\n")  # fmt: skip

    def clear(self) -> None:
        """Leave the terminal's line as it was found."""
        if self.live and not self.quiet:
            print(f"\r{'':<70}\r", file=sys.stderr, end="", flush=True)


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min"
