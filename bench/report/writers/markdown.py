"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabulate import tabulate

from bench.report.layout import Entry, Table
from bench.report.names import code, escape

SPANS = 4
"""Data sets side by side; what is more goes into another table below."""


def grid(lines: Iterable[Sequence[object]], headers: Sequence[str]) -> str:
    """Lay out texts as a table, as they are."""
    return tabulate(lines, headers=headers, tablefmt="github", disable_numparse=True)


def write(table: Table) -> str:
    """Write a table with its notes; the method's full name stands in the second column."""
    headers = ["method", "name", *(column.heading for column in table.columns)]
    empty = {
        place
        for place, _ in enumerate(table.columns)
        if all(not line.entries[place].text for line in table.lines)
    }
    lines = [
        [escape(line.label), escape(line.name), *(_text(entry) for entry in line.entries)]
        for line in table.lines
    ]
    kept = [place for place in range(len(headers)) if place - 2 not in empty]
    if not any(line.name for line in table.lines):
        kept.remove(1)
    text = grid([[line[i] for i in kept] for line in lines], [headers[i] for i in kept])
    return "\n\n".join([text, *notes(table)])


def write_wide(table: Table) -> list[str]:
    """Write a table whose columns have spans: at most :data:`SPANS` of them side by side."""
    spans = list(dict.fromkeys(column.span for column in table.columns))
    blocks = []
    for start in range(0, len(spans), SPANS):
        chosen = spans[start : start + SPANS]
        places = [i for i, column in enumerate(table.columns) if column.span in chosen]
        headers = [
            "method",
            *(f"{escape(table.columns[i].span)}<br>{table.columns[i].heading}" for i in places),
        ]
        lines = [
            [_name(line.label, line.name, line.kind), *(_text(line.entries[i]) for i in places)]
            for line in table.lines
            if any(line.entries[i].text != "–" for i in places)
        ]
        blocks.append(grid(lines, headers))
    return [*blocks, *notes(table)]


def notes(table: Table) -> list[str]:
    """Return paragraphs below a table: what is a list stays together."""
    plain = [note for note in table.notes if not note.startswith("- ")]
    listed = [note for note in table.notes if note.startswith("- ")]
    return [*plain, *(["\n".join(listed)] if listed else [])]


def _name(label: str, name: str, kind: str) -> str:
    text = f"{escape(name)} ({code(label)})" if name else code(label)
    return text if kind == "method" else f"{text}, {kind}"


def _text(entry: Entry) -> str:
    text = f"**{entry.text}**" if entry.bold else escape(entry.text)
    return f"{text} {entry.interval}" if entry.interval else text
