"""Beside the means: all metrics, medians, failures, kernel sizes, seeds, prior information."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.errors import BenchError
from bench.harness import interview
from bench.harness.columns import METRICS
from bench.protocol import Status
from bench.registry import METHODS
from bench.report import layout
from bench.report.looks import BASELINE
from bench.report.names import escape, full_name, method_order, prior_information
from bench.report.ranking import RANKED
from bench.report.statistics import bootstrap_mean
from bench.report.summary import Row, Summary, View
from bench.report.tables import EXPLANATION
from bench.report.writers import markdown as writer

STRATA = ("small kernels", "middle", "large kernels")
RATIOS = (1.5, 2.0, 3.0, 5.0)
SPREAD = (
    "*Failures*: share of images that score below the blurred input. Kernels are ranked by their "
    "spread (root mean squared distance from the centroid) and cut in thirds; *within r*: share of "
    "images whose squared error is at most r times that of known-kernel total variation."
)


def markdown(frame: pd.DataFrame, summary: Summary) -> str:
    """Write all of it, view by view."""
    sections = ["# Details", EXPLANATION, SPREAD]
    for view in summary.views:
        sections += [escape(f"## {view.dataset}, {view.condition}")]
        sections.append(writer.write(layout.detail(view, summary.metrics)))
        sections += _spread(view)
    sections += _pooled(summary)
    sections += _seeds(frame)
    sections += ["## Methods", _methods(summary)]
    return "\n\n".join(sections) + "\n"


def _spread(view: View) -> list[str]:
    """Return medians, failures, thirds and error ratios of the methods that have all images."""
    cells = view.cells[view.cells["status"] == Status.OK]
    rows = [row for row in view.rows if row.comparable and row.means[RANKED].known]
    if not rows or view.images < len(STRATA):
        return []
    blurry = cells[cells["method"] == BASELINE].set_index("image")[RANKED].astype(float)
    lines = [
        _spread_line(row, cells[cells["method"] == row.method].set_index("image"), blurry)
        for row in rows
    ]
    headers = [
        *("method", "median", "lowest tenth", "failures", *STRATA),
        *(f"within {limit:g}" for limit in RATIOS),
    ]
    return [f"{METRICS[RANKED].label}, and error ratios:", writer.grid(lines, headers)]


def _spread_line(row: Row, cells: pd.DataFrame, blurry: pd.Series) -> list[str]:
    values = cells[RANKED].astype(float)
    input_ = blurry.reindex(values.index)
    known = row.method != BASELINE and input_.notna().all()
    means = values.groupby(_thirds(cells["kernel_spread"].astype(float)), observed=True).mean()
    ratio = cells["error_ratio"].astype(float)
    return [
        escape(full_name(row.method)),
        f"{values.median():.2f}",
        f"{values.quantile(0.1):.2f}",
        f"{100 * (values < input_).mean():.0f} %" if known else "–",
        *("–" if np.isnan(mean) else f"{mean:.2f}" for mean in means.reindex(STRATA)),
        *(f"{100 * (ratio <= r).mean():.0f} %" if ratio.notna().all() else "–" for r in RATIOS),
    ]


def _thirds(spread: pd.Series) -> pd.Series:
    """Name the third of the kernels that each is in; none where their sizes are not known."""
    if spread.isna().any():
        return pd.Series(None, index=spread.index, dtype=pd.CategoricalDtype(list(STRATA)))
    return pd.qcut(spread.rank(method="first"), 3, labels=STRATA)


def _pooled(summary: Summary) -> list[str]:
    """Return the means over data sets that share their kernels, with images drawn by kernel."""
    views = [view for view in layout.shown(summary) if not view.clustered]
    kernels = [set(view.cells["kernel_id"]) for view in views]
    pooled = [
        view
        for view, own in zip(views, kernels, strict=True)
        if sum(bool(own & other) and "" not in own for other in kernels) > 1
    ]
    lines = []
    for row in pooled[0].rows if len(pooled) > 1 else ():
        same = [view.by_method.get(row.method) for view in pooled]
        if not all(r is not None and r.comparable and r.means[RANKED].known for r in same):
            continue
        cells = pd.concat([v.cells[v.cells["method"] == row.method] for v in pooled])
        values = cells[RANKED].to_numpy(float)
        mean, low, high = bootstrap_mean(values, clusters=cells["kernel_id"].tolist())
        name = escape(full_name(row.method))
        lines.append([name, len(cells), f"{mean:.2f} [{low:.2f}, {high:.2f}]"])
    if not lines:
        return []
    count = len(set().union(*(set(view.cells["kernel_id"]) for view in pooled)))
    names = ", ".join(view.dataset for view in pooled)
    text = f"{names} share their kernels, so images are drawn by kernel: {count} clusters."
    headers = ["method", "n", f"{METRICS[RANKED].label}, clustered interval"]
    return ["## Pooled over data sets", text, writer.grid(lines, headers)]


def _seeds(frame: pd.DataFrame) -> list[str]:
    done = frame[frame["status"] == Status.OK]
    bare = done["condition"].str.replace(layout.SEED, "", regex=True)
    done = done.assign(bare=bare)
    lines = []
    seeds = sorted(done["seed"].dropna().unique())
    for (dataset, condition, method), cells in done.groupby(["dataset", "bare", "method"]):
        table = cells.pivot_table(index="image", columns="seed", values=RANKED).dropna()
        if table.shape[1] < 2 or not len(table):
            continue
        means = table.mean().reindex(seeds)
        shown = ["–" if np.isnan(mean) else f"{mean:.2f}" for mean in means]
        where = escape(f"{dataset}, {condition}")
        lines.append([where, method, len(table), *shown, f"{means.std():.2f}"])
    if not lines:
        return ["## Seeds", "There is one seed; `--seed 0,1,2` adds others."]
    headers = ["data set", "method", "n", *(f"seed {s}" for s in seeds), "standard deviation"]
    text = (
        "The seed draws the noise and whatever a method draws; means are over the images that all "
        "seeds have."
    )
    return ["## Seeds", text, writer.grid(lines, headers)]


def _methods(summary: Summary) -> str:
    """Full names, kinds, prior information and references."""
    origins = {row.method: row.origin for view in summary.views for row in view.rows}
    lines = []
    for method in method_order(summary.kinds):
        kind = summary.kinds[method]
        knows = prior_information(method, kind, origins[method])
        lines.append(
            [escape(text) for text in (full_name(method), kind, knows, _reference(method))]
        )
    return writer.grid(lines, ["method", "kind", layout.PRIOR, "reference"])


def _reference(method: str) -> str:
    name = method.partition("[")[0]
    try:
        return (name in METHODS.entries and interview.introduce(name).reference) or "–"
    except BenchError:
        return "–"
