"""Contact sheets: observation, every method's image and kernel, truth, side by side."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from bench.files import slug, write_atomically
from bench.harness.score_table import LABEL, printable
from bench.harness.store import Row, Store
from bench.physics.observation import Observed, observe
from bench.protocol import Dataset, Status
from bench.report.gallery import spread
from bench.report.mosaic import thumbnail
from bench.report.names import method_order
from bench.report.plain import plain_figures

PANEL_INCHES = 1.35
KERNEL_SHARE = 0.27
"""Width of a kernel's inset as a share of its panel."""


def write_sheets(
    store: Store,
    open_dataset: Callable[[str], Dataset],
    folder: Path,
    scores: pd.DataFrame,
    images: int = 6,
) -> list[Path]:
    """Draw a sheet for every dataset and condition in a store.

    A sheet that is there is left as it is where the store lacks restorations that have scores, as a
    clone of a published record's does. One that cannot be drawn costs a notice and no more. Cells
    that never ran are not shown.

    Parameters
    ----------
    store : Store
    open_dataset : callable
        Returns the dataset of a name.
    folder : Path
        Where the PNG files go.
    scores : DataFrame
        Of the results folder.
    images : int
        Rows of a sheet, spread evenly over the dataset.

    Returns
    -------
    list of Path
        Of the sheets drawn.
    """
    rows_of: dict[tuple[str, str], list[Row]] = {}
    restored: set[tuple[str, ...]] = set()
    for row in (row for row in store.each() if row.status != Status.PENDING):
        rows_of.setdefault((row.columns["dataset"], row.columns["condition"]), []).append(row)
        if row.status == Status.OK:
            restored.add(tuple(printable(row.columns[name]) for name in LABEL))
    scored = scores.loc[scores["status"] == Status.OK, list(LABEL)].itertuples(index=False)
    elsewhere = {tuple(cell[:2]) for cell in scored if tuple(cell) not in restored}
    several = {name for name, _ in rows_of if sum(name == other for other, _ in rows_of) > 1}
    paths = []
    for (name, condition), rows in rows_of.items():
        suffix = condition.replace(" ", "-").replace(",", "") if name in several else ""
        path = folder / f"{slug('-'.join(filter(None, [name, suffix])))}.png"
        if path.exists() and (name, condition) in elsewhere:
            continue
        try:
            write_atomically(path, _draw(store, open_dataset(name), rows, images))
        except Exception as error:  # whatever drawing meets, the scores are worth more
            notice = f"{path} is not drawn: {type(error).__name__}: {error}"
            print(f"bench: {printable(notice)}", file=sys.stderr)
            continue
        paths.append(path)
    return paths


@plain_figures()
def _draw(store: Store, dataset: Dataset, rows: Sequence[Row], images: int) -> bytes:
    from matplotlib.figure import Figure  # half a second that only this needs

    indices = sorted({row.index for row in rows})
    shown = spread(indices, images)
    methods = method_order({row.columns["method"]: row.columns["kind"] for row in rows})
    cells = {(row.columns["method"], row.index): row for row in rows}
    condition = rows[0].condition
    titles = ["observation", *methods, "truth"]
    figure = Figure(
        figsize=(PANEL_INCHES * len(titles), PANEL_INCHES * len(shown) + 0.5), layout="constrained"
    )
    figure.suptitle(f"{dataset.name}, {condition}", fontsize=9)
    axes = figure.subplots(len(shown), len(titles), squeeze=False)
    for line, index in zip(axes, shown, strict=True):
        observed = observe(dataset, index, condition)
        _panel(line[0], observed.observation)
        line[0].set_ylabel(observed.sample.name, fontsize=7)
        for axis, method in zip(line[1:-1], methods, strict=True):
            _cell(axis, store, cells.get((method, index)))
        _truth(line[-1], observed)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=7)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    return buffer.getvalue()


def _cell(axis: Any, store: Store, row: Row | None) -> None:
    if row is None or row.status != Status.OK:
        _panel(axis, torch.full((3, 8, 8), 0.93))
        axis.text(
            0.5, 0.5, row.status if row else "not run", transform=axis.transAxes, fontsize=7,
            ha="center", va="center", color="0.35",
        )  # fmt: skip
        return
    restoration = store.restoration(row.id)
    _panel(axis, restoration.image[0])
    if restoration.kernel is not None:
        _inset(axis, restoration.kernel[0])


def _truth(axis: Any, observed: Observed) -> None:
    _panel(axis, observed.sample.image)
    if not bool(observed.sample.kernel.isnan().any()):
        _inset(axis, observed.sample.kernel)


def _panel(axis: Any, image: Tensor) -> None:
    pixels = thumbnail(image)  # no finer than its panel: a figure of photographs is too large
    assert pixels is not None
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        axis.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    else:
        axis.imshow(pixels, interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def _inset(axis: Any, kernel: Tensor) -> None:
    """Show a kernel in the lower right corner, scaled to its own maximum."""
    inset = axis.inset_axes((1 - KERNEL_SHARE, 0, KERNEL_SHARE, KERNEL_SHARE))
    inset.imshow(kernel.numpy(), cmap="gray", vmin=0, interpolation="nearest")
    inset.set(xticks=[], yticks=[])
    inset.spines[:].set_color("0.6")
