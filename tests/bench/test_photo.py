"""Photographs as cameras, scanners and editors leave them, whole and damaged."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from bench.errors import InvalidInput
from bench.files import LFS_POINTER
from bench.photo import check_writable, read_photo, write_photo

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
SMOOTH = np.asarray(Image.fromarray(PIXELS).resize((300, 200), Image.Resampling.BICUBIC))
TURNED = np.rot90(SMOOTH, -1)  # what orientation 6 asks for


def saved(path: Path, pixels: np.ndarray, **options: Any) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize(
    ("name", "pixels", "tolerance"),
    [
        ("colour.jpg", SMOOTH, 0.02),
        ("grey.jpg", SMOOTH[..., 0], 0.02),
        ("colour.png", SMOOTH, 0),
        ("grey.png", SMOOTH[..., 0], 0),
        ("rgba.png", np.dstack([SMOOTH, np.full((200, 300), 255, np.uint8)]), 0),
        ("deep.png", SMOOTH[..., 0].astype(np.uint16) * 257, 0),
        ("colour.tif", SMOOTH, 0),
        ("grey.tif", SMOOTH[..., 0], 0),
        ("deep.tif", SMOOTH[..., 0].astype(np.uint16) * 257, 0),
        ("colour.webp", SMOOTH, 0),
    ],
)
def test_a_camera_held_upright_gives_an_upright_image(
    tmp_path: Path, name: str, pixels: np.ndarray, tolerance: float
) -> None:
    options = {"lossless": True} if name.endswith("webp") else {"quality": 100, "subsampling": 0}
    photo = saved(tmp_path / name, pixels, exif=exif(6), **options)
    image, _ = read_photo(photo)
    assert image.shape == (3, 300, 200)
    expected = (TURNED if pixels.ndim == 3 else TURNED[..., :1]) / 255
    assert np.abs(image.permute(1, 2, 0).numpy() - expected).max() <= tolerance + 1e-6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bits_are_turned_as_eight_are(tmp_path: Path, orientation: int) -> None:
    eight = saved(tmp_path / "8.png", PIXELS[..., 0], exif=exif(orientation))
    deep = PIXELS[..., 0].astype(np.uint16) * 257
    expected, _ = read_photo(eight, channels=1)
    for name in ("16.png", "16.tif"):
        image, _ = read_photo(saved(tmp_path / name, deep, exif=exif(orientation)), channels=1)
        assert (image - expected).abs().max() < 1e-6


def deep_colours(path: Path) -> Path:
    assert cv2.imwrite(str(path), np.ascontiguousarray(SMOOTH[..., ::-1]).astype(np.uint16) * 257)
    return path


@pytest.mark.parametrize("share", [0.5, 0.9])
@pytest.mark.parametrize(
    "name", ["a.jpg", "progressive.jpg", "a.png", "a.tif", "a.webp", "a.gif", "16.png", "16.tif"]
)
def test_half_a_file_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str, share: float
) -> None:
    path = tmp_path / name
    if name.startswith("16"):
        deep_colours(path)
    else:
        saved(path, SMOOTH, **({"progressive": True} if "progressive" in name else {}))
    data = path.read_bytes()
    read_photo(path)
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InvalidInput, match=r"cannot be read as (an|a whole) image"):
        read_photo(path)
    assert capfd.readouterr().err == ""


def test_a_png_with_a_damaged_middle_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", SMOOTH)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match="whole image"):
        read_photo(path)


def test_a_name_that_is_no_utf8_is_read(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    image, _ = read_photo(saved(path, PIXELS))
    assert np.allclose(image.permute(1, 2, 0), PIXELS / 255)


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("side", [27_000, 50_000])
def test_the_header_is_read_before_the_pixels(tmp_path: Path, side: int, bits: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, bits, 2, 0, 0, 0)
    path = tmp_path / "huge.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )
    tracemalloc.start()
    with pytest.raises(InvalidInput, match=f"{side}×{side} pixels, more than fit in memory"):
        read_photo(path)
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


def test_a_file_that_cannot_be_read_is_named_in_a_sentence(tmp_path: Path) -> None:
    pointer = tmp_path / "pointer.png"
    pointer.write_bytes(LFS_POINTER + b"v1\noid sha256:00\nsize 12345\n")
    os.mkfifo(tmp_path / "pipe.png")
    for path, words in (
        (tmp_path / "missing.png", "There is no photograph at"),
        (tmp_path, "is no file"),
        (tmp_path / "pipe.png", "is no file"),
        (tmp_path / ("x" * 300), "cannot be read: File name too long"),
        (tmp_path / "a\0b.png", "cannot be read"),
        (pointer, "Git LFS pointer"),
    ):
        with pytest.raises(InvalidInput, match=words):
            read_photo(path)
    if os.geteuid():
        secret = saved(tmp_path / "secret.png", PIXELS)
        secret.chmod(0)
        with pytest.raises(InvalidInput, match="Permission denied"):
            read_photo(secret)


@pytest.mark.parametrize("name", ["two.gif", "two.png", "two.webp", "two.tif"])
def test_of_several_pictures_the_first_is_taken_with_a_notice(tmp_path: Path, name: str) -> None:
    second = Image.fromarray(255 - PIXELS)
    options = {"lossless": True} if name.endswith("webp") else {}
    photo = saved(tmp_path / name, PIXELS, save_all=True, append_images=[second], **options)
    image, notices = read_photo(photo)
    assert any("several pictures: the first is taken" in notice for notice in notices)
    if not name.endswith("gif"):  # whose palette has 256 colours
        assert np.allclose(image.permute(1, 2, 0), PIXELS / 255)


def display_p3() -> bytes:
    """A profile with the primaries of Display P3 and sRGB's curve: sRGB's, its colorants moved."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    colorants = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for entry in range(struct.unpack_from(">I", profile, 128)[0]):
        name, place, _ = struct.unpack_from(">4sII", profile, 132 + 12 * entry)
        if name in colorants:
            fixed = [round(value * 65536) for value in colorants[name]]
            struct.pack_into(">3i", profile, place + 8, *fixed)
    return bytes(profile)


