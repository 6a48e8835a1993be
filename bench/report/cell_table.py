"""Tables with a row per cell next to ``scores.csv``: read whole, or refused in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.errors import BenchError

CELL = ["dataset", "condition", "method", "image"]
"""What a row is known by."""
TEXT = dict.fromkeys(("image", "kernel_id", "digest"), str)
"""Columns that would be taken for numbers."""


def read(path: Path, columns: Sequence[str], fault: str, command: str) -> pd.DataFrame:
    """Read a table.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        What it has to have; others are left out.
    fault, command : str
        What is wrong with one that has others, and what makes it, for the message.

    Returns
    -------
    DataFrame
        No rows if there is no such file.

    Raises
    ------
    BenchError
        If it has other columns, or is no table.
    """
    if not path.is_file():
        return pd.DataFrame(columns=[*columns])
    try:
        return pd.read_csv(path, dtype=TEXT)[[*columns]]
    except (KeyError, ValueError, pd.errors.ParserError) as error:
        raise BenchError(
            f"{path} {fault} ({error}); make it with 'python -m bench {command}'."
        ) from error
