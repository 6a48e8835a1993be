"""Rows of small pictures as one WebP file, and how a picture becomes small."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image
from torch import Tensor

LARGEST = 192
"""Pixels that the longer side of a thumbnail has at most: thumbnails may be published, data not."""
QUALITY = 88
MISSING_GREY = 0.93
MOST = 64
"""Pictures in a row: a WebP file is at most 16383 pixels wide."""


def kernel_picture(kernel: Tensor) -> np.ndarray:
    """Scale a kernel to [0, 1]; as an image it has one channel."""
    values = kernel.nan_to_num(0).clamp_min(0).float()
    return (values / values.max().clamp_min(1e-12))[:, :, None].numpy()


def thumbnail(image: Tensor | None) -> np.ndarray | None:
    """Height, width, channels in [0, 1], no side longer than :data:`LARGEST`.

    What is NaN, as a truth that nobody knows, is as grey as what is missing.
    """
    if image is None:
        return None
    pixels = image.nan_to_num(MISSING_GREY).clamp(0, 1).permute(1, 2, 0).float().numpy()
    height, width = pixels.shape[:2]
    if max(height, width) <= LARGEST:
        return pixels
    share = LARGEST / max(height, width)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    picture = Image.fromarray(_to_bytes(pixels)).resize(size, Image.Resampling.BOX)
    return np.asarray(picture, dtype=np.float32) / 255


def tile_size(pictures: Sequence[np.ndarray | None]) -> list[int]:
    """Width and height that hold every picture."""
    shapes = [picture.shape for picture in pictures if picture is not None]
    return [max(shape[1] for shape in shapes), max(shape[0] for shape in shapes)]


def encode(pictures: Sequence[np.ndarray | None], tile: Sequence[int], quality: bool) -> bytes:
    """Put pictures side by side, each in the middle of its tile, and encode them."""
    width, height = tile
    canvas = np.zeros((height, width * len(pictures), 3), np.float32)
    for position, picture in enumerate(pictures):
        left = position * width
        if picture is None:
            canvas[:, left : left + width] = MISSING_GREY
            continue
        rows, columns = picture.shape[:2]
        top, left = (height - rows) // 2, left + (width - columns) // 2
        pixels = picture[:, :, None] if picture.ndim == 2 else picture
        canvas[top : top + rows, left : left + columns] = pixels
    buffer = io.BytesIO()
    options = {"quality": QUALITY} if quality else {"lossless": True}
    Image.fromarray(_to_bytes(canvas)).save(buffer, "webp", method=6, **options)
    return buffer.getvalue()


def _to_bytes(pixels: np.ndarray) -> np.ndarray:
    levels = np.round(pixels * 255).astype(np.uint8)
    return levels[:, :, 0] if levels.ndim == 3 and levels.shape[2] == 1 else levels
