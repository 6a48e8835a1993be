"""Tables between a summary and its writers: what stands in which column, as text."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from bench.harness.columns import METRICS
from bench.report.names import method_order, prior_information
from bench.report.ranking import FEWEST, MARGIN, RANKED
from bench.report.summary import Mean, Row, Summary, View

PRIOR = "prior information and training data"
SEED = re.compile(r",? ?seed (\d+)")
LEADING = (
    "Bold: the leading group of the blind methods, which is the best mean PSNR and whatever is not "
    f"significantly more than {MARGIN:g} dB below it (paired permutation test, 5 %, Holm's "
    f"correction). None is claimed below {FEWEST} images or {FEWEST} kernels."
)
INTERVALS = (
    "Brackets are 95 % bootstrap intervals, drawn by kernel where images share kernels. *n/N* in "
    "place of a mean: cells are missing, and nothing is averaged over them."
)


@dataclasses.dataclass(frozen=True)
class Entry:
    """What stands in one cell of a table."""

    text: str
    interval: str = ""
    bold: bool = False


@dataclasses.dataclass(frozen=True)
class Column:
    """A column; ``span`` is the heading above it, which neighbours may share."""

    heading: str
    span: str = ""
    optional: bool = False
    """Whether a narrow terminal may leave it out."""


@dataclasses.dataclass(frozen=True)
class Line:
    """A row of a table: a method's label, full name and kind, and an entry per column."""

    label: str
    name: str
    kind: str
    entries: tuple[Entry, ...]


@dataclasses.dataclass(frozen=True)
class Table:
    """A table ready to be written; ``notes`` are sentences in Markdown that belong below it."""

    title: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()


def entry(mean: Mean, metric: str, row: Row | None) -> Entry:
    """Write a mean, or why there is none."""
    if row is None:
        return Entry("–")
    if not mean.known:
        return Entry("–" if row.state == "whole" else row.count)
    digits = METRICS[metric].table_digits
    value = f"{mean.value:.{digits}f}"
    if mean.exact == mean.n:
        return Entry("∞")
    if mean.exact:
        return Entry(f"∞ ({mean.exact} of {mean.n} exact, else {value})")
    interval = f"[{mean.low:.{digits}f}, {mean.high:.{digits}f}]"
    return Entry(value, interval, bold=metric == RANKED and row.leading is True)


def seconds(row: Row) -> str:
    """Return the seconds per image; a tilde marks those of a machine that did other work
    meanwhile."""
    if row.seconds is None:
        return "–"
    return f"{'~' if row.contended else ''}{row.seconds:.2g}"


def measured(views: Sequence[View], metrics: Sequence[str]) -> list[str]:
    """Return the metrics that some row has a mean of; where none has, those that need the truth."""
    rows = [row for view in views for row in view.rows]
    found = [name for name in metrics if any(row.means[name].known for row in rows)]
    return found or [name for name in metrics if METRICS[name].needs_truth] or list(metrics)


def detail(view: View, metrics: Sequence[str], prior: bool = True) -> Table:
    """Lay out one view: methods down, the metrics that it has across.

    What a method starts from hangs on its parameters, so that its class is imported to say it;
    without ``prior`` that column is left empty.
    """
    metrics = measured([view], metrics)
    columns = [
        Column("n"),
        *(Column(f"{METRICS[name].label} {METRICS[name].arrow}") for name in metrics),
        Column("s/image"),
        Column("remarks", optional=True),
        Column(PRIOR, optional=True),
    ]
    lines = []
    for row in view.rows:
        entries = [
            Entry(str(row.n) if row.comparable else row.count),
            *(entry(row.means[name], name, row) for name in metrics),
            Entry(seconds(row)),
            Entry("; ".join(mark.short for mark in row.marks if mark.short)),
            Entry(prior_information(row.method, row.kind, row.origin) if prior else ""),
        ]
        lines.append(Line(row.method, row.title, row.kind, tuple(entries)))
    notes = [view.notice] if view.notice else []
    notes += [f"No leading group: {view.claim}."] if view.claim else []
    if view.clustered:
        notes.append(
            f"{view.images} images share {view.kernels} kernels: intervals are over kernels."
        )
    notes += [f"- {mark.markdown}" for mark in view.marks]
    return Table(f"{view.dataset}, {view.condition}", tuple(columns), tuple(lines), tuple(notes))


def overview(summary: Summary, views: Sequence[View] | None = None) -> Table:
    """Lay views out as the paper's Table 1 has it: data sets across, methods down.

    Parameters
    ----------
    summary : Summary
    views : sequence of View, optional
        Default: :func:`shown`.
    """
    views = shown(summary) if views is None else views
    metrics = measured(views, summary.metrics)
    metrics = [name for name in metrics if METRICS[name].headline] or metrics
    columns = [
        Column(METRICS[name].heading, span=f"{label(view, views)} ({view.images})")
        for view in views
        for name in metrics
    ]
    lines = []
    for method, first in _first_rows(views).items():
        rows = [view.by_method.get(method) for view in views]
        entries = [_beside(row, name) for row in rows for name in metrics]
        lines.append(Line(method, first.title, first.kind, tuple(entries)))
    notes = [f"No leading group on {label(v, views)}: {v.claim}." for v in views if v.claim]
    notes += _repeated(views)
    return Table("Overview", tuple(columns), tuple(lines), tuple(notes))


def notices(views: Sequence[View]) -> list[str]:
    """Say what a reader has to know of each set, once; a list in Markdown, or nothing."""
    told = dict.fromkeys(f"- {view.dataset}: {view.notice}" for view in views if view.notice)
    return ["\n".join(told)] if told else []


def _beside(row: Row | None, metric: str) -> Entry:
    """Write a mean that stands next to others: none over fewer images than theirs."""
    if row is not None and row.state == "whole" and not row.comparable:
        return Entry(row.count)
    return entry(row.means[metric] if row else Mean(), metric, row)


def _repeated(views: Sequence[View]) -> list[str]:
    """Return marks of the overview's rows but for missing cells, each said once."""
    said: dict[str, list[str]] = {}
    for view in views:
        for mark in view.marks:
            if mark.word != "missing":
                said.setdefault(mark.markdown.rstrip("."), []).append(label(view, views))
    return [f"- {text} ({', '.join(where)})." for text, where in said.items()]


def shown(summary: Summary) -> list[View]:
    """Return the views of an overview: no generated images, and of several seeds the first.

    Where there is nothing else, generated images too.
    """
    found: dict[tuple[str, str], View] = {}
    for view in summary.views:
        if not view.notice:
            found.setdefault((view.dataset, SEED.sub("", view.condition)), view)
    return [*found.values()] or [*summary.views]


def label(view: View, views: Sequence[View]) -> str:
    """Name a view among others: by its data set, and its condition where that is needed."""
    several = sum(other.dataset == view.dataset for other in views) > 1
    return f"{view.dataset}, {SEED.sub('', view.condition)}" if several else view.dataset


def _first_rows(views: Sequence[View]) -> dict[str, Row]:
    """Return a row of every method, in the tables' order."""
    first: dict[str, Row] = {}
    for view in views:
        for row in view.rows:
            first.setdefault(row.method, row)
    return {name: first[name] for name in method_order({n: r.kind for n, r in first.items()})}
