"""Data sets that a generator made: nearest range images of a test set, and samples by seed.

On range images, and on samples of digits, methods that use the same generator have no range error;
samples of shoes and faces are drawn from the adversarially trained generators and solved with the
defaults, which leave one. Either way such methods are favoured: results on these sets measure an
optimiser, and do not rank methods of different kinds.
"""

from __future__ import annotations

import dataclasses
import functools
import io
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from bench.datasets.arrays import read_npy
from bench.datasets.locations import cache_folder
from bench.datasets.motion_blur import MotionBlur, large_blur_sample
from bench.datasets.places import place_of
from bench.errors import BenchError
from bench.files import open_file, write_atomically
from bench.protocol import Dataset, Location, Sample
from bench.registry import DATASETS

if TYPE_CHECKING:
    from bench.methods.generators.loading import Prior

NOTICE = (
    "A generator made these images: methods that search its range are favoured, so this table does "
    "not rank methods of different kinds."
)

FOREIGN_NOTICE = (
    "A generator made these images, another one than the default prior that solves them: methods "
    "that search a generator's range are favoured still, so this table does not rank methods of "
    "different kinds."
)


def _prior(name: str) -> Prior:
    # Generators are a method's business; a generated data set is the one place that needs them.
    from bench.methods.generators.loading import load_generator

    return load_generator(name)


def _checksum(name: str) -> str:
    """First digits of the weights' checksum: other weights are another data set."""
    from bench.methods.generators.loading import load_card

    try:
        return load_card(name)["sha256"][:12]
    except BenchError:
        return "missing"


FIT = "2"
"""Version of the fit and of the files that keep its latents: raise it when either changes."""


class RangeImages(Dataset):
    """A test set with every image replaced by the nearest one its default prior can draw.

    These are *our* generators' range images; the authors' own are ``range_image`` of the test set.
    """

    base: ClassVar[str]
    generator: ClassVar[str]
    notice: ClassVar[str] = NOTICE
    in_range: ClassVar[bool] = True

    def __init__(self) -> None:
        self.samples = DATASETS.load(self.base)()

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> Sample:
        sample = self.samples[index]
        image = self._range_image(index, sample.image)
        return dataclasses.replace(sample, image=image, observation=None, published={})

    @classmethod
    def location(cls) -> Location:
        """Where the test set is."""
        return place_of(cls)

    @functools.cached_property
    def _model(self) -> Prior:
        return _prior(self.generator)

    def _range_image(self, index: int, image: Tensor) -> Tensor:
        """Fit a block of images at once and keep their latents in the cache folder."""
        from bench.methods.oracles.range_oracle import PRESETS, nearest_in_range

        folder = cache_folder() / "range" / f"{self.name}-{self.version}-{FIT}"
        path = folder / f"{index:04d}.npy"
        if not path.exists():
            preset = PRESETS["fast"]
            first = index - index % preset.block
            block = range(first, min(first + preset.block, len(self)))
            images = torch.stack([self.samples[i].image for i in block])
            found = nearest_in_range(self._model, images, preset)
            for member, latent in zip(block, found.latent, strict=True):
                buffer = io.BytesIO()
                np.save(buffer, latent.cpu().numpy())
                write_atomically(folder / f"{member:04d}.npy", buffer.getvalue())
        with open_file(path) as file:
            try:
                latent = torch.from_numpy(read_npy(file.read()))
            except (TypeError, ValueError) as error:
                raise BenchError(f"{path} is damaged ({error}); delete it.") from error
        with torch.no_grad():
            return self._model(latent[None])[0].clamp(0, 1)


class Samples(Dataset):
    """Images drawn by a generator from z ~ N(0, I), with fresh motion-blur kernels."""

    generator: ClassVar[str]
    in_range: ClassVar[bool] = True
    notice: ClassVar[str] = NOTICE
    count: ClassVar[int] = 80
    seed: ClassVar[int] = 2018

    def __init__(self) -> None:
        self.kernels = MotionBlur()

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        index = range(self.count)[index]
        return Sample(
            index=index,
            name=f"{index:03d}",
            image=self._images[index],
            kernel=self.kernels.kernel(index, seed=self.seed),
            kernel_id=f"motion-blur-{self.seed}-{index:03d}",
            blur_length=self.kernels.length(index, seed=self.seed),
        )

    @functools.cached_property
    def _images(self) -> Tensor:
        return _prior(self.generator).sample(self.seed, self.count)

    @classmethod
    def location(cls) -> Location:
        """The weights come with the package, once trained."""
        return place_of(cls)


class SVHNRange(RangeImages):
    """SVHN's test images, nearest in the range."""

    name, base, generator = "svhn-range", "svhn", "svhn"
    title = "SVHN test images, nearest in our generator's range."
    image_class, image_size = "svhn", (32, 32)
    version = _checksum("svhn")


class ShoesRange(RangeImages):
    """Shoes' test images, nearest in the range."""

    name, base, generator = "shoes-range", "shoes", "shoes"
    title = "Shoes test images, nearest in our generator's range."
    image_class = "shoes"
    version = _checksum("shoes")


class CelebARange(RangeImages):
    """CelebA's test images, nearest in the range."""

    name, base, generator = "celeba-range", "celeba", "celeba"
    title = "CelebA test images, nearest in our generator's range."
    image_class = "celeba"
    version = _checksum("celeba")


class SVHNSamples(Samples):
    """Digits drawn by the SVHN prior."""

    name, generator = "svhn-samples", "svhn"
    title = "Samples of our SVHN generator."
    image_class, image_size = "svhn", (32, 32)
    version = _checksum("svhn")


class ShoesSamples(Samples):
    """Shoes drawn by the adversarially trained generator, which is not the default prior."""

    name, generator = "shoes-samples", "shoes-adversarial"
    title = "Samples of our adversarially trained Shoes generator."
    image_class = "shoes"
    version = _checksum("shoes-adversarial")
    notice = FOREIGN_NOTICE


class PGGANSamples(Samples):
    """Faces of 128×128 drawn by our progressive generator, under blurs of 30 pixels: Figure 5."""

    name, generator = "pggan-samples", "faces128"
    title = "Samples of our progressive generator, with motion blurs of 30 pixels."
    image_class, image_size = "faces128", (128, 128)
    version = _checksum("faces128")

    def __getitem__(self, index: int) -> Sample:
        index = range(self.count)[index]
        return large_blur_sample(index, self._images[index], self.seed, length=30)


class CelebASamples(Samples):
    """Faces drawn by the adversarially trained generator, which is not the default prior."""

    name, generator = "celeba-samples", "celeba-adversarial"
    title = "Samples of our adversarially trained CelebA generator."
    image_class = "celeba"
    version = _checksum("celeba-adversarial")
    notice = FOREIGN_NOTICE
