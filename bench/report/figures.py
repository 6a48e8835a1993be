"""The paper's image figures in kind: grids of thumbnails from the record's gallery."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.files import write_atomically
from bench.report.gallery import read_gallery
from bench.report.plain import plain_figures
from bench.report.record import CONDITION, TEST_SETS, TITLES, Record

ALL = ("ep", "df", "oh", "dp", "deblurgan", "cnn", "unet", "dd", "dds")
GRIDS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "figure3": ("Deep Deblur against the range", ("shoes", "celeba"), ("dd", "range-oracle")),
    "figure4": ("SVHN", ("svhn",), ALL),
    "figure6": ("Shoes", ("shoes",), ALL),
    "figure7": ("CelebA", ("celeba",), ALL),
    "figure8": (
        "The largest blurs",
        ("shoes", "celeba"),
        ("dp", "deblurgan", "cnn", "unet", "dds"),
    ),
}
"""By file name: title, datasets, methods; observation and truth stand at the ends."""
ROWS = 6
PANEL_INCHES = 1.05
KERNEL_SHARE = 0.3


def write(record: Record, reports: Path) -> Iterator[Path]:
    """Draw every figure that the record's gallery has pictures for.

    Yields
    ------
    Path
    """
    groups = {
        group["dataset"]: Gallery(record.folder, group)
        for group in read_gallery(record.folder)
        if group["dataset"] in TEST_SETS and group["condition"] == CONDITION
    }
    for name, (title, datasets, methods) in GRIDS.items():
        galleries = [groups[dataset] for dataset in datasets if dataset in groups]
        if galleries:
            path = reports / f"{name}.png"
            write_atomically(path, _draw(record, title, galleries, methods, name == "figure8"))
            yield path


class Gallery:
    """Pictures of one dataset, cut from its mosaics."""

    def __init__(self, folder: Path, group: dict[str, Any]) -> None:
        self.folder, self.group = folder / "gallery", group
        self.dataset: str = group["dataset"]
        self.images: list[str] = group["images"]
        self.methods: dict[str, Any] = group["methods"]

    def picture(self, entry: dict[str, Any], image: str) -> np.ndarray | None:
        """Return an image's tile of a mosaic, or None if there is none."""
        if not entry["images"] or image in entry.get("missing", {}):
            return None
        return self._tile(entry["images"], self.group["tile"], image)

    def kernel(self, entry: dict[str, Any], image: str) -> np.ndarray | None:
        """Return a kernel's tile, or None if there is none."""
        if not entry["kernels"] or image in entry.get("missing", {}):
            return None
        return self._tile(entry["kernels"], entry["kernel_tile"], image)

    def _tile(self, file: str, tile: Sequence[int], image: str) -> np.ndarray:
        width, position = tile[0], self.images.index(image)
        with Image.open(self.folder / file) as mosaic:
            return np.asarray(mosaic.convert("RGB"))[:, position * width : (position + 1) * width]


@plain_figures()
def _draw(
    record: Record, title: str, galleries: Sequence[Gallery], methods: Sequence[str], largest: bool
) -> bytes:
    from matplotlib.figure import Figure

    shown = [m for m in methods if any(m in gallery.methods for gallery in galleries)]
    count = ROWS // len(galleries)
    lines = [
        (gallery, image)
        for gallery in galleries
        for image in _choose(record, gallery, count, largest)
    ]
    titles = ["observation", *shown, "truth"]
    size = (PANEL_INCHES * len(titles) + 0.2, PANEL_INCHES * len(lines) + 0.5)
    figure = Figure(figsize=size, layout="constrained")
    figure.suptitle(title, fontsize=9)
    axes = figure.subplots(len(lines), len(titles), squeeze=False)
    for line, (gallery, image) in zip(axes, lines, strict=True):
        nothing: dict[str, Any] = {"images": None, "kernels": None}
        entries = [
            gallery.group["observation"],
            *(gallery.methods.get(method, nothing) for method in shown),
            gallery.group["truth"],
        ]
        scores = [None, *(_psnr(record, gallery.dataset, method, image) for method in shown), None]
        for axis, entry, score in zip(line, entries, scores, strict=True):
            _panel(axis, gallery.picture(entry, image), gallery.kernel(entry, image), score)
        line[0].set_ylabel(f"{TITLES[gallery.dataset]} {image}", fontsize=6)
    for axis, name in zip(axes[0], titles, strict=True):
        axis.set_title(name, fontsize=7)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130, metadata={"Software": None})
    return buffer.getvalue()


def _choose(record: Record, gallery: Gallery, count: int, largest: bool) -> list[str]:
    """Choose images evenly over the gallery, or those with the largest kernels."""
    if largest:
        cells = record.cells(gallery.dataset, "blurry").set_index("image")
        spread = cells["kernel_spread"].astype(float).reindex(gallery.images)
        return spread.sort_values(ascending=False).index[:count].tolist()
    places = np.linspace(0, len(gallery.images) - 1, min(count, len(gallery.images))).round()
    return [gallery.images[int(place)] for place in places]


def _psnr(record: Record, dataset: str, method: str, image: str) -> float | None:
    cells = record.cells(dataset, method)
    found = cells[cells["image"] == image]["psnr"]
    return float(found.iloc[0]) if len(found) else None


def _panel(axis: Any, picture: Any, kernel: Any, score: float | None) -> None:
    axis.imshow(np.full((8, 8, 3), 237, np.uint8) if picture is None else picture)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    if score is not None:
        axis.set_xlabel(f"{score:.1f} dB", fontsize=5.5, labelpad=1)
    if kernel is not None:
        inset = axis.inset_axes((1 - KERNEL_SHARE, 0, KERNEL_SHARE, KERNEL_SHARE))
        inset.imshow(kernel)
        inset.set(xticks=[], yticks=[])
        inset.spines[:].set_color("0.6")
