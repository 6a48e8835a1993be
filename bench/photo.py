"""Reading one's own photograph, whatever its format, and writing what became of it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.files import write_atomically

os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # our own message says it in one line
import cv2

MAX_PIXELS = 64_000_000


def read_photo(path: Path, channels: int = 3) -> tuple[Tensor, list[str]]:
    """Read a PNG, JPEG or TIFF.

    Grey images, images with an alpha channel and 16-bit images are converted, each with a notice.

    Parameters
    ----------
    path : Path
    channels : {3, 1}
        Colour, or grey by luminance.

    Returns
    -------
    image : Tensor, float32, shape (channels, H, W), in [0, 1]
    notices : list of str
        What was converted.

    Raises
    ------
    InvalidInput
        If there is no such file, it is no image, or it holds NaN or values out of range.
    """
    if not path.is_file():
        raise InvalidInput(f"There is no photograph at {path}; check the path.")
    pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if pixels is not None and pixels.dtype == np.uint8 and pixels.shape[2:] == (3,):
        pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)  # again, turned as the camera was held
    if pixels is None or pixels.size == 0:
        raise InvalidInput(
            f"{path} cannot be read as an image; give a whole PNG, JPEG or TIFF file."
        )
    if pixels.shape[0] * pixels.shape[1] > MAX_PIXELS:
        raise InvalidInput(
            f"{path} has {pixels.shape[1]}×{pixels.shape[0]} pixels, more than fit in memory here; "
            "crop or shrink it."
        )
    notices: list[str] = []
    image = _to_unit_range(pixels, path, notices)
    if image.ndim == 2:
        image = image[..., None]
    if image.shape[2] in (2, 4):
        notices.append("its alpha channel is laid over white")
        alpha = image[..., -1:]
        image = image[..., :-1] * alpha + (1 - alpha)
    if image.shape[2] == 1 and channels == 3:
        notices.append("it is grey: its one channel is used for all three")
        image = image.repeat(3, axis=2)
    elif image.shape[2] == 3:
        image = image[..., ::-1]  # OpenCV's order is blue, green, red
    if image.shape[2] == 3 and channels == 1:
        notices.append("it is converted to grey")
        image = image @ np.array([[0.299], [0.587], [0.114]], np.float32)
    if image.shape[2] != channels:
        raise InvalidInput(f"{path} has {image.shape[2]} channels; give a grey or RGB image.")
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))), notices


def _to_unit_range(pixels: np.ndarray, path: Path, notices: list[str]) -> np.ndarray:
    if pixels.dtype == np.uint8:
        return pixels.astype(np.float32) / 255
    if pixels.dtype == np.uint16:
        notices.append("it has 16 bits per channel: the result is written with 8")
        return pixels.astype(np.float32) / 65535
    if pixels.dtype in (np.float32, np.float64):
        if not np.isfinite(pixels).all():
            raise InvalidInput(f"{path} has NaN or infinite pixels; repair it first.")
        if pixels.min() < 0 or pixels.max() > 1:
            raise InvalidInput(
                f"{path} spans [{pixels.min():.3g}, {pixels.max():.3g}]; scale it to [0, 1]."
            )
        return pixels.astype(np.float32)
    raise InvalidInput(f"{path} has pixels of type {pixels.dtype}; save it with 8 or 16 bits.")


def write_photo(path: Path, image: Tensor) -> None:
    """Write an image of shape (C, H, W) in [0, 1] with 8 bits per channel.

    Raises
    ------
    InvalidInput
        If the suffix names no format that can be written.
    """
    check_writable(path)
    pixels = image.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()
    _, data = cv2.imencode(path.suffix, pixels[..., ::-1])
    write_atomically(path, data.tobytes())


def check_writable(path: Path) -> None:
    """Refuse an output name whose suffix names no image format, before any work is done."""
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg", ".tif", ".tiff"):
        raise InvalidInput(f"{path} names no image format; end it in .png, .jpg or .tif.")
