"""What is written of a restored photograph: itself, its kernel, and both pictures side by side."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.files import write_atomically
from bench.metrics import naturalness, sharpness_index
from bench.photo.deblurring import WINDOW, Deblurred
from bench.photo.files import Photograph, write_photograph
from bench.photo.reading import check_writable, comparison_path, kernel_path, write_photo
from bench.physics.intensity import luma
from bench.physics.texture import most_textured

WIDEST = 1600
"""Pixels of each picture in the comparison."""
INSET = 0.2
"""Side of the drawn kernel, as a share of the picture's shorter side."""


def places(photos: list[Path], out: Path) -> list[Path]:
    """Return where each photograph's result goes, or refuse what cannot be written.

    Parameters
    ----------
    photos : list of Path
    out : Path
        A file for one photograph; a folder, which is made, for several.

    Raises
    ------
    InvalidInput
    """
    if len(photos) == 1 and not (out.is_dir() or str(out).endswith("/")):
        found = [out]
    else:
        if out.exists() and not out.is_dir():
            raise InvalidInput(f"{out} is a file; for several photographs give a folder as --out.")
        if len(photos) > 1 and out.suffix and not out.is_dir():
            raise InvalidInput(
                f"{out} looks like a file; for several photographs give a folder as --out."
            )
        found = [out / _writable_name(photo) for photo in photos]
        names = [place.name for place in found]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InvalidInput(f"Two photographs would both be written as {twice}; rename one.")
        out.mkdir(parents=True, exist_ok=True)
    for place in found:
        for photo in photos:
            check_writable(place, photo)
    return found


def _writable_name(photo: Path) -> str:
    kept = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
    return photo.name if photo.suffix.lower() in kept else f"{photo.stem}.png"


def write(place: Path, before: Photograph, found: Deblurred) -> tuple[dict[str, Path], list[str]]:
    """Write a result with its kernel and comparison.

    Returns
    -------
    written : dict of str to Path
        By what it shows.
    notices : list of str
        What the format cannot keep.
    """
    notices = write_photograph(place, dataclasses.replace(before, image=found.image))
    written = {"Image": place}
    if found.kernel is not None:
        scaled = found.kernel[None] / found.kernel.max().clamp_min(1e-12)
        write_photo(kernel_path(place), scaled)
        written["Kernel"] = kernel_path(place)
    both = side_by_side(before.image, found.image, found.kernel)
    path = comparison_path(place)
    write_photograph(path, Photograph(both, profile=before.profile))
    return {**written, "Both": path}, notices


def measures(photo: Path, before: Photograph, found: Deblurred) -> dict[str, object]:
    """Return what can be said of a restoration without the truth, as a row of a table.

    Sharpness (Leclaire and Moisan; larger is better) and naturalness (a NIQE of our own; smaller is
    better) are of the most textured window, before and after.
    """
    rows, cols = most_textured(luma(before.image[None])[0, 0], WINDOW)
    both = torch.stack([picture[:, rows, cols] for picture in (before.image, found.image)])
    sharpness, distance = sharpness_index(both).tolist(), naturalness(both).tolist()
    return {
        "photo": photo.name,
        "method": found.method,
        "kernel_size": "" if found.kernel is None else found.kernel.shape[-1],
        "noise": round(found.noise, 5),
        "residual": round(found.residual, 5),
        "evidence": round(found.gain, 4),
        "sharpness_before": round(sharpness[0], 3),
        "sharpness": round(sharpness[1], 3),
        "naturalness_before": round(distance[0], 3),
        "naturalness": round(distance[1], 3),
        "warnings": " ".join(found.warnings),
    }


def write_measures(folder: Path, rows: list[dict[str, object]]) -> Path:
    """Write a table of what :func:`measures` returned into a folder."""
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path = folder / "measures.csv"
    write_atomically(path, text.getvalue())
    return path


def side_by_side(before: Tensor, after: Tensor, kernel: Tensor | None) -> Tensor:
    """Put two pictures (C, H, W) next to each other, the kernel in the second one's corner."""
    gap = torch.ones(before.shape[0], min(before.shape[1], WIDEST), 4)
    pictures = [_fitted(picture) for picture in (before, after)]
    height = pictures[0].shape[1]
    if kernel is not None:
        side = int(INSET * min(pictures[1].shape[1:]))
        if side >= 4:
            scaled = (kernel / kernel.max().clamp_min(1e-12))[None, None]
            drawn = torch.nn.functional.interpolate(scaled, size=(side, side), mode="nearest")[0]
            pictures[1][:, :side, :side] = drawn
    return torch.cat([pictures[0], gap[:, :1].expand(-1, height, -1), pictures[1]], 2)


def _fitted(picture: Tensor) -> Tensor:
    factor = WIDEST / max(picture.shape[1:])
    if factor >= 1:
        return picture.clone()
    size = [max(1, round(side * factor)) for side in picture.shape[1:]]
    return torch.nn.functional.interpolate(
        picture[None], size=size, mode="bilinear", antialias=True, align_corners=False
    )[0]
