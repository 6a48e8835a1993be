"""24 crops of photographs as a shaking camera sees them, to develop on what Levin's set tests."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.datasets.motion_blur import MotionBlur
from bench.datasets.places import place_of
from bench.datasets.whole_photos import validation_picture
from bench.physics.intensity import luma
from bench.protocol import Dataset, Location, Sample

COUNT, FIRST = 24, 6
"""Photographs, and the place of the first among the validation ones: six are in another set."""
SIDE = 255
SIZES = (13, 15, 17, 19, 21, 23, 25, 27)
WIDTHS = (0.5, 0.7, 0.9)
"""Standard deviations in pixels of the point that shakes: of a lens and a sensor."""
KERNEL_SEED = 777


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
        image = luma(validation_picture(FIRST + index)[None])[0]
        side = SIDE + size - 1
        top, left = ((extent - side) // 2 for extent in image.shape[1:])
        walk = MotionBlur(size).kernel(index, seed=KERNEL_SEED, length=size - 4)
        return Sample(
            index=index,
            name=f"{FIRST + index:02d}",
            image=image[:, top : top + side, left : left + side].contiguous(),
            kernel=thickened(walk, WIDTHS[index % len(WIDTHS)]),
            kernel_id=f"shaken-{KERNEL_SEED}-{index:02d}",
            blur_length=size - 4,
        )


def thickened(kernel: Tensor, width: float) -> Tensor:
    """Blur a kernel (kh, kw) by a Gaussian, its standard deviation in pixels; the sum stays 1."""
    steps = torch.arange(-2, 3, dtype=kernel.dtype)
    bell = torch.exp(-steps.square() / (2 * width**2))
    point = bell[:, None] * bell
    wide = torch.nn.functional.conv2d(kernel[None, None], point[None, None], padding=2)[0, 0]
    return wide / wide.sum()
