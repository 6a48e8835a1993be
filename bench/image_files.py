"""Image files to pixels, the header first and then every pixel or none; and pixels to files.

Pillow reads what has 8 bits per channel. It has no type for three channels of 16 or 32 bits, so
those are OpenCV's, which is told that they lie as they are stored; both are turned as the camera
was held.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import os
import struct
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, TiffImagePlugin

from bench.errors import InvalidInput
from bench.files import open_file

os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")  # our own message says it in one line
import cv2

logging.getLogger("PIL").addHandler(logging.NullHandler())  # likewise

MAX_PIXELS = 64_000_000
MAX_BYTES = 20 * MAX_PIXELS
"""Four channels of 32 bits each, and room for what is written next to them."""

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP", "PPM", "JPEG2000", "AVIF")
PLAIN = {"1": "L", "L": "L", "LA": "LA", "La": "LA", "RGBA": "RGBA", "RGBa": "RGBA", "PA": "RGBA"}
"""Pillow's modes that are not converted to RGB."""
TRANSPARENT = {"1": "LA", "L": "LA", "P": "RGBA", "RGB": "RGBA"}
"""What a mode becomes where one of its values stands for nothing."""

TIFF_MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
WIDTH, HEIGHT, BITS, SAMPLES = 256, 257, 258, 277
PIECES = ((273, 279), (324, 325))
"""TIFF tags with the places of strips and of tiles, and their numbers of bytes."""
PROFILE = 34675
ORIENTATION = int(ExifTags.Base.Orientation)
SAME_COLOUR = 2
"""Levels of 255 that two profiles may differ by and still be called the same."""


@dataclasses.dataclass(frozen=True)
class Header:
    """What a file says of its image before any pixel is decoded."""

    width: int
    height: int
    deep: bool
    tiff: TiffImagePlugin.ImageFileDirectory_v2 | None = None


def read_pixels(path: Path, to_srgb: bool = True) -> tuple[np.ndarray, list[str]]:
    """Read an image file.

    Parameters
    ----------
    path : Path
    to_srgb : bool
        Convert colours where an embedded profile says that they are others than sRGB's.

    Returns
    -------
    pixels : ndarray, shape (H, W) or (H, W, C)
        As stored (uint8, uint16 or floats), in the order red, green, blue, alpha.
    notices : list of str
        What was converted, and what of the file was left out.

    Raises
    ------
    InvalidInput
        If it cannot be read, or not as a whole, or has more than :data:`MAX_PIXELS`.
    """
    advice = "give a whole PNG, JPEG or TIFF file."
    with open_file(path, "photograph") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is wrong with a file, we say ourselves
        try:
            header = _header(stream)
        except Exception as error:  # decoders raise whatever the damage leads them to
            raise InvalidInput(f"{path} cannot be read as an image; {advice}") from error
        size = f"{header.width}×{header.height} pixels"
        if header.width * header.height > MAX_PIXELS:
            raise InvalidInput(
                f"{path} has {size}, more than fit in memory here; crop or shrink it."
            )
        if os.fstat(stream.fileno()).st_size > MAX_BYTES:
            raise InvalidInput(f"{path} is too large a file for its {size}; save it again.")
        notices: list[str] = []
        try:
            read = _deep_pixels if header.deep else _plain_pixels
            return read(stream, header, to_srgb, notices), notices
        except Exception as error:
            raise InvalidInput(f"{path} cannot be read as a whole image; {advice}") from error


def encode(pixels: np.ndarray, suffix: str) -> bytes:
    """Return the file of an image of shape (H, W, C), uint8 or uint16: grey, or red, green, blue.

    Parameters
    ----------
    pixels : ndarray
    suffix : str
        Names the format, such as ``.png``.
    """
    return cv2.imencode(suffix.lower(), np.ascontiguousarray(pixels[..., ::-1]))[1].tobytes()


def _header(stream: BinaryIO) -> Header:
    mark = stream.read(4)
    stream.seek(0)
    if mark in TIFF_MARKS:
        start = stream.read(16 if b"+" in mark else 8)
        tags = TiffImagePlugin.ImageFileDirectory_v2(start)
        stream.seek(tags.next)
        tags.load(stream)
        deep = max(tags.get(BITS, (1,))) > 8
        if deep and tags.get(SAMPLES, 1) > 4:
            raise ValueError(f"{tags[SAMPLES]} channels")
        return Header(tags[WIDTH], tags[HEIGHT], deep, tags)
    with _without_pillow_s_limit(), Image.open(stream, formats=FORMATS) as image:
        deep = image.mode.startswith(("I", "F")) or image.format == "PPM"
        if image.format == "PNG":
            stream.seek(24)
            deep = stream.read(1) == b"\x10"
        return Header(*image.size, deep)


@contextlib.contextmanager
def _without_pillow_s_limit() -> Iterator[None]:
    """Let Pillow tell the size of an image that it would refuse: our own limit is lower."""
    limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = limit


