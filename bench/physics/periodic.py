"""Images without the jump that the Fourier transform sees at their borders.

References
----------
L. Moisan, "Periodic Plus Smooth Image Decomposition", Journal of Mathematical Imaging and Vision
39(2), 2011.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def periodic_component(plane: Tensor) -> Tensor:
    """Take from images what makes them jump where they wrap around.

    Parameters
    ----------
    plane : Tensor, shape (..., H, W)

    Returns
    -------
    Tensor, shape (..., H, W)
        The image less a smooth one that has the same jumps between opposite borders.
    """
    height, width = plane.shape[-2:]
    jumps = torch.zeros_like(plane)
    rows, cols = plane[..., 0, :] - plane[..., -1, :], plane[..., :, 0] - plane[..., :, -1]
    jumps[..., 0, :] += rows
    jumps[..., -1, :] -= rows
    jumps[..., :, 0] += cols
    jumps[..., :, -1] -= cols
    along = 2 * torch.cos(2 * math.pi * torch.fft.fftfreq(height, dtype=plane.dtype))[:, None]
    across = 2 * torch.cos(2 * math.pi * torch.fft.rfftfreq(width, dtype=plane.dtype))
    laplacian = 4 - along - across
    laplacian[0, 0] = 1
    smooth = torch.fft.rfft2(jumps) / laplacian.to(plane.device)
    smooth[..., 0, 0] = 0
    return plane - torch.fft.irfft2(smooth, s=(height, width))
