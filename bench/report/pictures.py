"""Grids of thumbnails from a results folder's gallery: observation, methods with kernels, truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bench.files import slug
from bench.report import layout
from bench.report.gallery import read_gallery
from bench.report.names import title
from bench.report.plain import MOST_LINES, PAGE, broken, plain_figures, save
from bench.report.ranking import RANKED
from bench.report.summary import Summary, View

ROWS = 6
KERNEL_SHARE = 0.3
HEAD_INCHES = 0.55
HEADING = 14
"""Characters of a line above a column."""


def write(results: Path, summary: Summary, folder: Path) -> list[Path]:
    """Draw ``pictures-DATASET`` of every view that the gallery has pictures of.

    The best blind methods by mean PSNR are shown, and the best oracle.
    """
    views = {(view.dataset, view.condition): view for view in layout.shown(summary)}
    galleries = [Gallery(results, group) for group in read_gallery(results)]
    shown = [g for g in galleries if (g.dataset, g.group["condition"]) in views]
    paths = []
    for gallery in shown:
        view = views[gallery.dataset, gallery.group["condition"]]
        several = sum(other.dataset == gallery.dataset for other in shown) > 1
        name = layout.label(view, [*views.values()]) if several else view.dataset
        stem = slug(f"pictures-{name}")
        heading = f"{view.dataset}, {view.condition}"
        lines = [(gallery, view, image) for image in gallery.spread(ROWS)]
        paths += draw(heading, lines, best(view, gallery), folder, stem)
    return paths


def best(view: View, gallery: Gallery) -> list[str]:
    """Choose the methods of a figure: the blind ones with the best means, and one oracle."""
    rows = [row for row in view.rows if row.means[RANKED].known and row.method in gallery.methods]
    rows.sort(key=lambda row: -row.means[RANKED].value)
    blind = {row.method for row in [r for r in rows if r.kind == "method"][: MOST_LINES - 1]}
    bound = {row.method for row in [r for r in rows if r.kind == "oracle"][:1]}
    return [row.method for row in view.rows if row.method in blind | bound]


class Gallery:
    """Pictures of one dataset, cut from its mosaics."""

    def __init__(self, folder: Path, group: dict[str, Any]) -> None:
        self.folder, self.group = folder / "gallery", group
        self.dataset: str = group["dataset"]
        self.images: list[str] = group["images"]
        self.methods: dict[str, Any] = group["methods"]

    def spread(self, count: int) -> list[str]:
        """Choose images evenly over the gallery."""
        places = np.linspace(0, len(self.images) - 1, min(count, len(self.images))).round()
        return [self.images[int(place)] for place in places]

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
def draw(
    heading: str,
    lines: Sequence[tuple[Gallery, View, str]],
    methods: Sequence[str],
    folder: Path,
    stem: str,
) -> list[Path]:
    """Draw a grid: a row per image, observation and truth at the ends, at a page's width.

    Parameters
    ----------
    heading : str
    lines : sequence of (Gallery, View, str)
        Where an image's pictures are, its scores, and its name.
    methods : sequence of str
    folder : Path
    stem : str
        File name without suffix.
    """
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    titles = ["observation", *(_heading(method) for method in methods), "truth"]
    panel = PAGE / len(titles)
    size = (PAGE, panel * 1.16 * len(lines) + HEAD_INCHES)
    tight = ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.01, wspace=0.01, hspace=0.01)
    figure = Figure(figsize=size, layout=tight)
    figure.suptitle(heading, fontsize=8)
    axes = figure.subplots(len(lines), len(titles), squeeze=False)
    nothing: dict[str, Any] = {"images": None, "kernels": None}
    for line, (gallery, view, image) in zip(axes, lines, strict=True):
        entries = [
            gallery.group["observation"],
            *(gallery.methods.get(method, nothing) for method in methods),
            gallery.group["truth"],
        ]
        scores = [None, *(view.scores.get((m, image)) for m in methods), None]
        for axis, entry, score in zip(line, entries, scores, strict=True):
            _panel(axis, gallery.picture(entry, image), gallery.kernel(entry, image), score)
        line[0].set_ylabel(f"{gallery.dataset} {image}", fontsize=5.5)
    for axis, text in zip(axes[0], titles, strict=True):
        axis.set_title(text, fontsize=5.5, linespacing=1.0)
    return save(figure, folder, stem, dpi=220)


def _heading(method: str) -> str:
    if not title(method):
        return broken(method, HEADING)
    return f"{broken(title(method), HEADING)}\n({method.partition('[')[0]})"


def _panel(axis: Any, picture: Any, kernel: Any, score: float | None) -> None:
    grey = np.full((8, 8, 3), 237, np.uint8)
    axis.imshow(grey if picture is None else picture, interpolation="none")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    if score is not None:
        axis.set_xlabel(f"{score:.1f} dB", fontsize=5.5, labelpad=1.5)
    if kernel is not None:
        inset = axis.inset_axes((1 - KERNEL_SHARE, 0, KERNEL_SHARE, KERNEL_SHARE))
        inset.imshow(kernel, interpolation="none")
        inset.set(xticks=[], yticks=[])
        inset.spines[:].set_color("0.6")
