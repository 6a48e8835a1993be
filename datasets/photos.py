"""Photographs that come inside scikit-image: no download, so the embedded default."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal

import skimage
import torch
from torch import Tensor

from bench.datasets.motion_blur import MotionBlur
from bench.datasets.places import place_of
from bench.photo import read_photo
from bench.protocol import Dataset, Location, Sample

FOLDER = Path(skimage.__file__).parent / "data"
PHOTOGRAPHS: dict[str, tuple[str, ...]] = {
    "test": ("astronaut.png", "coffee.png", "motorcycle_left.png"),
    "val": (
        "chelsea.png",
        "rocket.jpg",
        "camera.png",
        "coins.png",
        "brick.png",
        "clock_motion.png",
    ),
}
"""No photograph is in both. Only files that the package itself brings."""
PER_PHOTOGRAPH = 8
KERNEL_SEED = {"test": 0, "val": 1}


def photo_crops(
    split: Literal["test", "val"] = "test",
    size: int = 64,
    count: int = PER_PHOTOGRAPH,
    shrink: int = 2,
) -> Tensor:
    """Cut crops with structure from the photographs, shrunk first.

    Parameters
    ----------
    split : {"test", "val"}
        ``val`` is for tuning.
    size : int
        Side of a crop in pixels.
    count : int
        Crops per photograph: of the non-overlapping ones, those with the largest variance.
    shrink : int
        Pixels averaged into one along each side, which leaves the photographs sharp.

    Returns
    -------
    Tensor, float32, shape (N, 3, size, size), in [0, 1]
    """
    return torch.cat([_crops(name, size, count, shrink) for name in PHOTOGRAPHS[split]])


@functools.lru_cache(maxsize=32)
def _crops(name: str, size: int, count: int, shrink: int) -> Tensor:
    image, _ = read_photo(FOLDER / name, to_srgb=False)  # as stored: one file has other colours
    small = torch.nn.functional.avg_pool2d(image[None], shrink)[0]
    crops = small.unfold(1, size, size).unfold(2, size, size)
    crops = crops.permute(1, 2, 0, 3, 4).reshape(-1, 3, size, size)
    chosen = crops.var((1, 2, 3)).argsort(descending=True, stable=True)[:count]
    return crops[chosen.sort().values].contiguous()


class Photos(Dataset):
    """64×64 crops of everyday photographs, blurred by motion-blur kernels drawn by seed."""

    name = "photos"
    title = "24 crops of scikit-image's photographs, 64×64: needs no download"
    image_class = "natural"

    @classmethod
    def location(cls) -> Location:
        """Say where the installed scikit-image has its photographs."""
        return place_of(cls)

    def __init__(self) -> None:
        self._images = photo_crops("test")
        self._kernels = MotionBlur()

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        return Sample(
            index=index,
            name=f"{index:03d}",
            image=self._images[index],
            kernel=self._kernels.kernel(index, seed=KERNEL_SEED["test"]),
            kernel_id=f"motion-blur-{KERNEL_SEED['test']}-{index:03d}",
            blur_length=self._kernels.length(index, seed=KERNEL_SEED["test"]),
        )
