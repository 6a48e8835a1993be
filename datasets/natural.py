"""What the sets of photographs share: reading pictures and the kernels of ``natural/kernels.npz``.

``kernels.npz`` holds Levin's eight kernels (``levin_1`` …) and Lai's four, as float64 and to be
convolved with; the 8-bit pictures of them that are published elsewhere are rounded.
"""

from __future__ import annotations

import abc
import functools
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from bench.datasets.arrays import read_npz
from bench.datasets.locations import BRING, require
from bench.datasets.members import MAX_MEMBER, decode
from bench.errors import BenchError, InvalidInput
from bench.files import open_file
from bench.protocol import Dataset, Sample

KERNELS = "natural/kernels.npz"
LEVIN_KERNELS = 8
FORMATS = ("PNG", "JPEG", "WEBP")


class PublishedPairs(Dataset):
    """Every image through every kernel, as published: replicated borders, 8 bits, colour."""

    image_class = "natural"
    boundary = "replicate"
    bits = 8
    alignment = "half kernel"
    reads_data = True
    images: ClassVar[int]
    kernels: ClassVar[int]

    def __len__(self) -> int:
        return self.images * self.kernels

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.pair(index, *divmod(index, self.kernels))

    @abc.abstractmethod
    def pair(self, index: int, image: int, kernel: int) -> Sample:
        """Return a sample: an image and a kernel by their places, from 0."""


def levin_kernel(number: int) -> Tensor:
    """Return Levin's kernel ``number``, from 1, float64, as it is convolved with."""
    return torch.from_numpy(_kernel(require(KERNELS, BRING), f"levin_{number}"))


@functools.lru_cache(maxsize=32)
def _kernel(path: Path, name: str) -> np.ndarray:
    try:
        return read_npz(path, (name,))[name].astype(np.float64)
    except (TypeError, ValueError) as error:  # what is no array of numbers
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
        if content is None:
            with open_file(path) as file:
                content = file.read(MAX_MEMBER + 1)
        pixels = np.array(decode(content, FORMATS))
    except InvalidInput:
        raise
    except Exception as error:  # whatever the damage leads Pillow to
        raise BenchError(f"{path} is damaged ({error}); get it again.") from error
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255
