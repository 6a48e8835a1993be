"""Lai et al. (2016): twenty images through four kernels, as their observations were made.

References
----------
W.-S. Lai, J.-B. Huang, Z. Hu, N. Ahuja and M.-H. Yang, "A Comparative Study for Single Image Blind
Deblurring", CVPR 2016.
"""

from __future__ import annotations

import csv
import functools

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.datasets.locations import BRING, require
from bench.datasets.natural import PublishedPairs, read_picture
from bench.datasets.pairs import BlurredDataset, GivenDataset, without_truth
from bench.datasets.places import place_of
from bench.errors import BenchError
from bench.protocol import Location, NoiseModel, Sample

IMAGES = tuple(
    f"{group}_{number:02d}"
    for group in ("manmade", "natural", "people", "text")
    for number in range(1, 6)
)
"""The five saturated images are left out: their published observations follow no model here."""
KERNELS = 4
REAL_SIZES = "lai/real/kernel_sizes.csv"


class Lai(PublishedPairs):
    """80 pairs in colour, of about 1024×680 pixels, with kernels of 31 to 75 pixels.

    The published observations are made by correlation with the stored kernels, which are turned
    round here, with replicated borders; what is called Gaussian noise of 1 % is uniform on
    [0, 0.01); and they are rounded to 8 bits. Every pixel of the published crops lies in the
    interval that this leaves for it. Kernels are up to 7.5 pixels off centre.
    """

    name = "lai"
    title = "Lai's 80 pairs: 20 images, 4 kernels of 31 to 75 pixels, colour"
    image_size = (1024, 1024)
    noise_model = NoiseModel("uniform", 0.01)
    images, kernels = len(IMAGES), KERNELS
    noise = 0.0029
    """Standard deviation of the uniform noise; the rounding adds 0.0011."""
    notice = (
        "Observations are made by the published model (replicated border, uniform noise, 8 bits). "
        "Scores are those of the best shift within half the kernel size, the border cropped. "
        "Lai's `text` images are also among those of the set `text`: never pool the two."
    )

    @classmethod
    def location(cls) -> Location:
        """Look for the folder ``lai`` below the data folder."""
        return place_of(cls)

    def pair(self, index: int, image: int, kernel: int) -> Sample:
        """Return a sample; see :class:`PublishedPairs`."""
        return Sample(
            index=index,
            name=f"{IMAGES[image]}_{kernel + 1}",
            image=_image(IMAGES[image]),
            kernel=_kernel(kernel + 1),
            kernel_id=f"lai-{kernel + 1:02d}",
        )


class LaiReal(GivenDataset):
    """Blurred photographs, without truth, with the kernel sizes that the authors chose.

    The authors have 100; the set is of those that lie below the data folder.
    """

    reads_data = True
    name = "lai-real"
    title = "Lai's real photographs, without truth, colour"
    image_class = "natural"
    image_size = (1200, 1200)
    truth_unknown = True
    notice = BlurredDataset.notice

    def __init__(self) -> None:
        self.sizes = _real_sizes()

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Sample:
        name, size = self.sizes[index]
        observation = read_picture(require(f"lai/real/{name}.jpg", BRING))
        return without_truth(index, name, observation, torch.full((size, size), float("nan")))

    @classmethod
    def location(cls) -> Location:
        """Look for the folder ``lai/real`` below the data folder."""
        return place_of(cls)


def _real_sizes() -> list[tuple[str, int]]:
    """Return the names of the photographs that are here, and the kernel size that the authors
    gave."""
    path = require(REAL_SIZES, BRING)
    try:
        rows = list(csv.DictReader(path.read_text("utf-8").splitlines()))
        sizes = {str(row["name"]): int(row["kernel_size"]) for row in rows}
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise BenchError(f"{path} is damaged ({error}); get it again.") from error
    return [(name, size) for name, size in sizes.items() if path.with_name(f"{name}.jpg").is_file()]


@functools.lru_cache(maxsize=1)  # the next sample is most often of the same image
def _image(name: str) -> Tensor:
    return read_picture(require(f"lai/sharp/{name}.webp", BRING))


@functools.lru_cache(maxsize=KERNELS)
def _kernel(number: int) -> Tensor:
    path = require(f"lai/kernels/kernel_{number:02d}.png", BRING)
    try:
        with Image.open(path) as picture:
            correlation = np.array(picture.convert("L"), np.float64)
    except (OSError, SyntaxError, ValueError) as error:
        raise BenchError(f"{path} is damaged ({error}); get it again.") from error
    return torch.from_numpy(correlation[::-1, ::-1] / correlation.sum())
