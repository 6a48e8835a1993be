"""The gallery as the page holds it: mosaics as base64, each once, with the scores next to them."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import Any

import pandas as pd

from bench.errors import BenchError
from bench.protocol import Status
from bench.registry import DATASETS
from bench.report.gallery import read_gallery

SCORES = ("psnr", "psnr_centred", "ssim", "gmsd", "kernel_similarity", "residual", "seconds")
"""What is shown of an image next to its restoration, where the method has it."""


class Mosaics:
    """Mosaics by number; equal files (the kernels of oracles, say) are held once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.encoded: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, name: str | None) -> int | None:
        """Return the number of a mosaic, reading its file if need be."""
        if name is None:
            return None
        path = self.folder / name
        if not path.exists():
            raise BenchError(
                f"{path} is missing, though gallery.json names it; make the gallery again with "
                "'python -m bench report'."
            )
        text = base64.b64encode(path.read_bytes()).decode()
        if text not in self._numbers:
            self._numbers[text] = len(self.encoded)
            self.encoded.append(text)
        return self._numbers[text]


def groups(results: Path, frame: pd.DataFrame, mosaics: Mosaics) -> list[dict[str, Any]]:
    """Return the gallery's groups with numbers for file names and every shown image's scores."""
    known = {name: position for position, name in enumerate(DATASETS.names())}
    found = sorted(read_gallery(results), key=lambda group: known.get(group["dataset"], len(known)))
    several = [group["dataset"] for group in found]
    result = []
    for position, group in enumerate(found):
        here = frame[
            (frame["dataset"] == group["dataset"])
            & (frame["condition"] == group["condition"])
            & frame["image"].isin(group["images"])
        ]
        alone = several.count(group["dataset"]) == 1
        methods = {}
        for name, entry in group["methods"].items():
            methods[name] = {
                **entry,
                "images": mosaics.number(entry["images"]),
                "kernels": mosaics.number(entry["kernels"]),
                "scores": _scores(here[here["method"] == name]),
            }
        result.append(
            {
                **group,
                "id": f"group-{position}",
                "label": group["dataset"] if alone else f"{group['dataset']}, {group['condition']}",
                "truth": _numbered(group["truth"], mosaics),
                "observation": _numbered(group["observation"], mosaics),
                "methods": methods,
            }
        )
    return result


def _numbered(entry: dict[str, Any], mosaics: Mosaics) -> dict[str, Any]:
    return {
        **entry,
        "images": mosaics.number(entry["images"]),
        "kernels": mosaics.number(entry["kernels"]),
    }


def _scores(rows: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """Gather scores by image; what is not finite becomes None, since JSON has no name for it."""
    found: dict[str, dict[str, float | None]] = {}
    for row in rows[rows["status"] == Status.OK].to_dict("records"):
        values = {name: float(row[name]) for name in SCORES if not pd.isna(row[name])}
        found[str(row["image"])] = {
            name: value if math.isfinite(value) else None for name, value in values.items()
        }
    return found
