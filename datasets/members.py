"""Images in archives, opened one by one and never taken at their word."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from bench.datasets.arrays import read_member
from bench.errors import BenchError
from bench.files import open_file

MAX_MEMBER = 16 << 20
"""Bytes of one compressed image."""
MAX_IMAGE = 4096 * 4096
"""Pixels of one image."""
MAX_ARCHIVE = 4 << 30
"""Bytes of all images of an archive together, decoded."""
FORMATS = ("PNG", "JPEG")


def decode(data: bytes, formats: tuple[str, ...] = FORMATS) -> Image.Image:
    """Decode a picture, usually a small PNG or JPEG, to RGB, its size looked at first.

    Raises
    ------
    ValueError
        If it has more than :data:`MAX_IMAGE` pixels.
    Exception
        Whatever the damage leads Pillow to.
    """
    with Image.open(io.BytesIO(data), formats=formats) as image:
        if image.width * image.height > MAX_IMAGE:
            raise ValueError(f"an image of {image.width}×{image.height} pixels")
        return image.convert("RGB")


def read_images(path: Path, suffixes: tuple[str, ...]) -> tuple[np.ndarray, list[str]]:
    """Decode all images of an archive, which have to be of one size.

    Parameters
    ----------
    path : Path
    suffixes : tuple of str
        Endings of the members to take.

    Returns
    -------
    images : ndarray, uint8, shape (N, H, W, 3)
    names : list of str
        Of the members, sorted.

    Raises
    ------
    BenchError
        Naming the archive and the member.
    """
    member = ""
    with open_file(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                names = sorted(name for name in archive.namelist() if name.endswith(suffixes))
                images: np.ndarray | None = None
                for index, member in enumerate(names):
                    pixels = np.asarray(decode(read_member(archive, member, MAX_MEMBER)))
                    if images is None:
                        images = _room(len(names), pixels)
                    if pixels.shape != images.shape[1:]:
                        raise ValueError(f"{_size(pixels)} pixels, the first {_size(images[0])}")
                    images[index] = pixels
        except Exception as error:  # an archive raises whatever the damage leads it to
            place = f"{member}: " if member else ""
            raise BenchError(
                f"{path} is no whole archive of images ({place}{error}); get it again."
            ) from error
    if images is None:
        raise BenchError(f"{path} holds no images; get it again.")
    return images, names


def numbers(names: Iterable[str], path: Path) -> np.ndarray:
    """Read the whole numbers that names of images begin with.

    Raises
    ------
    BenchError
        For a name that begins with none, or with one no archive could have.
    """
    found = []
    for name in names:
        text = Path(name).stem.partition("_")[0]
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            raise BenchError(
                f"{path} has {name!r}, which does not begin with the number of an image; get the "
                "archive again."
            )
        found.append(int(text))
    return np.array(found, dtype=np.int64)


def _room(count: int, first: np.ndarray) -> np.ndarray:
    if count * first.nbytes > MAX_ARCHIVE:
        raise ValueError(f"{count} images of {_size(first)} pixels are more than fit in memory")
    return np.empty((count, *first.shape), np.uint8)


def _size(image: np.ndarray) -> str:
    return f"{image.shape[1]}×{image.shape[0]}"