@contextlib.contextmanager
def _libtiff_unheard() -> Iterator[None]:
    """Keep off standard error what libtiff writes there past Python: our own message says it."""
    try:
        heard = os.dup(2)
    except OSError:  # standard error is closed
        yield
        return
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(heard, 2)
        os.close(heard)
        os.close(nowhere)


def _opened(stream: BinaryIO) -> Image.Image:
    stream.seek(0)
    image: Image.Image = Image.open(stream, formats=FORMATS)
    if image.format == "PNG":
        image.verify()  # the checksums, which decoding alone does not look at
        stream.seek(0)
        image = Image.open(stream, formats=FORMATS)
    return image


def _plain_pixels(
    stream: BinaryIO, header: Header, to_srgb: bool, notices: list[str]
) -> np.ndarray:
    image = _opened(stream)
    profile = image.info.get("icc_profile")
    if getattr(image, "is_animated", False):
        notices.append("it holds several pictures: the first is taken")
    with _libtiff_unheard() if header.tiff else contextlib.nullcontext():
        image.load()
    image = ImageOps.exif_transpose(image)
    if "transparency" in image.info:
        image = image.convert(TRANSPARENT.get(image.mode, image.mode))
    if profile and to_srgb:
        image = _in_srgb(image, profile, notices)
    return np.asarray(image.convert(PLAIN.get(image.mode, "RGB")))


def _deep_pixels(stream: BinaryIO, header: Header, to_srgb: bool, notices: list[str]) -> np.ndarray:
    stream.seek(0)
    data = stream.read()
    if header.tiff is None:
        image = _opened(stream)
        profile, several = image.info.get("icc_profile"), getattr(image, "is_animated", False)
        turned = image.getexif().get(ORIENTATION, 1)
    else:
        tags = header.tiff
        turned, profile, several = tags.get(ORIENTATION, 1), tags.get(PROFILE), bool(tags.next)
        data = _lying_as_stored(data, tags)
    if several:
        notices.append("it holds several pictures: the first is taken")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.shape[:2] != (header.height, header.width):
        raise ValueError("not all of it could be decoded")
    if pixels.ndim == 3 and pixels.shape[2] >= 3:
        pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    pixels = _turned(pixels, turned)
    if profile and to_srgb and pixels.dtype == np.uint16 and pixels.shape[2:] in ((), (3,)):
        eight = Image.fromarray((pixels / 257).round().astype(np.uint8))
        converted = _in_srgb(eight, profile, notices)
        if converted is not eight:
            notices.append("its colours are converted with 8 bits per channel")
            return np.asarray(converted)
    return pixels


def _lying_as_stored(data: bytes, tags: TiffImagePlugin.ImageFileDirectory_v2) -> bytes:
    """Return a TIFF without its orientation, if its data are all there."""
    for places, lengths in PIECES:
        for place, length in zip(tags.get(places, ()), tags.get(lengths, ()), strict=False):
            if place + length > len(data):
                raise ValueError("the file is cut short")
    order = "<" if data[:2] == b"II" else ">"
    big = b"+" in data[2:4]
    start = struct.unpack_from(f"{order}{'Q' if big else 'I'}", data, 8 if big else 4)[0]
    count = struct.unpack_from(f"{order}{'Q' if big else 'H'}", data, start)[0]
    patched = bytearray(data)
    for entry in range(count):
        place = start + (8 + 20 * entry if big else 2 + 12 * entry)
        if struct.unpack_from(f"{order}H", data, place)[0] == ORIENTATION:
            struct.pack_into(f"{order}H", patched, place + (12 if big else 8), 1)
    return bytes(patched)


def _turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an image as EXIF's orientation says, 1 to 8."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def _in_srgb(image: Image.Image, profile: bytes, notices: list[str]) -> Image.Image:
    """Convert an image from its own colours; one that has sRGB's already is returned itself."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        colours = image.convert({"GRAY": "L", "CMYK": "CMYK"}.get(space, "RGB"))
        srgb = ImageCms.createProfile("sRGB")
        transform = ImageCms.buildTransform(source, srgb, colours.mode, "RGB")
        if _changes_little(transform, colours.mode):
            return image
        converted = ImageCms.applyTransform(colours, transform)
        name = " ".join(ImageCms.getProfileDescription(source).split())
    except Exception:  # a profile is a program of its own, and may be anything
        notices.append("its colour profile is damaged and left out")
        return image
    if converted is None:
        return image
    shown = "".join(letter for letter in name[:60] if letter.isprintable()) or "its own profile"
    notices.append(f"its colours are converted to sRGB from {shown}")
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _changes_little(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Return whether a transform leaves a lattice of colours where they are."""
    steps = np.arange(0, 256, 51, dtype=np.uint8)
    if mode == "RGB":
        lattice = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(-1, 6, 3)
    elif mode == "L":
        lattice = steps[None]
    else:
        return False
    image = Image.fromarray(lattice)
    found = ImageCms.applyTransform(image, transform)
    difference = np.asarray(found, np.int16) - np.asarray(image.convert("RGB"), np.int16)
    return bool(np.abs(difference).max() <= SAME_COLOUR)
