"""The run of record as the reports read it."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import pandas as pd

from bench.errors import BenchError
from bench.harness import scores
from bench.physics.observation import Condition
from bench.protocol import Status

TEST_SETS = ("svhn", "shoes", "celeba")
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
"""Columns of the paper's Table 1 and the methods of ours that stand in them."""
OURS = {
    "U-Net": "unet",
    "kernel net": "kernel-net",
    "marginal": "marginal",
    "marginal, TV": "marginal-tv",
    "marginal warm": "marginal-warm",
    "DD warm": "dd-warm",
    "DDS warm": "dds-warm",
}
"""Further columns, of methods that the paper does not have."""
ORACLES = {
    "range oracle": "range-oracle",
    "known kernel, TV": "known-kernel",
    "known kernel, LMMSE": "known-kernel-lmmse",
}
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
        known = {**COLUMNS, **OURS, **ORACLES, "blurry": "blurry"}
        return self.cells(f"{dataset}-range" if column == "range" else dataset, known[column])

    def whole(self, dataset: str, cells: pd.DataFrame) -> bool:
        """Whether cells cover every image that the dataset has in this record."""
        frame = self.frame[self.frame["dataset"] == dataset]
        return len(cells) > 0 and len(cells) == frame["image"].nunique()
