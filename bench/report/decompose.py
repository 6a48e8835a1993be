"""Measure where the decibels of every method that returns a kernel are lost: ``decomposition.csv``.

Each finished cell with a kernel is restored again by the same non-blind steps, once with the kernel
that the method found and once with the true one. What separates the method's own image from the
first is its non-blind step; what separates the first from the second is its kernel.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
from torch import Tensor
from tqdm import tqdm

from bench.errors import BenchError, Unavailable
from bench.files import write_atomically
from bench.harness import provenance
from bench.harness.cells import Row
from bench.harness.scoring import truth
from bench.harness.store import Store
from bench.methods.deconvolution.tv import tuned_weight, tv_deconvolve
from bench.methods.learned.step import learned_deconvolve
from bench.methods.marginal.estimate import single
from bench.methods.marginal.steps import restore
from bench.metrics import psnr
from bench.physics.alignment import align, recentre
from bench.physics.noise import estimate_noise
from bench.physics.observation import observe
from bench.protocol import Dataset, Restoration, Status
from bench.report import cell_table
from bench.report.cell_table import CELL

FILE = "decomposition.csv"
STEPS = ("tv", "posterior-mean", "learned")
COLUMNS = [
    *CELL, "kind", "kernel_id", "psnr",
    *(f"{kernel}_{step}" for kernel in ("estimated", "true") for step in STEPS),
    "range_image", "kept_restart", "best_restart",
]  # fmt: skip
DIGITS = 3


def decompose(
    folder: Path, open_dataset: Callable[[str], Dataset], images: int = 0, progress: bool = True
) -> pd.DataFrame:
    """Measure the finished cells of a results folder and write ``decomposition.csv`` there.

    Parameters
    ----------
    folder : Path
        With its store: restorations are needed.
    open_dataset : callable
        Returns the data set of a name.
    images : int
        Only the first so many of each set; 0 for all.
    progress : bool

    Returns
    -------
    DataFrame
        What was written, columns :data:`COLUMNS` in dB. Cells that the file had before and the
        store has not are kept.

    Raises
    ------
    BenchError
        If the store holds no kernel of a blind method, or knows more than the folder's other files.
    """
    with Store(folder, write=False) as store:
        provenance.check(folder, store.invocations())
        rows = [row for row in store.each("image") if _wanted(row, images)]
        found = list(_measured(store, rows, open_dataset, progress))
    if not found:
        raise BenchError(
            f"{folder} holds no finished cell of a blind method with a kernel; run some methods "
            "into it first."
        )
    return _update(pd.DataFrame(found, columns=COLUMNS).round(DIGITS), folder)


def read(folder: Path) -> pd.DataFrame:
    """Read a folder's ``decomposition.csv``; no rows if it has none."""
    return cell_table.read(folder / FILE, COLUMNS, "is no decomposition", "decompose")


def _update(frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    earlier = read(folder)
    held = pd.MultiIndex.from_frame(frame[CELL])
    kept = earlier[~pd.MultiIndex.from_frame(earlier[CELL]).isin(held)]
    whole = pd.concat([kept, frame]) if len(kept) else frame
    whole = whole.sort_values(CELL, kind="stable").reset_index(drop=True)
    write_atomically(folder / FILE, whole.to_csv(index=False, lineterminator="\n"))
    return whole


def _wanted(row: Row, images: int) -> bool:
    return (
        row.status == Status.OK
        and row.columns["kind"] == "method"
        and (not images or row.index < images)
    )


def _measured(
    store: Store, rows: list[Row], open_dataset: Callable[[str], Dataset], progress: bool
) -> Iterator[dict[str, Any]]:
    known: dict[tuple[Any, ...], dict[str, float]] = {}
    for row in tqdm(rows, unit="cell", disable=None if progress else True):  # None: no terminal
        restoration = store.restoration(row.id)
        if restoration.kernel is None:
            continue
        dataset = open_dataset(row.columns["dataset"])
        scene = Scene(dataset, row)
        key = (dataset.name, row.columns["condition"], row.index)
        if key not in known:
            known = {key: scene.steps(scene.sample.kernel[None], "true")}
        yield {
            **{name: row.columns[name] for name in (*CELL, "kind", "kernel_id")},
            "psnr": scene.psnr(restoration.image),
            **scene.steps(restoration.kernel, "estimated"),
            **known[key],
            **scene.restarts(restoration),
        }


class Scene:
    """One observation with its truth.

    Parameters
    ----------
    dataset : Dataset
    row : Row
        Of a cell on it.
    """

    def __init__(self, dataset: Dataset, row: Row) -> None:
        self.dataset, condition = dataset, row.condition
        self.sample = truth(dataset, row.index, condition)
        observed = observe(dataset, row.index, condition)
        self.observation = observed.observation[None]
        self.task = observed.task(dataset, condition, "cpu")
        self.alignment = dataset.alignment_for(self.sample.kernel.shape)

    def psnr(self, images: Tensor) -> float:
        """Return the best PSNR of images (N, C, H, W), aligned as the data set says."""
        wanted = self.sample.image[None].expand(len(images), -1, -1, -1)
        return float(psnr(*align(images, wanted, self.alignment)).max())

    def steps(self, kernel: Tensor, name: str) -> dict[str, float]:
        """PSNR of each step with a kernel (1, kh, kw); NaN where a step knows no such image."""
        kernel = kernel.clamp_min(0)
        kernel = kernel / kernel.sum().clamp_min(1e-12)
        scores = {}
        for step in STEPS:
            try:
                scores[f"{name}_{step}"] = self.psnr(self._image(kernel, step))
            except Unavailable:
                scores[f"{name}_{step}"] = math.nan
        return scores

    def _image(self, kernel: Tensor, step: str) -> Tensor:
        y, task = self.observation, self.task
        if step == "tv":
            weight = tuned_weight(task.image_class, task.noise, task.boundary)
            image = tv_deconvolve(y, kernel, weight, task.boundary)
            return recentre(image, kernel)[0] if task.boundary == "circular" else image
        if task.boundary != "circular":
            raise Unavailable("The Gaussian models and the networks are of circular blur.")
        if _size(task.image_class) != task.image_size:
            raise Unavailable(f"No model is of images of {task.image_size}.")
        if step == "learned":
            return learned_deconvolve(y, kernel, task.image_class)
        return restore(y, single(kernel, estimate_noise(y).item()), task.image_class, step)[0]

    def restarts(self, restoration: Restoration) -> dict[str, float]:
        """PSNR of the range image, and of the kept restart and the best, where they were kept."""
        records = restoration.records
        found = dict.fromkeys(("range_image", "kept_restart", "best_restart"), math.nan)
        if "range_image" in records:
            found["range_image"] = self.psnr(records["range_image"])
        if {"restart_image", "chosen"} <= records.keys():
            images = records["restart_image"][0].float() / 255
            chosen = int(records["chosen"][0])
            found["kept_restart"] = self.psnr(images[chosen : chosen + 1])
            found["best_restart"] = self.psnr(images)
        return found


@functools.lru_cache(maxsize=16)
def _size(image_class: str) -> tuple[int, int]:
    from bench.methods.marginal.model import load_model

    return load_model(image_class).image_size
