"""Reading one's own photograph, whatever its format, and writing what became of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.files import check_place, write_atomically
from bench.image_files import encode, read_pixels
from bench.physics.intensity import LUMA

DEEP = "it has 16 bits per channel: the result is written with 8"
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
SHALLOW_BITS = 14
"""Cameras deliver 10 to 14 bits; a file of 16 that uses no more may not have been scaled up."""


def read_photo(path: Path, channels: int = 3, *, to_srgb: bool = True) -> tuple[Tensor, list[str]]:
    """Read a PNG, JPEG or TIFF, turned as the camera was held.

    Grey images, images with an alpha channel, 16-bit images and colours other than sRGB's are
    converted, each with a notice.

    Parameters
    ----------
    path : Path
    channels : {3, 1}
        Colour, or grey by luminance.
    to_srgb : bool
        False takes the pixels as they are stored, whatever the file's colour profile says.

    Returns
    -------
    image : Tensor, float32, shape (channels, H, W), in [0, 1]
    notices : list of str
        What was converted.

    Raises
    ------
    InvalidInput
        If there is no such file, it is no whole image, too large, or holds NaN or values out of
        range.
    """
    pixels, notices = read_pixels(path, to_srgb)
    image = to_unit_range(pixels, path, notices)
    if image.ndim == 2:
        image = image[..., None]
    if image.shape[2] in (2, 4):
        notices.append("its alpha channel is laid over white")
        alpha = image[..., -1:]
        image = image[..., :-1] * alpha + (1 - alpha)
    if image.shape[2] == 1 and channels == 3:
        notices.append("it is grey: its one channel is used for all three")
        image = image.repeat(3, axis=2)
    if image.shape[2] == 3 and channels == 1:
        notices.append("it is converted to grey")
        image = image @ np.array(LUMA, np.float32)[:, None]
    if image.shape[2] != channels:
        raise InvalidInput(f"{path} has {image.shape[2]} channels; give a grey or RGB image.")
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))), notices


def to_unit_range(pixels: np.ndarray, path: Path, notices: list[str]) -> np.ndarray:
    """Scale pixels of 8 or 16 bits to [0, 1], and refuse floats that are not there."""
    if pixels.dtype == np.uint8:
        return _scaled(pixels, 255)
    if pixels.dtype == np.uint16:
        notices.append(DEEP)
        bits = int(pixels.max()).bit_length()
        if 8 < bits <= SHALLOW_BITS:
            notices.append(
                f"its largest value is {pixels.max()} of 65535, so it may be {bits} bits in a file "
                f"of 16 and too dark here: if so, multiply it by {2 ** (16 - bits)} first"
            )
        return _scaled(pixels, 65535)
    if pixels.dtype in (np.float32, np.float64):
        if not np.isfinite(pixels).all():
            raise InvalidInput(f"{path} has NaN or infinite pixels; repair it first.")
        if pixels.min() < 0 or pixels.max() > 1:
            raise InvalidInput(
                f"{path} spans [{pixels.min():.3g}, {pixels.max():.3g}]; scale it to [0, 1]."
            )
        return pixels.astype(np.float32)
    raise InvalidInput(f"{path} has pixels of type {pixels.dtype}; save it with 8 or 16 bits.")


def _scaled(pixels: np.ndarray, levels: int) -> np.ndarray:
    floats = pixels.astype(np.float32)
    floats /= levels  # in place: a large photograph fills the memory once, not twice
    return floats


def write_photo(path: Path, image: Tensor) -> None:
    """Write an image of shape (C, H, W) in [0, 1] with 8 bits per channel.

    Raises
    ------
    InvalidInput
        If the suffix names no format that can be written.
    """
    _check_suffix(path)
    pixels = image.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy()
    write_atomically(path, encode(pixels, path.suffix))


def png16(image: Tensor) -> bytes:
    """Return an image of shape (C, H, W) in [0, 1] as a PNG of 16 bits per channel."""
    pixels = image.mul(65535).round().clamp(0, 65535).permute(1, 2, 0).numpy().astype(np.uint16)
    return encode(pixels, ".png")


def check_writable(path: Path, photo: Path | None = None) -> None:
    """Refuse an output, before any work is done, that could not or should not be written.

    Parameters
    ----------
    path : Path
        Its suffix has to name an image format, and its folder has to take files.
    photo : Path, optional
        What is read, and must not be written over, by the result or by its kernel.

    Raises
    ------
    InvalidInput
    """
    _check_suffix(path)
    for place in (path, kernel_path(path), comparison_path(path)):
        check_place(place)
        if photo is not None and place.resolve() == photo.resolve():
            raise InvalidInput(f"{place} is the photograph itself; choose another --out.")


def kernel_path(path: Path) -> Path:
    """Return where the estimated kernel goes, next to the result."""
    return path.with_name(f"{path.stem}-kernel.png")


def comparison_path(path: Path) -> Path:
    """Return where the picture of before and after goes, next to the result."""
    return path.with_name(f"{path.stem}-comparison.jpg")


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidInput(f"{path} names no image format; end it in .png, .jpg or .tif.")
