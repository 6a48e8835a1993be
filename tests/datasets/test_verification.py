"""Data that are not what they say they are, are refused when they are opened."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from bench.datasets import archives, levin
from bench.datasets.arrays import read_npy, read_npz
from bench.errors import BenchError
from bench.files import LFS_POINTER
from bench.harness.plan import load_dataset


def inverted(arrays: dict[str, np.ndarray]) -> None:
    arrays["image"] = 255 - arrays["image"]


def black(arrays: dict[str, np.ndarray]) -> None:
    arrays["kernel"] = np.zeros_like(arrays["kernel"])


def swapped(arrays: dict[str, np.ndarray]) -> None:
    arrays["dd_image"] = arrays["dd_image"][::-1]


@pytest.mark.parametrize(
    ("change", "words"),
    [(inverted, "another image 0"), (black, "another kernel 0"), (swapped, "another dd_image 0")],
)
def test_a_published_set_with_other_pixels_is_refused(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[dict[str, np.ndarray]], None],
    words: str,
) -> None:
    with np.load(data / "paper" / "svhn.npz") as stored:
        arrays = dict(stored)
    change(arrays)
    (tmp_path / "paper").mkdir()
    np.savez(tmp_path / "paper" / "svhn.npz", **arrays)
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    with pytest.raises(BenchError, match=f"svhn.npz has {words} than was published"):
        load_dataset("svhn")


@pytest.mark.parametrize("change", ["fewer", "inverted"])
def test_other_pggan_samples_are_refused(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    with np.load(data / "paper" / "pggan.npz") as stored:
        images = stored["image"][:12] if change == "fewer" else 255 - stored["image"]
    (tmp_path / "paper").mkdir()
    np.savez(tmp_path / "paper" / "pggan.npz", image=images)
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    with pytest.raises(BenchError, match="than was published"):
        load_dataset("pggan")


def test_another_levin_pair_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    levin._read.cache_clear()
    path = tmp_path / "levin" / "im01_ker01.mat"
    path.parent.mkdir()
    grey = np.full((255, 255), 0.5)
    for arrays, words in (
        ({"x": grey, "y": grey, "f": np.ones((9, 9))}, "other pixels than were published"),
        ({"x": grey[:9], "y": grey, "f": np.ones((9, 9))}, r"damaged \(arrays of \(9, 255\)"),
        ({"x": grey, "y": grey}, "is damaged"),
    ):
        scipy.io.savemat(path, arrays)
        with pytest.raises(BenchError, match=words):
            load_dataset("levin")[0]


def header(shape: str, dtype: str = "<f8") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text = text.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (header("(100000, 1000, 125)"), "but holds 0 bytes"),
        (header("(-1,)"), "but holds 0 bytes"),
        (header("(2,)") + bytes(15), "but holds 15 bytes"),
        (header("(1,)", "|O") + bytes(8), "holds objects"),
        (b"no array", "damaged"),
    ],
)
def test_the_header_of_an_array_is_not_taken_at_its_word(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image.npy", content)
    with pytest.raises(BenchError, match=words):
        read_npz(path, ["image"])


def test_arrays_are_read_as_numpy_writes_them(tmp_path: Path) -> None:
    for array in (np.arange(24.0).reshape(2, 3, 4), np.arange(6).reshape(2, 3).T, np.uint8(3)):
        buffer = io.BytesIO()
        np.save(buffer, array)
        found = read_npy(buffer.getvalue())
        assert np.array_equal(found, array)
        assert found.dtype == array.dtype


def test_a_pointer_of_git_lfs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    for folder, name in (("paper", "svhn.npz"), ("train", "svhn.zip"), ("levin", "im01_ker01.mat")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(LFS_POINTER + b"v1\noid sha256:0\nsize 9\n")
    levin._read.cache_clear()
    for open_it in (
        lambda: load_dataset("svhn"),
        lambda: archives.training_images("svhn"),
        lambda: load_dataset("levin")[0],
    ):
        with pytest.raises(BenchError, match="is a Git LFS pointer"):
            open_it()


def png(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, "png")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"1_a.png": bytes(20 << 20)}, "1_a.png has 20971520 bytes, more than the"),
        ({"1_a.png": png((5000, 5000))}, "1_a.png: an image of 5000×5000 pixels"),
        ({"1_a.png": png((32, 32)), "2_a.png": png((32, 31))}, "2_a.png: 32×31 pixels"),
        ({"1_a.png": b"no image"}, "1_a.png: cannot identify"),
        ({"readme": b"hello"}, "holds no images"),
        ({"100000000000000_a.png": png((32, 32))}, "does not begin with the number"),
        ({"-1_a.png": png((32, 32))}, "does not begin with the number"),
        ({"first.png": png((32, 32))}, "does not begin with the number"),
    ],
)
def test_an_archive_is_not_taken_at_its_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, members: dict[str, bytes], words: str
) -> None:
    monkeypatch.setenv("BENCH_DATA", str(tmp_path))
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "train").mkdir()
    with zipfile.ZipFile(tmp_path / "train" / "svhn.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(BenchError, match=words):
        archives.training_images("svhn")
