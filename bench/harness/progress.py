"""What a run shows of itself on standard error: what it is at, and how long the rest will take."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from bench.harness.plan import Chunk
from bench.harness.schedule import Costs, Forecast
from bench.harness.store import Outcome

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
    """How a bar is shown here: all the time on a terminal, one line a minute in a log."""
    if sys.stderr is None or sys.stderr.isatty():
        return {}
    return {"file": _Lines(), "mininterval": LOG_INTERVAL, "maxinterval": LOG_INTERVAL}


class Progress:
    """A bar of the cells of a run; a context manager.

    Parameters
    ----------
    chunks : sequence of Chunk
        What is to be computed.
    costs : Costs
    show : bool
    """

    def __init__(self, chunks: Sequence[Chunk], costs: Costs, show: bool = True) -> None:
        total = sum(map(len, chunks))
        self._forecast = Forecast(chunks, costs)
        self._bar = tqdm(
            total=total, unit="cell", disable=not (show and total), bar_format=FORM, **manner()
        )

    def begun(self, chunk: Chunk) -> None:
        """Say what is being worked at."""
        names = ", ".join(map(str, chunk.methods))
        self._bar.set_description_str(f"{names} on {chunk.cells[0].dataset}: ", refresh=False)

    def done(self, outcomes: Sequence[Outcome]) -> None:
        """Count cells, and say how long the rest will take."""
        for outcome in outcomes:
            found = outcome.restoration
            seconds = json.loads(found.cost).get("seconds") if found is not None else None
            self._forecast.note(outcome.cell, seconds)
        if (left := self._forecast.left()) is not None:
            text = f"{tqdm.format_interval(left)} left"
            self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(len(outcomes))

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
