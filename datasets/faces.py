"""Faces of 128×128, framed as the paper's PGGAN samples, under the blurs of that experiment.

From ``train/faces128.zip``: ``train/`` and ``val/`` are CelebA's (its own train partition), for
priors and for tuning; ``test/`` is FFHQ's, aligned to the same frame, which no prior here has seen.
"""

from __future__ import annotations

import torch

from bench.datasets.archives import load_archive
from bench.datasets.development import KERNEL_SEED, DevelopmentSet
from bench.datasets.motion_blur import large_blur_sample
from bench.datasets.places import place_of
from bench.protocol import Dataset, Location, Sample

SIZE = (128, 128)


class Faces128(Dataset):
    """210 faces that no prior has seen."""

    name = "faces128"
    title = "210 held-out FFHQ faces, 128×128, with motion blurs of up to 30 pixels"
    image_class = "faces128"
    image_size = SIZE
    reads_data = True

    def __init__(self) -> None:
        archive = load_archive("faces128")
        chosen = [i for i, name in enumerate(archive.names) if name.startswith("test/")]
        self._images = archive.images[torch.tensor(chosen)]

    @classmethod
    def location(cls) -> Location:
        """Look for the archive below the data folder."""
        return place_of(cls)

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Sample:
        index = range(len(self))[index]
        return large_blur_sample(index, self._images[index].float() / 255, seed=128)


class Faces128Development(DevelopmentSet):
    """Faces of 128×128 to tune on."""

    name = "faces128-val"
    title = "80 validation faces of 128×128 with fresh kernels, for tuning"
    image_class = "faces128"
    image_size = SIZE

    def __getitem__(self, index: int) -> Sample:
        return large_blur_sample(range(len(self))[index], self._images[index], KERNEL_SEED)
