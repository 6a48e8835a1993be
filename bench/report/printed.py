"""Scores as a terminal shows them, or as JSON for a program."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.errors import UnknownName
from bench.harness.columns import METRICS
from bench.report import layout
from bench.report.summary import summarise
from bench.report.writers import terminal
from bench.text import dump, width_here


def text(
    frame: pd.DataFrame,
    columns: Sequence[str] = (),
    wide: bool = False,
    prior: bool = False,
) -> str:
    """Lay out scores for a terminal, one table per dataset and condition.

    Parameters
    ----------
    frame : DataFrame
        Scores.
    columns : sequence of str
        Metrics to show; none for all that fit.
    wide : bool
        Leave out no column, however long the lines get.
    prior : bool
        Show prior information and training data.
    """
    if unknown := [name for name in columns if name not in METRICS]:
        raise UnknownName(f"There is no metric {unknown[0]!r}; there are: {', '.join(METRICS)}.")
    summary = summarise(frame)
    width = None if wide else width_here()
    tables = [layout.detail(view, columns or summary.metrics, prior) for view in summary.views]
    return terminal.write_all(tables, width, prior)


def as_json(frame: pd.DataFrame) -> str:
    """Write the summary of scores as JSON: one object per data set, condition and method."""
    return dump(summarise(frame).frame().to_dict("records"))