def test_colours_of_another_profile_are_converted_with_a_notice(tmp_path: Path) -> None:
    pixels = np.full((8, 8, 3), (200, 80, 60), np.uint8)
    alpha = np.full((8, 8, 1), 255, np.uint8)
    for name, content in (("a.png", pixels), ("rgba.png", np.dstack([pixels, alpha]))):
        photo = saved(tmp_path / name, content, icc_profile=display_p3())
        image, notices = read_photo(photo)
        assert any("converted to sRGB" in notice for notice in notices)
        assert np.abs(image[:, 4, 4].numpy() * 255 - (216, 69, 50)).max() <= 2
        stored, notices = read_photo(photo, to_srgb=False)
        assert np.allclose(stored[:, 4, 4].numpy() * 255, (200, 80, 60))
        assert not any("sRGB" in notice for notice in notices)


def test_srgb_is_left_alone_and_a_broken_profile_is_named(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for pixels in (PIXELS, PIXELS[..., 0]):
        image, notices = read_photo(saved(tmp_path / "srgb.png", pixels, icc_profile=srgb))
        assert not any("colour" in notice for notice in notices)
        expected = pixels if pixels.ndim == 3 else pixels[..., None]
        assert np.allclose(image.permute(1, 2, 0), expected / 255)
    broken = saved(tmp_path / "broken.png", PIXELS, icc_profile=b"no profile at all" * 20)
    image, notices = read_photo(broken)
    assert notices == ["its colour profile is damaged and left out"]
    assert np.allclose(image.permute(1, 2, 0), PIXELS / 255)


def test_twelve_bits_in_a_file_of_sixteen_are_hinted_at(tmp_path: Path) -> None:
    full = PIXELS[..., 0].astype(np.uint16) * 257
    _, notices = read_photo(saved(tmp_path / "full.png", full))
    assert not any("may be" in notice for notice in notices)
    image, notices = read_photo(saved(tmp_path / "twelve.png", full >> 4))
    assert any("12 bits in a file of 16" in notice and "by 16" in notice for notice in notices)
    assert image.max() < 1 / 15  # a hint: nothing is scaled unasked


@pytest.mark.parametrize(
    ("mode", "name"),
    [("P", "a.png"), ("1", "a.png"), ("LA", "a.png"), ("CMYK", "a.jpg"), ("P", "a.tif")],
)
def test_other_modes_are_read(tmp_path: Path, mode: str, name: str) -> None:
    Image.fromarray(PIXELS).convert(mode).save(tmp_path / name)
    found, _ = read_photo(tmp_path / name)
    assert found.shape == (3, 40, 60)


def test_an_output_that_cannot_be_written_is_refused_before_any_work(tmp_path: Path) -> None:
    photo = saved(tmp_path / "a-kernel.png", PIXELS)
    before = sorted(tmp_path.iterdir())
    (tmp_path / "folder.png").mkdir()
    for path, words in (
        (Path("/proc/nowhere/out.png"), "/proc/nowhere/out.png cannot be written"),
        (photo / "out.png", "cannot be written"),
        (tmp_path / "folder.png", "is a folder"),
        (tmp_path / ("x" * 300 + ".png"), "cannot be written: File name too long"),
        (tmp_path / "out.xyz", "names no image format"),
        (photo, "is the photograph itself"),
        (tmp_path / "a.png", "a-kernel.png is the photograph itself"),
    ):
        with pytest.raises(InvalidInput, match=words):
            check_writable(path, photo)
    check_writable(tmp_path / "new" / "out.png", photo)
    (tmp_path / "folder.png").rmdir()
    assert sorted(tmp_path.iterdir()) == before  # nothing is left behind


def test_a_long_name_that_the_system_takes_is_written(tmp_path: Path) -> None:
    image, _ = read_photo(saved(tmp_path / "a.png", PIXELS))
    path = tmp_path / ("y" * 240 + ".PNG")
    write_photo(path, image)
    assert (np.asarray(Image.open(io.BytesIO(path.read_bytes()))) == PIXELS).all()
