"""The run of record as the paper's reproduction reads it."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import pandas as pd

from bench.errors import BenchError
from bench.harness import scores
from bench.physics.condition import Condition
from bench.protocol import Status
from bench.report.summary import Row, Summary, View, summarise

TEST_SETS = ("svhn", "shoes", "celeba")
LARGE_SETS = ("pggan-samples", "pggan", "faces128")
"""Of the paper's experiment at 128×128."""
TITLES = {"svhn": "SVHN", "shoes": "Shoes", "celeba": "CelebA"}
COLUMNS = {
    "EP": "ep",
    "DF": "df",
    "OH": "oh",
    "DP": "dp",
    "DeblurGAN": "deblurgan",
    "CNN": "cnn",
    "DD": "dd",
    "DDS": "dds",
    "range": "dd",
}
"""Columns of the paper's Table 1 and the methods of ours that they show."""
OURS = {
    "U-Net": "unet",
    "kernel net": "kernel-net",
    "marginal": "marginal",
    "marginal, TV": "marginal-tv",
    "marginal warm": "marginal-warm",
    "marginal, learned": "marginal-learned",
    "marginal, both": "marginal-both",
    "marginal, refit": "marginal-refit",
    "DD warm": "dd-warm",
    "DDS warm": "dds-warm",
}
"""Further columns, of methods that the paper does not have."""
ORACLES = {
    "range oracle": "range-oracle",
    "known kernel, TV": "known-kernel",
    "known kernel, LMMSE": "known-kernel-lmmse",
}
RANGE = "range"
"""The column of Deep Deblur on blurred images of its generator's range."""
METHODS = {**COLUMNS, **OURS, **ORACLES, "blurry": "blurry"}
CONTENDERS = [column for column in (*COLUMNS, *OURS) if column != RANGE]
CONDITION = str(Condition())


@dataclasses.dataclass(frozen=True)
class Record:
    """A results folder: its scores, and where its gallery and sweeps lie."""

    folder: Path

    @functools.cached_property
    def frame(self) -> pd.DataFrame:
        """All scores, one row per cell."""
        frame = scores.read(self.folder)
        if not set(frame["dataset"]) & set(TEST_SETS):
            raise BenchError(
                f"{self.folder} has no scores on {', '.join(TEST_SETS)}; 'make record' runs them."
            )
        return frame

    @functools.cached_property
    def summary(self) -> Summary:
        """Means, intervals and the leading groups among the columns of Table 1."""
        return summarise(self.frame, [METHODS[column] for column in CONTENDERS])

    @functools.cached_property
    def _views(self) -> dict[str, View]:
        views = [view for view in self.summary.views if view.condition == CONDITION]
        return {view.dataset: view for view in views}

    def view(self, dataset: str) -> View:
        """Return a test set in the test's condition."""
        return self._views[dataset]

    def row(self, dataset: str, column: str) -> Row | None:
        """Return a method in the test's condition, named by its column or label; None if there is
        none."""
        view = self._views.get(f"{dataset}-range" if column == RANGE else dataset)
        return view.by_method.get(METHODS.get(column, column)) if view else None

    def images(self, dataset: str, column: str = "") -> int:
        """Return how many images a column is of."""
        view = self._views.get(f"{dataset}-range" if column == RANGE else dataset)
        return view.images if view else 0

    def published(self, dataset: str, method: str) -> Row | None:
        """Return a method by the published procedure, of the record or of ``published`` next to
        it."""
        if found := self.row(dataset, method):
            return found
        folder = self.folder.parent / "published"
        if not (folder / "scores.csv").exists() or folder == self.folder:
            return None
        views = [v for v in self._procedure.views if v.condition == CONDITION]
        return next((v.by_method.get(method) for v in views if v.dataset == dataset), None)

    @functools.cached_property
    def _procedure(self) -> Summary:
        return summarise(scores.read(self.folder.parent / "published"))

    @functools.cached_property
    def printed(self) -> dict[tuple[str, str], dict[str, float]]:
        """The paper's Table 1 by dataset and column: psnr, ssim and, where known, recomputed."""
        frame = pd.read_csv(Path(__file__).with_name("printed.csv"))
        return {(row.pop("dataset"), row.pop("column")): row for row in frame.to_dict("records")}  # type: ignore[misc]

    def cells(self, dataset: str, method: str, condition: str = CONDITION) -> pd.DataFrame:
        """Finished cells of a method on a dataset, by image."""
        frame = self.frame
        rows = frame[
            (frame["dataset"] == dataset)
            & (frame["method"] == method)
            & (frame["condition"] == condition)
            & (frame["status"] == Status.OK)
        ]
        return rows.sort_values("image").reset_index(drop=True)

    def column(self, dataset: str, column: str) -> pd.DataFrame:
        """Finished cells of a column of the tables; ``range`` is ``dd`` on range images."""
        where = f"{dataset}-range" if column == RANGE else dataset
        return self.cells(where, METHODS[column])
