"""Development sets: validation images and fresh kernels under the protocol of the test sets.

Whatever is tuned is tuned on these. Their kernels are of another seed than any test set's.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from bench.datasets.archives import to_unit_range, training_images
from bench.datasets.motion_blur import MotionBlur
from bench.datasets.photos import photo_crops
from bench.datasets.places import place_of
from bench.protocol import Dataset, Location, Sample
from bench.seeds import generator

KERNEL_SEED = 1000
COUNT = 80


class DevelopmentSet(Dataset):
    """80 validation images of a class, drawn by seed, each with a kernel of its own."""

    reads_data = True
    count: ClassVar[int] = COUNT

    def __init__(self) -> None:
        self._images = self._validation_images()
        self._kernels = MotionBlur()

    def _validation_images(self) -> Tensor:
        images = training_images(self.image_class, "val")
        order = torch.randperm(len(images), generator=generator("development", self.image_class))
        return to_unit_range(images[order[: self.count]], self.image_class)

    @classmethod
    def location(cls) -> Location:
        """Look for the training archive below the data folder."""
        return place_of(cls)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        return Sample(
            index=index,
            name=f"{index:03d}",
            image=self._images[index],
            kernel=self._kernels.kernel(index, seed=KERNEL_SEED),
            kernel_id=f"motion-blur-{KERNEL_SEED}-{index:03d}",
            blur_length=self._kernels.length(index, seed=KERNEL_SEED),
        )


class SVHNDevelopment(DevelopmentSet):
    """House numbers to tune on."""

    name = "svhn-val"
    title = "80 validation house numbers with fresh kernels, for tuning"
    image_class = "svhn"
    image_size = (32, 32)


class ShoesDevelopment(DevelopmentSet):
    """Shoes to tune on."""

    name = "shoes-val"
    title = "80 validation shoes with fresh kernels, for tuning"
    image_class = "shoes"


class CelebADevelopment(DevelopmentSet):
    """Faces to tune on."""

    name = "celeba-val"
    title = "80 validation faces with fresh kernels, for tuning"
    image_class = "celeba"


class PhotosDevelopment(DevelopmentSet):
    """Photographs to tune on; needs no download."""

    name = "photos-val"
    title = "crops of other scikit-image photographs, for tuning"
    image_class = "natural"

    def _validation_images(self) -> Tensor:
        return photo_crops("val")
