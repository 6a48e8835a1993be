"""Reading and writing ``scores.csv``, whatever its names and reasons hold.

Written, a row is one line: control characters stand as escapes such as ``\\r``, and a text that a
spreadsheet would run as a formula has an apostrophe before it, which reading takes away again.
Neither is refused, because a reason may say anything and must not cost a finished run.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.errors import BenchError

LABEL = ("dataset", "condition", "method", "image")
"""Columns that name a row."""

NEEDED = (*LABEL, "kind", "status", "psnr")
"""Columns without which a file is no table of scores; others may lack in an older version's."""

TEXT = (
    *("dataset", "condition", "method", "kind", "image", "kernel_id", "status", "reason"),
    *("parameters", "prior", "method_version", "metric_version", "origin"),
)
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, and the halves of characters that no file holds."""

FORMULA = re.compile("'*[=+@-]")
GUARDED = re.compile("'+[=+@-]")
MERGE = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)


def printable(text: str) -> str:
    """Replace control characters by their escapes.

    Examples
    --------
    >>> print(printable("10 %\\r20 %"))
    10 %\\r20 %
    """
    return CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)


def escaped(frame: pd.DataFrame) -> pd.DataFrame:
    """Replace control characters in the columns of text."""
    texts = {name: frame[name].map(_printable_if_text) for name in TEXT if name in frame}
    return frame.assign(**texts)


def _printable_if_text(value: object) -> object:
    return printable(value) if isinstance(value, str) else value


def encode(frame: pd.DataFrame) -> str:
    """Write a table of scores as CSV, one line per row."""
    frame = escaped(frame)
    for name in [name for name in TEXT if name in frame]:
        frame[name] = [
            f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value
            for value in frame[name]
        ]
    return frame.to_csv(index=False, lineterminator="\n")


def decode(path: Path, columns: Sequence[str], whole: Sequence[str]) -> pd.DataFrame:
    """Read a table of scores.

    Parameters
    ----------
    path : Path
    columns : sequence of str
        Wanted; what an older version's file lacks is empty.
    whole : sequence of str
        Columns of whole numbers.

    Raises
    ------
    BenchError
        If the file is no table of scores; it names the first row that is wrong.
    """
    frame = _parse(path)
    if lacking := [name for name in NEEDED if name not in frame.columns]:
        raise BenchError(
            f"{path} lacks the columns {', '.join(lacking)}; it is no table of scores."
        )
    frame = frame.reindex(columns=[*columns, *frame.columns.difference(list(columns), sort=False)])
    for name in columns:
        if name in TEXT:
            texts = frame[name].fillna("").map(printable)
            frame[name] = [text[1:] if GUARDED.match(text) else text for text in texts]
        else:
            frame[name] = _numbers(path, name, frame[name].tolist(), name in whole)
    for name in (*LABEL, "status"):
        if empty := [row for row, text in enumerate(frame[name]) if not text]:
            raise BenchError(f"{path} is no table of scores: row {empty[0] + 1} has no {name}.")
    _refuse_duplicates(path, frame)
    return frame


def _parse(path: Path) -> pd.DataFrame:
    """Split the file into fields, all of them text."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise BenchError(f"{path} is no table of scores: it cannot be read ({error}).") from error
    if MERGE.search(text):
        raise BenchError(
            f"{path} is no table of scores: it holds the marks of a merge with conflicts. Settle "
            "them, or restore the file from a commit."
        )
    if text.partition("\n")[0].endswith("\r"):  # written again by a program for Windows
        text = text.replace("\r\n", "\n")
    try:
        with warnings.catch_warnings():
            # A row with more fields than there are columns is cut off with a warning.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # Only a line feed ends a row: a carriage return may stand in a reason.
            return pd.read_csv(
                io.StringIO(text),
                dtype=str,
                keep_default_na=False,
                index_col=False,
                lineterminator="\n",
            )
    except (ValueError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
        reason = str(error).strip().rstrip(".")
        raise BenchError(f"{path} is no table of scores: {reason}.") from error


def _numbers(path: Path, name: str, texts: Sequence[object], whole: bool) -> list[float]:
    """Convert a column of numbers; an empty field is NaN."""
    values = []
    for row, text in enumerate(texts):
        try:
            value = float(text or "nan")  # type: ignore[arg-type]
        except (TypeError, ValueError):
            value = None
        if value is None or (whole and value == value and not value.is_integer()):
            raise BenchError(
                f"{path} is no table of scores: {name} is {str(text)[:40]!r} in row {row + 1}, "
                f"which is no {'whole ' if whole else ''}number."
            )
        values.append(value)
    return values


def _refuse_duplicates(path: Path, frame: pd.DataFrame) -> None:
    labels = list(LABEL)
    again = frame.duplicated(labels)
    if again.any():
        names = " / ".join(frame[labels][again].iloc[0])
        raise BenchError(
            f"{path} has the row {names!r} twice ({again.sum()} rows too many); a mean would count "
            "it twice. Take out the rows that are too many, or restore the file."
        )
