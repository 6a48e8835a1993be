"""The paper's figures in kind: grids of thumbnails from the record's gallery, and the curves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.harness import scores
from bench.report import curves, pictures
from bench.report.gallery import read_gallery
from bench.report.paper.record import COLUMNS, CONDITION, LARGE_SETS, TEST_SETS, Record
from bench.report.pictures import ROWS, Gallery

ALL = ("ep", "df", "oh", "dp", "deblurgan", "cnn", "dd", "dds")
LARGE = ("ep", "dp", "l0", "unet", "dd", "dds", "marginal", "marginal-tv")
GRIDS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "figure3": ("Deep Deblur against the range", ("shoes", "celeba"), ("dd", "range-oracle")),
    "figure4": ("SVHN", ("svhn",), ALL),
    "figure5": ("Samples of our PGGAN", ("pggan-samples",), ("dd", "dds", "marginal", "dp")),
    "figure6": ("Shoes", ("shoes",), ALL),
    "figure7": ("CelebA", ("celeba",), ALL),
    "figure7-pggan": ("The authors' PGGAN samples, and faces", ("pggan", "faces128"), LARGE),
    "figure8": ("The largest blurs", ("shoes", "celeba"), ("dp", "deblurgan", "cnn", "dds")),
}
"""By file name: title, datasets, methods; observation and truth are at the ends."""
LARGEST = "figure8"
"""The figure that shows the images with the largest kernels."""
SWEEP = ("noise", "figure9")


def write(record: Record, folder: Path) -> Iterator[Path]:
    """Draw every figure that the record's gallery and sweeps have the data for.

    Yields
    ------
    Path
    """
    groups = {
        group["dataset"]: Gallery(record.folder, group)
        for group in read_gallery(record.folder)
        if group["dataset"] in (*TEST_SETS, *LARGE_SETS) and group["condition"] == CONDITION
    }
    for name, (heading, datasets, methods) in GRIDS.items():
        galleries = [groups[dataset] for dataset in datasets if dataset in groups]
        if galleries:
            lines = [
                (gallery, record.view(gallery.dataset), image)
                for gallery in galleries
                for image in _choose(record, gallery, ROWS // len(galleries), name == LARGEST)
            ]
            yield from pictures.draw(heading, lines, methods, folder, name)
    sweep, stem = SWEEP
    if (record.folder / "sweeps" / sweep).is_dir():
        frame = scores.read(record.folder / "sweeps" / sweep)
        shown = frame[frame["method"].isin({"blurry", *COLUMNS.values()})]
        yield from curves.write(shown, sweep, folder, stem)


def _choose(record: Record, gallery: Gallery, count: int, largest: bool) -> list[str]:
    """Choose images evenly over the gallery, or those with the largest kernels."""
    if not largest:
        return gallery.spread(count)
    cells = record.cells(gallery.dataset, "blurry").set_index("image")
    extent = cells["kernel_spread"].astype(float).reindex(gallery.images)
    return extent.sort_values(ascending=False).index[:count].tolist()
