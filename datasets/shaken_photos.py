"""24 crops of photographs as a shaking camera sees them, to develop on what Levin's set tests."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor

from bench.datasets.motion_blur import MotionBlur, rasterise
from bench.datasets.places import place_of
from bench.datasets.whole_photos import validation_picture
from bench.physics.intensity import luma
from bench.protocol import Dataset, Location, Sample
from bench.seeds import generator

COUNT, FIRST = 24, 6
"""Photographs, and the place of the first among the validation ones: six are in another set."""
SIDE = 255
SIZES = (13, 15, 17, 19, 21, 23, 25, 27)
WIDTHS = (0.5, 0.7, 0.9)
"""Standard deviations in pixels of the point that shakes: of a lens and a sensor."""
KERNEL_SEED = 777
LENSES, ENLARGED = (0.0, 0.5, 0.8, 1.1), 1.5
"""Standard deviations in pixels of what softens soft photographs, and how much larger half of them
are made."""
SOFT_SEED, SOFT_OFFSET = 779, 80
"""Of their paths: others than those of the sharp ones."""
BELL = 8
"""Pixels to either side of a Gaussian."""
STEPS = 2000
"""Of a trembling hand's path during the exposure."""


class ShakenPhotosDevelopment(Dataset):
    """Grey crops of 255×255 through thick motion blur of 13 to 27 pixels, no two with one kernel.

    They are of BSDS500's validation photographs. ``--noise 0.004`` is about a camera's.
    """

    reads_data = True
    name = "shaken-photos-val"
    title = "24 grey crops of photographs with camera shake of 13 to 27 pixels, for tuning"
    channels = 1
    image_size = (SIDE + SIZES[-1] - 1, SIDE + SIZES[-1] - 1)
    boundary = "valid"
    bits = 8
    alignment = "half kernel"
    kernels: ClassVar[str] = "shaken"
    seed: ClassVar[int] = KERNEL_SEED

    @classmethod
    def location(cls) -> Location:
        """Look for the training archive of photographs below the data folder."""
        return place_of(cls)

    def __len__(self) -> int:
        return COUNT

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < COUNT:
            raise IndexError(index)
        size = SIZES[3 * index % len(SIZES)]
        image = self.scene(index)
        side = SIDE + size - 1
        top, left = ((extent - side) // 2 for extent in image.shape[1:])
        return Sample(
            index=index,
            name=f"{FIRST + index:02d}",
            image=image[:, top : top + side, left : left + side].contiguous(),
            kernel=self.kernel(index, size),
            kernel_id=f"{self.kernels}-{self.seed}-{index:02d}",
            blur_length=size - 4,
        )

    def scene(self, index: int) -> Tensor:
        """Return the photograph that a crop is cut out of, shape (1, H, W)."""
        return luma(validation_picture(FIRST + index)[None])[0]

    def kernel(self, index: int, size: int) -> Tensor:
        """Return the kernel, shape (size, size), summing to 1: the path, as a lens sees it."""
        return thickened(self.path(index, size), WIDTHS[index % len(WIDTHS)])

    def path(self, index: int, size: int) -> Tensor:
        """Return the path of the point that shakes, shape (size, size), summing to 1."""
        return MotionBlur(size).kernel(index, seed=KERNEL_SEED, length=size - 4)


class TremblingPhotosDevelopment(ShakenPhotosDevelopment):
    """The same crops through hands that tremble: where they rest, their kernels are bright.

    The paths of ``shaken-photos-val`` have one speed, so that no part of a kernel is faint.
    """

    name = "trembling-photos-val"
    title = "24 grey crops of photographs with camera shake of changing speed, for tuning"
    kernels = "trembling"

    def path(self, index: int, size: int) -> Tensor:
        """Return the path of the point that shakes, shape (size, size), summing to 1."""
        return tremor(size, generator("tremor", KERNEL_SEED, index))


class SoftPhotosDevelopment(ShakenPhotosDevelopment):
    """Crops as a lens leaves them, half of them enlarged, through paths of no width of their own.

    What a lens and a sensor blur is in every exposure, the sharp one too, and no motion. Kernels of
    ``shaken-photos-val`` count it as motion, and its photographs, made smaller, show none of it.
    """

    name = "soft-photos-val"
    title = "24 grey crops of soft photographs with thin camera shake, for tuning"
    kernels = "thin"
    seed = SOFT_SEED

    def scene(self, index: int) -> Tensor:
        """Return the photograph, shape (1, H, W), enlarged or not, through a lens."""
        image = super().scene(index)[None]
        if index // len(LENSES) % 2:
            image = torch.nn.functional.interpolate(
                image, scale_factor=ENLARGED, mode="bicubic", antialias=True
            ).clamp(0, 1)
        return softened(image, LENSES[index % len(LENSES)])[0]

    def kernel(self, index: int, size: int) -> Tensor:
        """Return the path itself."""
        path = self.path(index, size)
        return path / path.sum()

    def path(self, index: int, size: int) -> Tensor:
        """Return a path of one speed or, twice as often, of a trembling hand."""
        if index % 3 == 0:
            return MotionBlur(size).kernel(index + SOFT_OFFSET, seed=KERNEL_SEED, length=size - 4)
        return tremor(size, generator("tremor", self.seed, index))


def softened(image: Tensor, width: float) -> Tensor:
    """Blur images (N, 1, H, W) by a Gaussian, its standard deviation in pixels; 0 leaves them."""
    if not width:
        return image
    bell = _bell(width, BELL, torch.float64)
    bell = bell / bell.sum()
    down, right = bell.view(1, 1, -1, 1), bell.view(1, 1, 1, -1)
    image = torch.nn.functional.conv2d(image.double(), down, padding=(BELL, 0))
    return torch.nn.functional.conv2d(image, right, padding=(0, BELL)).float()


def tremor(size: int, draw: torch.Generator) -> Tensor:
    """Draw the kernel of a hand whose velocity is an Ornstein–Uhlenbeck process.

    Parameters
    ----------
    size : int
        Of the grid, whose outermost two pixels stay free.
    draw : torch.Generator

    Returns
    -------
    Tensor, float32, shape (size, size)
        Summing to 1, its barycentre in the middle.
    """
    memory = STEPS * (0.08 + 0.25 * float(torch.rand(1, generator=draw)))
    pushes = torch.randn(STEPS + 1, 2, generator=draw, dtype=torch.float64)
    velocity, places, place = pushes[0], [], torch.zeros(2, dtype=torch.float64)
    for push in pushes[1:]:
        velocity = (1 - 1 / memory) * velocity + math.sqrt(2 / memory) * push
        place = place + velocity
        places.append(place)
    path = torch.stack(places)
    path = path - path.mean(0)
    path = path / path.abs().max() * (size - 5) / 2 + (size - 1) / 2
    return rasterise(path[None], size)[0].float()


def thickened(kernel: Tensor, width: float) -> Tensor:
    """Blur a kernel (kh, kw) by a Gaussian, its standard deviation in pixels; the sum stays 1."""
    bell = _bell(width, 2, kernel.dtype)
    point = bell[:, None] * bell
    wide = torch.nn.functional.conv2d(kernel[None, None], point[None, None], padding=2)[0, 0]
    return wide / wide.sum()


def _bell(width: float, reach: int, dtype: torch.dtype) -> Tensor:
    """Return a Gaussian, 1 in the middle, shape (2 reach + 1,)."""
    steps = torch.arange(-reach, reach + 1, dtype=dtype)
    return torch.exp(-steps.square() / (2 * width**2))
