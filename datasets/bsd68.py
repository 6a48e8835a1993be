"""BSD68 in colour, blurred here: by Levin's kernels, and by long motion blur.

References
----------
S. Roth and M. J. Black, "Fields of Experts: A Framework for Learning Image Priors", CVPR 2005.
"""

from __future__ import annotations

import abc
import zipfile
from pathlib import Path

from torch import Tensor

from bench.datasets.arrays import read_member
from bench.datasets.locations import BRING, require
from bench.datasets.members import MAX_MEMBER
from bench.datasets.motion_blur import MotionBlur
from bench.datasets.natural import (
    LEVIN_KERNELS,
    levin_kernel,
    read_picture,
)
from bench.datasets.places import place_of
from bench.errors import BenchError
from bench.protocol import Dataset, Location, Sample

ARCHIVE = "natural/bsd68.zip"
COUNT = 68
SIZES = range(15, 46, 2)
"""Odd grids of the motion blur, in turn; a walk is a pixel shorter than its grid is wide."""
KERNEL_SEED = 68


class BSD68(Dataset):
    """68 photographs of 481×321 pixels, either way up, each with one kernel.

    The boundary is true by cropping: the whole photograph is blurred, and what depends on nothing
    beyond it is the observation.
    """

    image_class = "natural"
    reads_data = True
    image_size = (481, 481)
    boundary = "valid"
    alignment = "half kernel"
    notice = "Scores are those of the best shift within half the kernel size, the border cropped."

    def __init__(self) -> None:
        self._path = require(ARCHIVE, BRING)
        try:
            with zipfile.ZipFile(self._path) as archive:
                found = [Path(name) for name in archive.namelist() if name.endswith(".jpg")]
        except Exception as error:  # an archive raises whatever the damage leads it to
            raise BenchError(f"{self._path} is damaged ({error}); get it again.") from error
        if len(found) != COUNT:
            raise BenchError(
                f"{self._path} has {len(found)} photographs, not {COUNT}; get it again."
            )
        self._names = sorted(str(name) for name in found)

    @classmethod
    def location(cls) -> Location:
        """Look for the archive below the data folder."""
        return place_of(cls)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(index)
        kernel, kernel_id, length = self._kernel(index)
        return Sample(
            index=index,
            name=Path(self._names[index]).stem,
            image=self._image(index),
            kernel=kernel,
            kernel_id=kernel_id,
            blur_length=length,
        )

    def _image(self, index: int) -> Tensor:
        name = self._names[index]
        try:
            with zipfile.ZipFile(self._path) as archive:
                content = read_member(archive, name, MAX_MEMBER)
        except Exception as error:  # an archive raises whatever the damage leads it to
            raise BenchError(f"{self._path} is damaged ({error}); get it again.") from error
        return read_picture(self._path / name, content)

    @abc.abstractmethod
    def _kernel(self, index: int) -> tuple[Tensor, str, int | None]:
        """Return the kernel of a photograph, its identity, and its length where it is known."""


class BSD68Levin(BSD68):
    """Levin's eight kernels in turn."""

    name = "bsd68-levin"
    title = "BSD68 in colour, Levin's 8 kernels in turn, free boundaries"

    def _kernel(self, index: int) -> tuple[Tensor, str, int | None]:
        number = index % LEVIN_KERNELS + 1
        return levin_kernel(number).float(), f"levin-{number:02d}", None


class BSD68Motion(BSD68):
    """Motion blur on odd grids of 15 to 45 pixels, another kernel for every photograph."""

    name = "bsd68-motion"
    title = "BSD68 in colour, motion blur of 15 to 45 pixels, free boundaries"

    def _kernel(self, index: int) -> tuple[Tensor, str, int | None]:
        size = SIZES[index % len(SIZES)]
        kernel = MotionBlur(size).kernel(index, seed=KERNEL_SEED, length=size - 1)
        return kernel, f"{self.name}-{index:03d}", size - 1
