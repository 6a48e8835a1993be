"""Levin et al. (2009): four photographs through eight real kernels.

References
----------
A. Levin, Y. Weiss, F. Durand and W. T. Freeman, "Understanding and evaluating blind deconvolution
algorithms", CVPR 2009.
"""

from __future__ import annotations

import functools

import numpy as np
import scipy.io
import torch

from bench.datasets.locations import BRING, locate, require
from bench.errors import BenchError
from bench.protocol import Alignment, Dataset, Location, Scene

IMAGES, KERNELS = 4, 8


class Levin(Dataset):
    """32 pairs, grey, 255×255: observations of a real camera, with free boundaries.

    The stored kernels are for a correlation and are turned round here. They are up to a few
    pixels off centre, so scores follow the set's usual procedure: of all shifts up to 5 pixels, in
    quarters of a pixel, the best, with a border of 15 pixels cropped.
    """

    name = "levin"
    title = "Levin's 32 pairs: 4 photographs, 8 real kernels, grey, 255×255"
    image_class = "natural"
    image_size = (255, 255)
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
        return locate("levin/im01_ker01.mat", f"It holds imNN_kerNN.mat files. {BRING}")

    def __len__(self) -> int:
        return IMAGES * KERNELS

    def __getitem__(self, index: int) -> Scene:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return _read(index)


@functools.lru_cache(maxsize=IMAGES * KERNELS)
def _read(index: int) -> Scene:
    image, kernel = index // KERNELS + 1, index % KERNELS + 1
    name = f"im{image:02d}_ker{kernel:02d}"
    path = require(f"levin/{name}.mat", BRING)
    try:
        arrays = scipy.io.loadmat(path, variable_names=("x", "y", "f"))
        sharp, blurred, correlation = (np.asarray(arrays[k], np.float32) for k in ("x", "y", "f"))
    except Exception as error:  # loadmat raises whatever the damage leads it to
        raise BenchError(f"{path} is damaged ({error}); get it again.") from error
    turned = torch.from_numpy(np.ascontiguousarray(correlation[::-1, ::-1]))
    return Scene(
        index=index,
        name=name,
        image=torch.from_numpy(sharp)[None].clamp(0, 1),
        kernel=turned / turned.sum(),
        kernel_id=f"levin-{kernel:02d}",
        observation=torch.from_numpy(blurred)[None].clamp(0, 1),
    )
