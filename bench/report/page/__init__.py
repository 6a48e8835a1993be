"""One HTML file that shows a results folder, with everything it needs inside it.

The page loads nothing: styles, scripts, the charting library, thumbnails and the CSV files are
all in the file. It says nothing that the folder does not say, and holds no date of its own, so the
same folder always gives the same page.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
from pathlib import Path
from typing import Any

import jinja2
from bokeh.resources import Resources
from markupsafe import Markup

from bench.errors import BenchError
from bench.harness import scores
from bench.harness.columns import METRICS
from bench.report import looks, sweeps
from bench.report.names import KIND_NOTES, prior_information, title
from bench.report.page import figures, pairs, pictures, rows
from bench.report.summary import Summary, summarise

MOST_BYTES = 32 * 2**20
"""Of a file that the page holds; of a larger one it says where it lies."""
VIEW_KEYS = ("id", "label", "dataset", "condition")
"""What the scripts know of a view; its table is HTML already."""


def build_page(results: Path, summary: Summary | None = None) -> str:
    """Build the page of a results folder.

    Parameters
    ----------
    results : Path
        With ``scores.csv`` and, where they exist, ``provenance.json``, ``gallery/`` (see
        :mod:`bench.report.gallery`) and ``sweeps/noise/scores.csv`` and
        ``sweeps/blur-length/scores.csv``.
    summary : Summary, optional
        Of these scores, where the caller has it: it takes most of the time.

    Returns
    -------
    str
        A whole HTML document, the same for the same folder.

    Raises
    ------
    BenchError
        If there are no scores, or a file is not what its name says.
    """
    frame = scores.read(results)
    if frame.empty:
        raise BenchError(f"{results} has no cells to show; start a run first.")
    files = {"scores.csv": results / "scores.csv"}
    charts: list[dict[str, Any]] = []
    kinds: dict[str, str] = dict(zip(frame["method"], frame["kind"], strict=True))
    for name, cells in sweeps.find(results, frame).items():
        kinds |= dict(zip(cells["method"], cells["kind"], strict=True))
        charts += figures.charts(cells, name)
        path = results / "sweeps" / name / "scores.csv"
        if path.exists():
            files[f"sweep-{name}.csv"] = path
    summary = summary or summarise(frame)
    views = rows.views(summary)
    mosaics = pictures.Mosaics(results / "gallery")
    groups = pictures.groups(results, frame, mosaics)
    for group in groups:
        kinds |= {name: entry["kind"] for name, entry in group["methods"].items()}
    methods = describe(kinds)
    held = {name: path for name, path in files.items() if path.stat().st_size <= MOST_BYTES}
    compared = pairs.encode(summary, [view["id"] for view in views])
    data = {
        "methods": methods,
        "metrics": [_metric(name) for name in summary.metrics],
        "views": [{key: view[key] for key in VIEW_KEYS} for view in views],
        "charts": charts,
        "groups": groups,
        "mosaics": mosaics.encoded,
        "pairs": _packed(_json(compared).encode()) if compared else None,
        "files": [
            {"name": name, "gzip": _packed(path.read_bytes())} for name, path in held.items()
        ],
    }
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            data=_json(data),
            palette=looks.palette(),
            bokeh=_charting_library(),
            views=views,
            overview=rows.overview(summary, views),
            groups=groups,
            charts=charts,
            pairs=compared,
            metric_words=[_metric(name) for name in summary.metrics],
            metrics=METRICS,
            methods={method["name"]: method for method in methods},
            kinds={"method": "blind methods", "replay": "replays", "oracle": "oracles"},
            kind_notes=KIND_NOTES,
            files=held,
            apart=[path.relative_to(results) for name, path in files.items() if name not in held],
            runs=_provenance(results),
            cells=len(frame),
            metric_versions=sorted(frame["metric_version"].dropna().unique()),
        )
    )


def describe(kinds: dict[str, str]) -> list[dict[str, Any]]:
    """Name, kind and look of every method, in the tables' order."""
    return [
        {
            "name": name,
            "kind": kinds[name],
            "title": title(name),
            "knows": prior_information(name, kinds[name]),
            "colour": look.colour,
            "dash": look.dash,
        }
        for name, look in looks.looks(kinds).items()
    ]


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("bench.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"infinity": math.inf, "wbr": Markup("<wbr>")}
    return environment


def _json(data: Any) -> Markup:
    """Write JSON that cannot end the script element that holds it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))


def _charting_library() -> Markup:
    """BokehJS with its plotting interface, as the installed package ships it."""
    raw = Resources(mode="inline", components=["bokeh", "bokeh-api"]).js_raw
    # The last part sets how much is logged, and logs that; charts.js does it in silence.
    scripts = [part for part in raw if not part.startswith("Bokeh.set_log_level")]
    return Markup("\n".join(scripts).replace("</script", "<\\/script"))


def _packed(content: bytes) -> str:
    """Return bytes as base64 of gzip; without a date, so that the same bytes give the same text."""
    return base64.b64encode(gzip.compress(content, mtime=0)).decode()


def _metric(name: str) -> dict[str, Any]:
    metric = METRICS[name]
    return {
        "name": name,
        "label": metric.heading,
        "unit": metric.unit,
        "digits": metric.table_digits,
        "larger": metric.larger_is_better,
        "headline": metric.headline,
    }


def _provenance(results: Path) -> list[dict[str, Any]]:
    path = results / "provenance.json"
    if not path.exists():
        return []
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise BenchError(f"{path} is not JSON ({error}); restore it from the commit.") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise BenchError(f"{path} is no list of runs; restore it from the commit.")
    return entries
