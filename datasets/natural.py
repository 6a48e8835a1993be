"""What the sets of photographs share: reading pictures and the kernels of ``natural/kernels.npz``.

``kernels.npz`` holds Levin's eight kernels (``levin_1`` …) and Lai's four, as float64 and to be
convolved with; the 8-bit pictures of them that are published elsewhere are rounded.
"""

from __future__ import annotations

import functools
import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from bench.datasets.locations import BRING, locate, require
from bench.errors import BenchError
from bench.protocol import Location

KERNELS = "natural/kernels.npz"
LEVIN_KERNELS = 8


def locate_all(*relative: str) -> Location:
    """Look for several files below the data folder; report the first that is missing."""
    places = [locate(name, BRING) for name in relative]
    return next((place for place in places if not place.found), places[0])


def levin_kernel(number: int) -> Tensor:
    """Return Levin's kernel ``number``, from 1, float64, as it is convolved with."""
    return torch.from_numpy(_kernel(require(KERNELS, BRING), f"levin_{number}"))


@functools.lru_cache(maxsize=32)
def _kernel(path: Path, name: str) -> np.ndarray:
    try:
        with np.load(path) as arrays:
            return np.asarray(arrays[name], np.float64)
    except Exception as error:  # a damaged zip file raises whatever the damage leads it to
        raise BenchError(f"{path} is damaged ({error}); get it again.") from error


def read_picture(path: Path, content: bytes | None = None) -> Tensor:
    """Read a picture of any size as colour.

    Parameters
    ----------
    path : Path
    content : bytes, optional
        The encoded picture, where it lies in an archive; the path then only names it.

    Returns
    -------
    Tensor, float32, shape (3, H, W), in [0, 1]

    Raises
    ------
    BenchError
        If it is no whole picture.
    """
    try:
        with Image.open(path if content is None else io.BytesIO(content)) as picture:
            pixels = np.array(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:
        raise BenchError(f"{path} is damaged ({error}); get it again.") from error
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
