"""Photographs with what their files keep next to the picture: colours, depth, alpha, EXIF."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from PIL import Image, PngImagePlugin
from torch import Tensor

from bench.files import write_atomically
from bench.image_files import read_pixels
from bench.photo.reading import to_unit_range

ORIENTATION = 0x0112
PROFILE = 34675
LEVELS = {8: 255, 16: 65535}
QUALITY = 95


@dataclasses.dataclass(frozen=True)
class Photograph:
    """A photograph in its own colours, turned as the camera was held.

    Attributes
    ----------
    image : Tensor, float32, shape (1 or 3, H, W), in [0, 1]
    alpha : Tensor or None, shape (H, W), in [0, 1]
    bits : int
        8 or 16 per channel.
    profile : bytes
        ICC profile of the colours; empty if the file has none.
    exif : bytes
        What the camera noted, but for the orientation; empty if there is nothing.
    """

    image: Tensor
    alpha: Tensor | None = None
    bits: int = 8
    profile: bytes = b""
    exif: bytes = b""


def read_photograph(path: Path) -> tuple[Photograph, list[str]]:
    """Read a photograph and what its file keeps next to it.

    Returns
    -------
    photograph : Photograph
    notices : list of str
        What was left out or is doubtful.

    Raises
    ------
    InvalidInput
        As of :func:`bench.photo.read_photo`.
    """
    mode, profile, exif = _beside(path)
    foreign = mode in ("CMYK", "LAB", "YCbCr", "HSV") and bool(profile)
    pixels, notices = read_pixels(path, to_srgb=foreign)
    bits = 8 if pixels.dtype == np.uint8 else 16
    image = to_unit_range(pixels, path, notices)
    image = image[..., None] if image.ndim == 2 else image
    alpha = None
    if image.shape[2] in (2, 4):
        alpha = torch.from_numpy(np.ascontiguousarray(image[..., -1]))
        # What nobody sees may be anything; white is what pages are.
        image = np.where(image[..., -1:] > 0, image[..., :-1], np.float32(1))
    planes = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
    return Photograph(planes, alpha, bits, b"" if foreign else profile, exif), notices


def write_photograph(path: Path, photograph: Photograph) -> list[str]:
    """Write a photograph with all that the format can keep.

    Returns
    -------
    list of str
        What the format cannot keep.
    """
    suffix, lost = path.suffix.lower(), []
    if suffix in (".jpg", ".jpeg"):
        if photograph.alpha is not None:
            lost.append(f"{suffix} has no alpha channel: it is left out")
        if photograph.bits == 16:
            lost.append(f"{suffix} has 8 bits per channel")
        photograph = dataclasses.replace(photograph, alpha=None, bits=8)
    write_atomically(path, _encoded(photograph, suffix))
    return lost


def _beside(path: Path) -> tuple[str, bytes, bytes]:
    """Mode, profile and EXIF of a file; nothing where they cannot be had."""
    with contextlib.suppress(Exception), Image.open(path) as picture:
        exif = picture.getexif()
        exif.pop(ORIENTATION, None)
        return picture.mode, picture.info.get("icc_profile") or b"", exif.tobytes() if exif else b""
    with contextlib.suppress(Exception), tifffile.TiffFile(path) as file:
        tag = file.pages[0].tags.get(PROFILE)  # type: ignore[union-attr]
        return "", bytes(tag.value) if tag else b"", b""
    return "", b"", b""


def _encoded(photograph: Photograph, suffix: str) -> bytes:
    planes = photograph.image
    if photograph.alpha is not None:
        planes = torch.cat([planes, photograph.alpha[None]])
    levels = LEVELS[photograph.bits]
    pixels = planes.clamp(0, 1).mul(levels).round().permute(1, 2, 0).contiguous().numpy()
    pixels = pixels.astype(np.uint8 if photograph.bits == 8 else np.uint16)
    pixels = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    if photograph.bits == 16:
        return _deep(pixels, photograph, suffix)
    stream = io.BytesIO()
    kept: dict[str, Any] = {"icc_profile": photograph.profile} if photograph.profile else {}
    if photograph.exif:
        kept["exif"] = photograph.exif
    kind = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}.get(suffix, "TIFF")
    more: dict[str, Any] = {"quality": QUALITY, "subsampling": 0} if kind == "JPEG" else {}
    if kind == "TIFF":
        kept.pop("exif", None)
        more = {"compression": "tiff_adobe_deflate"}
    Image.fromarray(pixels).save(stream, kind, **kept, **more)
    return stream.getvalue()


def _deep(pixels: np.ndarray, photograph: Photograph, suffix: str) -> bytes:
    """Encode 16 bits per channel, which Pillow cannot in colour."""
    if suffix == ".png":
        return _png16(pixels, photograph.profile)
    stream = io.BytesIO()
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    tifffile.imwrite(
        stream,
        pixels,
        photometric="rgb" if channels >= 3 else "minisblack",
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        iccprofile=photograph.profile or None,
        compression="adobe_deflate",
    )
    return stream.getvalue()


def _png16(pixels: np.ndarray, profile: bytes) -> bytes:
    """Encode a PNG of 16 bits with its profile, which OpenCV would leave out."""
    height, width = pixels.shape[:2]
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = pixels.astype(">u2").reshape(height, -1)
    # Differences to the pixel before (filter 1) are what compresses.
    raw = rows.view(np.uint8).reshape(height, width, 2 * channels)
    filtered = raw.copy()
    filtered[:, 1:] -= raw[:, :-1]
    lines = np.concatenate(
        [np.ones((height, 1), np.uint8), filtered.reshape(height, -1)], 1
    ).tobytes()
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))]
    if profile:
        chunks.append((b"iCCP", b"ICC Profile\0\0" + zlib.compress(profile)))
    chunks += [(b"IDAT", zlib.compress(lines, 6)), (b"IEND", b"")]
    stream = io.BytesIO(PngImagePlugin._MAGIC)
    stream.seek(0, io.SEEK_END)
    for name, content in chunks:
        PngImagePlugin.putchunk(stream, name, content)
    return stream.getvalue()
