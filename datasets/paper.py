"""The published test sets, with the authors' own outputs, and the PGGAN samples.

Read from ``paper/*.npz`` below the data folder, as ``data fetch`` writes them, and held against the
checksums of what was published. The three sets share their kernels: kernel *i* is the same in all
of them, and blurs image *i*.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from bench.datasets.arrays import differing, published_checksums, read_npz
from bench.datasets.locations import FETCH, locate, require
from bench.datasets.motion_blur import large_blur_sample
from bench.datasets.places import place_of
from bench.errors import BenchError
from bench.protocol import Dataset, Location, Sample

OUTPUTS = ("range_image", *(f"dd_{part}" for part in ("blurry", "image", "kernel")))
KERNEL_SIZE = (28, 28)
RANGE_OUTPUTS = tuple(f"dd_range_{part}" for part in ("blurry", "image", "kernel"))
SLACK_OUTPUTS = tuple(f"dds_{part}" for part in ("blurry", "image", "kernel", "in_range_image"))


class PaperSet(Dataset):
    """A published test set: images, kernels, and what the authors' methods made of them."""

    reads_data = True
    outputs: ClassVar[tuple[str, ...]] = (*OUTPUTS, *RANGE_OUTPUTS)
    count: ClassVar[int] = 80

    def __init__(self) -> None:
        self._arrays = read_arrays(self.name, ("image", "kernel", *self.outputs))
        for key, array in self._arrays.items():
            each = KERNEL_SIZE if key.endswith("kernel") else (*self.image_size, 3)
            kind = np.float64 if key == "kernel" else np.uint8
            if array.shape != (self.count, *each) or array.dtype != kind:
                raise BenchError(
                    f"{self.location().path} has {key!r} as {array.dtype} {array.shape}, not "
                    f"{np.dtype(kind)} {(self.count, *each)}; get the published test set again. "
                    f"{FETCH}"
                )
        check_published(self.name, self._arrays)

    @classmethod
    def location(cls) -> Location:
        """Look for the set below the data folder."""
        return place_of(cls)

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        published = {
            name: as_kernel(self._arrays[name][index])
            if name.endswith("kernel")
            else as_image(self._arrays[name][index])
            for name in self.outputs
        }
        return Sample(
            index=index,
            name=f"{index:03d}",
            image=as_image(self._arrays["image"][index]),
            kernel=as_kernel(self._arrays["kernel"][index]),
            kernel_id=f"published-{index:03d}",
            published=published,
        )


class SVHN(PaperSet):
    """100 house numbers."""

    name = "svhn"
    title = "the paper's 100 house numbers, 32×32, with its kernels"
    image_class = "svhn"
    image_size = (32, 32)
    count = 100


class Shoes(PaperSet):
    """80 shoes."""

    name = "shoes"
    title = "the paper's 80 shoes, 64×64, with its kernels"
    image_class = "shoes"
    outputs = (*PaperSet.outputs, *SLACK_OUTPUTS)


class CelebA(PaperSet):
    """80 faces."""

    name = "celeba"
    title = "the paper's 80 faces, 64×64, with its kernels"
    image_class = "celeba"
    outputs = (*PaperSet.outputs, *SLACK_OUTPUTS)


class PGGAN(Dataset):
    """13 samples of a progressive GAN, blurred by kernels drawn by seed."""

    name = "pggan"
    title = "the paper's 13 PGGAN samples, 128×128, with motion blurs of up to 30 pixels by seed"
    image_class = "faces128"
    version = "2"
    reads_data = True
    image_size = (128, 128)

    def __init__(self) -> None:
        arrays = read_arrays("pggan", ("image",))
        check_published("pggan", arrays)
        self._images = arrays["image"]

    @classmethod
    def location(cls) -> Location:
        """Look for the samples below the data folder."""
        return place_of(cls)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        return large_blur_sample(index, as_image(self._images[index]), seed=0)


class PublishedPGGAN(PGGAN):
    """The same as the authors' code blurs them: a correlation with one pixel of zeros around."""

    name = "pggan-padded"
    title = "the same 13 samples by the published forward model: zeros around, 99×99 observed"
    boundary = "padded"
    version = "1"


def read_arrays(name: str, wanted: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Read arrays of a published set; nothing in the file is unpickled.

    Raises
    ------
    Unavailable
        If the file is not there.
    BenchError
        If it is damaged or lacks an array.
    """
    return read_npz(require(f"paper/{name}.npz", FETCH), wanted)


def check_published(name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Refuse arrays of a set that are not what was published, such as inverted images.

    Hashing takes some 20 ms per set, so it is done whenever one is opened.

    Raises
    ------
    BenchError
        Naming the first that differs.
    """
    known = published_checksums()[name]
    for key, values in arrays.items():
        index = differing(np.atleast_1d(values), known[key])
        if index is not None:
            path = locate(f"paper/{name}.npz", FETCH).path
            raise BenchError(
                f"{path} has another {key} {index} than was published; delete it and get it "
                f"again. {FETCH}"
            )


def as_image(pixels: np.ndarray) -> Tensor:
    """Turn uint8 (H, W, 3) into float32 (3, H, W) in [0, 1]."""
    return torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1).contiguous()


def as_kernel(values: np.ndarray) -> Tensor:
    """Turn a kernel of any scale into float32, summing to 1."""
    kernel = torch.from_numpy(values.astype(np.float64))
    return (kernel / kernel.sum().clamp_min(1e-12)).float()
