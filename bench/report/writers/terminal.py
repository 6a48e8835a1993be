"""Tables as text for a terminal: means first, intervals second, no wider than asked."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Sequence

from tabulate import tabulate

from bench.report.layout import PRIOR, Entry, Table
from bench.report.names import plain

BOLD, END = "\x1b[1m", "\x1b[0m"
LEADING = "*"
"""Follows a mean of the leading group; colours and weights are lost in a file."""
GAP, PADDING = 2, 2
"""Spaces between columns, and those that tabulate leaves next to a heading."""
HEADING = 12
"""Characters of a heading's line, where its words allow it."""


def write(
    table: Table, width: int | None = None, prior: bool = False, bold: bool | None = None
) -> str:
    """Write a table.

    Parameters
    ----------
    table : Table
    width : int or None
        Characters of a line; columns that do not fit are left out and named below. None leaves out
        none.
    prior : bool
        Show prior information and training data.
    bold : bool or None
        Set the leading group in bold; None does so where standard output is a terminal.

    Returns
    -------
    str
    """
    return write_all([table], width, prior, bold)


def write_all(
    tables: Sequence[Table],
    width: int | None = None,
    prior: bool = False,
    bold: bool | None = None,
) -> str:
    """Write tables one below the other; what is said of all of them is said once, at the end.

    The parameters are those of :func:`write`.
    """
    bold = sys.stdout.isatty() if bold is None else bold
    texts: list[str] = []
    names: dict[str, str] = {}
    dropped: dict[str, None] = {}
    for table in tables:
        text, left_out = _write(table, width, prior, bold)
        texts.append(text)
        names |= {line.label: line.name for line in table.lines if line.name}
        dropped |= dict.fromkeys(left_out)
    below = ["; ".join(f"{label}: {name}" for label, name in names.items()) + "."] if names else []
    if dropped:
        below.append(
            f"Not shown, for the line is {width} characters wide: {', '.join(dropped)}. "
            "--wide shows all, --columns chooses."
        )
    end = "\n".join(_filled(note, width) for note in below)
    gap = "\n" if len(tables) == 1 else "\n\n"
    return gap.join(filter(None, ["\n\n".join(texts), end]))


def _write(table: Table, width: int | None, prior: bool, bold: bool) -> tuple[str, list[str]]:
    """Return a table with what holds for it alone, and the headings that did not fit."""
    columns = _columns(table, prior)
    shown, dropped = _fit(columns, len(max((line.label for line in table.lines), key=len)), width)
    headers = ["method", *(_wrapped(heading) for heading, _ in shown)]
    lines = [
        [line.label, *(texts[place] for _, texts in shown)]
        for place, line in enumerate(table.lines)
    ]
    text = tabulate(lines, headers=headers, tablefmt="simple", disable_numparse=True)
    if bold:
        text = "\n".join(_embolden(line) for line in text.splitlines())
    starred = any(entry.bold for line in table.lines for entry in line.entries)
    below = [f"{LEADING} leading group"] if starred else []
    below += [plain(note) for note in table.notes]
    wrapped = [_filled(note, width) for note in below]
    return "\n".join([plain(table.title), text, *wrapped]), dropped


def _filled(note: str, width: int | None) -> str:
    return textwrap.fill(note, width or 100, subsequent_indent="  ")


def _columns(table: Table, prior: bool) -> list[tuple[str, list[str]]]:
    """Return headings and texts: means, then remarks, then intervals, then what was asked for."""
    means: list[tuple[str, list[str]]] = []
    words: list[tuple[str, list[str]]] = []
    intervals: list[tuple[str, list[str]]] = []
    asked: list[tuple[str, list[str]]] = []
    for place, column in enumerate(table.columns):
        entries = [line.entries[place] for line in table.lines]
        heading = f"{column.span} {column.heading}".strip()
        if column.heading == PRIOR:
            asked += [(heading, [entry.text for entry in entries])] if prior else []
            continue
        if not any(entry.text for entry in entries):
            continue
        (words if column.optional else means).append((heading, [_text(entry) for entry in entries]))
        if any(entry.interval for entry in entries):
            intervals.append(
                (
                    f"{heading.removesuffix(' ↑').removesuffix(' ↓')} 95 %",
                    [e.interval for e in entries],
                )
            )
    return [*means, *words, *intervals, *asked]


def _fit(
    columns: Sequence[tuple[str, list[str]]], label: int, width: int | None
) -> tuple[list[tuple[str, list[str]]], list[str]]:
    """Take columns from the left as long as they fit, and name the others."""
    shown, dropped, used = [], [], max(label, len("method") + PADDING)
    for heading, texts in columns:
        head = max(map(len, _wrapped(heading).splitlines())) + PADDING
        own = max(head, *map(len, texts)) + GAP
        if width is None or used + own <= width:
            shown.append((heading, texts))
            used += own
        else:
            dropped.append(heading)
    return shown, dropped


def _wrapped(heading: str) -> str:
    return "\n".join(textwrap.wrap(heading, HEADING, break_long_words=False))


def _text(entry: Entry) -> str:
    return f"{entry.text}{LEADING}" if entry.bold else entry.text


def _embolden(line: str) -> str:
    words = line.split(" ")
    return " ".join(f"{BOLD}{w}{END}" if w.endswith(LEADING) and len(w) > 1 else w for w in words)
