"""What a missing alignment does to a score: ``registration.csv``.

Estimates of an image and its kernel are known up to opposite shifts, and true kernels are off
centre, so sets of photographs are scored after a registration to the truth. Papers that leave it
out, or a part of it, print other numbers for the same images. Here every finished restoration of
such a set is scored each way.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from bench.datasets.arrays import digest
from bench.errors import BenchError
from bench.files import write_atomically
from bench.harness import provenance, scores
from bench.harness.cells import Row
from bench.harness.scoring import truth
from bench.harness.store import Store
from bench.metrics import psnr
from bench.physics.alignment import align
from bench.physics.observation import told_size
from bench.protocol import Alignment, Dataset, Status
from bench.report import cell_table
from bench.report.cell_table import CELL

FILE = "registration.csv"
WAYS: dict[str, Callable[[Alignment], Alignment]] = {
    "whole": lambda full: Alignment(),
    "cropped": lambda full: Alignment(border=full.border),
    "pixels": lambda full: dataclasses.replace(full, step=1.0),
    "full": lambda full: full,
}
"""The whole image as it is; its interior as it is; after the best shift by whole pixels; and the
set's own procedure, with fractions of a pixel."""
COLUMNS = [*CELL, "kind", "kernel_id", "pixels_of_image", "digest", *WAYS]
DIGITS = 3


def measure(
    folder: Path, open_dataset: Callable[[str], Dataset], progress: bool = True
) -> pd.DataFrame:
    """Score a folder's restorations with and without their alignment, into ``registration.csv``.

    Parameters
    ----------
    folder : Path
        With its store: restorations are needed.
    open_dataset : callable
        Returns the data set of a name.
    progress : bool

    Returns
    -------
    DataFrame
        What was written, columns :data:`COLUMNS`: PSNR in dB by :data:`WAYS`, and a digest of the
        image in 8 bits, by which two restorations can be seen to be one. Rows of an earlier file
        stay whose restorations are not in the store, if ``scores.csv`` has the same score of them.

    Raises
    ------
    BenchError
        If the store holds no finished cell of a set that is scored after an alignment, or knows
        more than the folder's other files.
    """
    with Store(folder, write=False) as store:
        provenance.check(folder, store.invocations())
        rows = [row for row in store.each("image") if row.status == Status.OK]
        found = list(_measured(store, rows, open_dataset, progress))
    if not found:
        raise BenchError(
            f"{folder} holds no finished cell of a data set that is scored after an alignment, "
            "such as levin; run some methods on one into it first."
        )
    frame = pd.DataFrame(found, columns=COLUMNS).round(DIGITS)
    kept = _elsewhere(folder, frame)
    if len(kept):
        frame = pd.concat([kept, frame])
    frame = frame.sort_values(CELL, kind="stable").reset_index(drop=True)
    write_atomically(folder / FILE, frame.to_csv(index=False, lineterminator="\n"))
    return frame


def _elsewhere(folder: Path, measured: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the earlier file that were not measured again and still hold."""
    earlier = read(folder)
    if earlier.empty:
        return earlier
    known = scores.read(folder)[[*CELL, "psnr"]]
    joined = earlier.merge(known, on=CELL, how="left").merge(
        measured[CELL], on=CELL, how="left", indicator="again"
    )
    same = (joined["full"] - joined["psnr"]).abs() < 2 * 10.0**-DIGITS
    return joined.loc[same & (joined["again"] == "left_only"), COLUMNS]


def read(folder: Path) -> pd.DataFrame:
    """Read a folder's ``registration.csv``; no rows if it has none."""
    return cell_table.read(folder / FILE, COLUMNS, "has other columns than expected", "realign")


def _measured(
    store: Store, rows: list[Row], open_dataset: Callable[[str], Dataset], progress: bool
) -> Iterator[dict[str, Any]]:
    for row in tqdm(rows, unit="cell", disable=None if progress else True):  # None: no terminal
        dataset = open_dataset(row.columns["dataset"])
        if dataset.alignment == Alignment():
            continue
        condition = row.condition
        sample = truth(dataset, row.index, condition)
        image, true = store.restoration(row.id).image, sample.image[None]
        size = told_size(sample.kernel, condition.bound, (image.shape[-2], image.shape[-1]))
        full = dataset.alignment_for(size)
        yield {
            **{name: row.columns[name] for name in (*CELL, "kind", "kernel_id")},
            "pixels_of_image": image.shape[-2] * image.shape[-1],
            "digest": digest((image * 255).round().byte().numpy())[:12],
            **{way: float(psnr(*align(image, true, of(full)))) for way, of in WAYS.items()},
        }
