"""Scores in Markdown: one table per data set and condition, as a results folder holds it."""

from __future__ import annotations

import pandas as pd

from bench.report import layout
from bench.report.names import escape
from bench.report.summary import Summary, summarise
from bench.report.writers import markdown as writer

EXPLANATION = (
    "Means over images; arrows say which way is better. "
    f"{layout.INTERVALS} {layout.LEADING} "
    "*Centroid-aligned PSNR* is taken after image and kernel were shifted oppositely until the "
    "kernel's centroid is central, without the truth. Seconds are per image, amortised over a "
    "batch, on the machine that `provenance.json` names."
)


def markdown(scores: pd.DataFrame | Summary) -> str:
    """Lay out scores as Markdown, one table per dataset and condition.

    Parameters
    ----------
    scores : DataFrame or Summary
        As ``scores.collect`` or ``scores.read`` returns it, or the summary of it.

    Returns
    -------
    str
        Means over images with n and a 95 % bootstrap interval. Where cells are missing the mean
        is withheld and ``n/N`` is printed in its place, with the reasons below the table.
    """
    summary = scores if isinstance(scores, Summary) else summarise(scores)
    sections = []
    for view in summary.views:
        table = layout.detail(view, summary.metrics)
        sections.append(f"{escape(f'## {table.title}')}\n\n{writer.write(table)}")
    return "\n\n".join(["# Scores", EXPLANATION, *sections]) + "\n"
