"""What a run shows of itself on standard error: what it is at, and how long the rest will take."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm

FORM = "{desc}{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"

LOG_INTERVAL = 60.0
"""Seconds between the lines of a log."""


class _Lines:
    """Standard error where it is no terminal: what would overwrite a bar starts another line."""

    def write(self, text: str) -> None:
        """Write a bar as a line."""
        if words := text.strip():
            sys.stderr.write(f"{words}\n")

    def flush(self) -> None:
        """Write what waits."""
        sys.stderr.flush()


def manner() -> dict[str, Any]:
    """Return how a bar is shown here: all the time on a terminal, one line a minute in a log."""
    if sys.stderr is None or sys.stderr.isatty():
        return {}
    return {"file": _Lines(), "mininterval": LOG_INTERVAL, "maxinterval": LOG_INTERVAL}


class Progress:
    """A bar of the cells of a run; a context manager.

    Parameters
    ----------
    total : int
        Cells that are to be computed.
    show : bool
    words : str
        Said above the bar.
    """

    def __init__(self, total: int, show: bool = True, words: str = "") -> None:
        if show and total and words and sys.stderr is not None:
            print(words, file=sys.stderr)
        self._bar = tqdm(
            total=total, unit="cell", disable=not (show and total), bar_format=FORM, **manner()
        )

    def begun(self, title: str) -> None:
        """Say what is being worked at."""
        self._bar.set_description_str(f"{title}: ", refresh=False)

    def done(self, count: int, left: float | None) -> None:
        """Count cells, and say how many seconds the rest will take, if that is known."""
        if left is not None:
            self._bar.set_postfix_str(f"{tqdm.format_interval(left)} left", refresh=False)
        self._bar.update(count)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
