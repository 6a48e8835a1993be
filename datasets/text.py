"""Pan et al. (2014): fifteen pictures of text through Levin's eight kernels.

References
----------
J. Pan, Z. Hu, Z. Su and M.-H. Yang, "Deblurring Text Images via L0-Regularized Intensity and
Gradient Prior", CVPR 2014.
"""

from __future__ import annotations

import functools

from torch import Tensor

from bench.datasets.locations import BRING, require
from bench.datasets.natural import (
    LEVIN_KERNELS,
    PublishedPairs,
    levin_kernel,
    read_picture,
)
from bench.datasets.places import place_of
from bench.protocol import Location, NoiseModel, Sample

IMAGES = 15


class Text(PublishedPairs):
    """120 pairs in colour, without noise: the border is replicated and the result has 8 bits.

    With Levin's kernels in floating point the published crops are reproduced bit for bit; with
    the 8-bit pictures of the kernels that come with the set, to a grey level.
    """

    name = "text"
    title = "Pan's 120 text pairs: 15 pictures, Levin's 8 kernels, colour, no noise"
    image_size = (540, 668)
    noise_model = NoiseModel("none")
    images, kernels = IMAGES, LEVIN_KERNELS
    noise = 0.00113
    """The rounding to 8 bits, 1/(255 √12)."""
    notice = (
        "Observations are made by the published model (replicated border, no noise, 8 bits). "
        "Scores are those of the best shift within half the kernel size, the border cropped. "
        "`im02`, `05`, `06`, `07` and `08` are also Lai's text images: never pool the two sets."
    )

    @classmethod
    def location(cls) -> Location:
        """Look for the folder ``text`` and Levin's kernels below the data folder."""
        return place_of(cls)

    def pair(self, index: int, image: int, kernel: int) -> Sample:
        """Return a sample; see :class:`PublishedPairs`."""
        return Sample(
            index=index,
            name=f"im{image + 1:02d}_ker{kernel + 1:02d}",
            image=_image(image + 1),
            kernel=levin_kernel(kernel + 1),
            kernel_id=f"levin-{kernel + 1:02d}",
        )


@functools.lru_cache(maxsize=1)  # the next sample is most often of the same image
def _image(number: int) -> Tensor:
    return read_picture(require(f"text/sharp/im{number:02d}.png", BRING))
