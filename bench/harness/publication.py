"""A results folder in the form that Hugging Face's dataset viewer opens: Parquet files and a card.

Nothing is uploaded. The folder can be pushed by its owner, or read by anything that reads Parquet.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pandas as pd

from bench import __version__
from bench.errors import InvalidInput, Unavailable
from bench.files import check_place, write_atomically
from bench.harness import scores
from bench.harness.columns import METRICS

CARD = """\
---
license: other
license_name: scores-mit-images-research-only
pretty_name: Blind image deblurring scores
tags: [deblurring, blind-deconvolution, inverse-problems, benchmark]
task_categories: [image-to-image]
configs:
- config_name: scores
  default: true
  data_files: scores.parquet
- config_name: means
  data_files: means.parquet
---

# Scores of blind image deblurring

{rows} cells: {methods} methods on {images} images of {datasets} data sets, measured by
blind-deblurring-bench {version}. A cell is one image under one condition restored by one method.

- `scores`: a row per cell. `status` is `ok`, or says why there is no score, with `reason`.
- `means`: a row per data set, condition and method, with `n` of `cells` scored. A mean is missing
  where cells are: nothing is averaged over missing ones.

| column | what it is | better |
|---|---|---|
{columns}

`kind` is `method` (blind), `oracle` (is given the truth) or `replay` (published outputs). Never
rank an oracle with the blind methods. Rows of different conditions see different observations.
"""


def publish(results: Path, folder: Path) -> list[Path]:
    """Write scores, means and a dataset card.

    Parameters
    ----------
    results : Path
        A results folder with its ``scores.csv``.
    folder : Path
        Created if need be; must not hold a card of something else.

    Returns
    -------
    list of Path
        ``scores.parquet``, ``means.parquet`` and ``README.md``.

    Raises
    ------
    Unavailable
        If pyarrow is not installed.
    InvalidInput
        If the folder has another README.
    BenchError
        If there are no scores, or the folder cannot be written.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise Unavailable(
            "Parquet files need pyarrow: pip install 'blind-deblurring-bench[interchange]'."
        )
    frame = scores.read(results)
    card = folder / "README.md"
    check_place(card)
    if card.exists() and "blind-deblurring-bench" not in card.read_text(errors="replace"):
        raise InvalidInput(f"{card} is there already and is another's; choose another folder.")
    tables = {"scores": _plain(frame), "means": _means(frame)}
    paths = []
    for name, table in tables.items():
        paths.append(folder / f"{name}.parquet")
        write_atomically(paths[-1], table.to_parquet(None, index=False))
    write_atomically(card, _card(frame))
    return [*paths, card]


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return columns of text and numbers alone: categories and enumerations are this project's."""
    found = frame.copy()
    for name in found.columns:
        if not pd.api.types.is_numeric_dtype(found[name]):
            found[name] = [None if pd.isna(value) else str(value) for value in found[name]]
    return found


def _means(frame: pd.DataFrame) -> pd.DataFrame:
    metrics = [name for name in METRICS if name in frame]
    rows = []
    keys = ["dataset", "condition", "kind", "method"]
    for values, group in frame.groupby(keys, sort=False, observed=True):
        done = group[group["status"].astype(str) == "ok"]
        row: dict[str, Any] = dict(zip(keys, map(str, values), strict=True))
        row |= {"n": len(done), "cells": len(group)}
        for name in metrics:
            whole = len(done) == len(group) and done[name].notna().all()
            row[name] = float(done[name].mean()) if whole else None
        rows.append(row)
    return pd.DataFrame(rows)


def _card(frame: pd.DataFrame) -> str:
    columns = [
        f"| `{name}` | {metric.heading} | {'more' if metric.larger_is_better else 'less'} |"
        for name, metric in METRICS.items()
        if name in frame
    ]
    return CARD.format(
        rows=len(frame),
        methods=frame["method"].nunique(),
        images=len(frame[["dataset", "image"]].drop_duplicates()),
        datasets=frame["dataset"].nunique(),
        version=__version__,
        columns="\n".join(columns),
    )
