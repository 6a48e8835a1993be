"""Twelve whole photographs to develop on, as people have them: other sizes, long blurs, 8 bits."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor

from bench.datasets.locations import BRING, require
from bench.datasets.motion_blur import MotionBlur
from bench.datasets.natural import read_picture
from bench.datasets.photos import FOLDER
from bench.datasets.places import place_of
from bench.photo import read_photo
from bench.protocol import Dataset, Location, Sample

ARCHIVE = "train/natural.zip"
KERNEL_SEED = 2024
# Where an observation is cut from, its size, and the blur: of scikit-image's photographs those
# that no test set has, of BSDS500's validation photographs the first.
PHOTOGRAPHS: tuple[tuple[str, tuple[int, int] | None, int], ...] = (
    ("camera.png", (256, 256), 9),
    ("coins.png", None, 11),
    ("chelsea.png", None, 15),
    ("val/0", None, 17),
    ("val/1", None, 21),
    ("rocket.jpg", None, 23),
    ("val/2", None, 27),
    ("val/3", None, 31),
    ("ihc.png", None, 33),
    ("val/4", None, 37),
    ("retina.jpg", (1000, 1000), 41),
    ("val/5", None, 45),
)


class WholePhotosDevelopment(Dataset):
    """Photographs of 256² pixels to a megapixel with motion blur of 9 to 45 pixels."""

    name = "whole-photos-val"
    title = "12 whole photographs with blurs of 9 to 45 pixels, for tuning"
    image_class = "natural"
    reads_data = True
    image_size = (1000, 1000)
    boundary = "valid"
    bits = 8
    alignment = "half kernel"

    @classmethod
    def location(cls) -> Location:
        """Look for the training archive of photographs below the data folder."""
        return place_of(cls)

    def __len__(self) -> int:
        return len(PHOTOGRAPHS)

    def __getitem__(self, index: int) -> Sample:
        name, observed, size = PHOTOGRAPHS[index]
        image = _picture(name)
        if observed is not None:
            tall, wide = (side + size - 1 for side in observed)
            top, left = (image.shape[1] - tall) // 2, (image.shape[2] - wide) // 2
            image = image[:, top : top + tall, left : left + wide].contiguous()
        return Sample(
            index=index,
            name=f"{index:02d}-{name.split('.')[0].replace('/', '-')}",
            image=image,
            kernel=MotionBlur(size).kernel(index, seed=KERNEL_SEED, length=size - 1),
            kernel_id=f"motion-blur-{KERNEL_SEED}-{index:03d}",
            blur_length=size - 1,
        )


def _picture(name: str) -> Tensor:
    if name.startswith("val/"):
        return validation_picture(int(name.removeprefix("val/")))
    return read_photo(FOLDER / name, to_srgb=False)[0]


def validation_picture(number: int) -> Tensor:
    """Read one of BSDS500's validation photographs, by its place among them from 0."""
    with _archive() as archive:
        return _read(archive, _members(archive, "val/")[number])


def training_pictures() -> Iterator[Tensor]:
    """Read BSDS500's training photographs one after the other, each (3, H, W) in [0, 1]."""
    with _archive() as archive:
        for name in _members(archive, "train/"):
            yield _read(archive, name)


def validation_pictures() -> Iterator[Tensor]:
    """Read BSDS500's validation photographs one after the other, each (3, H, W) in [0, 1]."""
    with _archive() as archive:
        for name in _members(archive, "val/"):
            yield _read(archive, name)


def _archive() -> zipfile.ZipFile:
    return zipfile.ZipFile(require(ARCHIVE, BRING))


def _members(archive: zipfile.ZipFile, folder: str) -> list[str]:
    return sorted(n for n in archive.namelist() if n.startswith(folder) and n[-1] != "/")


def _read(archive: zipfile.ZipFile, name: str) -> Tensor:
    return read_picture(Path(str(archive.filename)) / name, archive.read(name))
