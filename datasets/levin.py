"""Levin et al. (2009): four photographs through eight real kernels.

References
----------
A. Levin, Y. Weiss, F. Durand and W. T. Freeman, "Understanding and evaluating blind deconvolution
algorithms", CVPR 2009.
"""

from __future__ import annotations

import functools
import hashlib
import json
from pathlib import Path

import numpy as np
import scipy.io
import torch

from bench.datasets.arrays import digest
from bench.datasets.locations import BRING, require
from bench.datasets.places import place_of
from bench.errors import BenchError
from bench.files import open_file
from bench.protocol import Alignment, Dataset, Location, Sample

IMAGES, KERNELS = 4, 8
SIZE = (255, 255)
CHECKSUMS = Path(__file__).with_name("levin.json")
"""SHA-256 of each pair's arrays, by the file's name."""


class Levin(Dataset):
    """32 pairs, grey, 255×255: observations of a real camera, with free boundaries.

    The stored kernels are for a correlation and are turned round here. They are up to a few
    pixels off centre, so scores follow the set's usual procedure: of all shifts up to 5 pixels, in
    quarters of a pixel, the best, with a border of 15 pixels cropped.
    """

    name = "levin"
    title = "Levin's 32 pairs: 4 photographs, 8 real kernels, grey, 255×255"
    image_class = "natural"
    reads_data = True
    image_size = SIZE
    channels = 1
    boundary = "free"
    alignment = Alignment(max_shift=5, step=0.25, border=15)
    noise = 0.005
    """What methods are told. The pixel noise alone is 0.0025 to 0.003 (median absolute Laplacian);
    the residual of ``x ⊗ k`` inside the border, whole-pixel shift and gain settled, is 0.0033 to
    0.0055, since the measured kernels are not exact. A method has to allow for both."""

    @classmethod
    def location(cls) -> Location:
        """Look for the folder ``levin`` below the data folder."""
        return place_of(cls)

    def __len__(self) -> int:
        return IMAGES * KERNELS

    def __getitem__(self, index: int) -> Sample:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return _read(index)


def read_pair(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read the sharp image, the blurred one and the kernel of a file, as float32.

    Raises
    ------
    BenchError
        If it is damaged, or holds arrays of other sizes.
    """
    with open_file(path) as file:
        try:
            # Asked for first: reading makes room for whatever size the file says.
            shapes = {name: shape for name, shape, _ in scipy.io.whosmat(file)}
            if shapes["x"] != SIZE or shapes["y"] != SIZE or max(shapes["f"]) > min(SIZE):
                raise ValueError(f"arrays of {shapes['x']}, {shapes['y']} and {shapes['f']}")
            file.seek(0)
            arrays = scipy.io.loadmat(file, variable_names=("x", "y", "f"))
            x, y, f = (np.asarray(arrays[name], np.float32) for name in ("x", "y", "f"))
        except Exception as error:  # loadmat raises whatever the damage leads it to
            raise BenchError(f"{path} is damaged ({error}); get it again.") from error
    return x, y, f


def checksum(*arrays: np.ndarray) -> str:
    """SHA-256 of a pair's arrays together."""
    return hashlib.sha256("".join(map(digest, arrays)).encode()).hexdigest()


@functools.lru_cache(maxsize=IMAGES * KERNELS)
def _read(index: int) -> Sample:
    image, kernel = index // KERNELS + 1, index % KERNELS + 1
    name = f"im{image:02d}_ker{kernel:02d}"
    path = require(f"levin/{name}.mat", BRING)
    sharp, blurred, correlation = read_pair(path)
    if checksum(sharp, blurred, correlation) != json.loads(CHECKSUMS.read_text())[name]:
        raise BenchError(f"{path} has other pixels than were published; get it again.")
    turned = torch.from_numpy(np.ascontiguousarray(correlation[::-1, ::-1]))
    return Sample(
        index=index,
        name=name,
        image=torch.from_numpy(sharp)[None].clamp(0, 1),
        kernel=turned / turned.sum(),
        kernel_id=f"levin-{kernel:02d}",
        observation=torch.from_numpy(blurred)[None].clamp(0, 1),
    )
