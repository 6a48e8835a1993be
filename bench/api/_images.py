"""Images and kernels that a caller gives, as tensors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench import photo
from bench.errors import InvalidInput

ImageLike = str | os.PathLike[str] | np.ndarray | Tensor
"""A file, an array (H, W) or (H, W, C), or a tensor (H, W) or (C, H, W)."""


def as_image(value: ImageLike) -> Tensor:
    """Turn a file, an array or a tensor into an image.

    Returns
    -------
    Tensor, float32, shape (C, H, W), in [0, 1]

    Raises
    ------
    InvalidInput
        If the shape or the range is no image's.
    """
    if isinstance(value, str | os.PathLike):
        return photo.read_photo(Path(value))[0]
    image = value if isinstance(value, Tensor) else _from_array(np.asarray(value))
    image = image[None] if image.ndim == 2 else image
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise InvalidInput(
            f"The image has shape {tuple(image.shape)}; give an array (H, W) or (H, W, 3) or a "
            "tensor (1, H, W) or (3, H, W)."
        )
    if not image.is_floating_point():
        raise InvalidInput(f"The image has type {image.dtype}; convert it to floats in [0, 1].")
    low, high = float(image.min()), float(image.max())
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise InvalidInput(f"The image spans [{low:.3g}, {high:.3g}]; scale it to [0, 1].")
    return image.to(torch.float32)


def _from_array(array: np.ndarray) -> Tensor:
    scale = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}.get(array.dtype)
    values = array.astype(np.float32) / scale if scale else array
    axes = values.transpose(2, 0, 1) if values.ndim == 3 else values
    return torch.from_numpy(np.ascontiguousarray(axes))


def as_kernel(value: Any) -> Tensor:
    kernel = torch.as_tensor(np.asarray(value), dtype=torch.float32)
    total = kernel.sum()
    if kernel.ndim != 2 or not total > 0:
        raise InvalidInput(
            f"The kernel has shape {tuple(kernel.shape)} and sum {float(total):.3g}; give a "
            "non-negative array (h, w) that is not black."
        )
    return (kernel / total)[None]
