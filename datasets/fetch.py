"""Get the published test images from the authors' public repository, pinned and checked.

One archive of the repository at one commit is downloaded. The archive's own bytes are not the same
twice, so what is checked is what matters: the SHA-256 of every decoded image, kernel and output,
shipped in ``published.json``. Only when everything is as it should be are the ``.npz`` files put in
place.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pooch
import requests
from PIL import Image

from bench.datasets.locations import data_folder
from bench.errors import BenchError, StorageError
from bench.files import write_atomically

REPOSITORY = "axium/Blind-Image-Deconvolution-using-Deep-Generative-Priors"
COMMIT = "2a13e1d9a2323e9d9985ee89e9671a056e2bb37b"
URL = f"https://codeload.github.com/{REPOSITORY}/zip/{COMMIT}"
MANIFEST = Path(__file__).with_name("published.json")
"""SHA-256 by set and array, a list with one entry per image."""

FOLDERS = {"svhn": "SVHN", "shoes": "Shoes", "celeba": "CelebA"}
RUN = "deblurring - alg{} - 1perc noise - 10RR/deblurring_{:02d}_{}.png"
OUTPUTS = {
    "dd_image": (1, "x_hat_from_test"),
    "dd_kernel": (1, "w_hat_from_test"),
    "dd_blurry": (1, "y_from_test"),
    "dd_range_image": (1, "x_hat_from_range"),
    "dd_range_kernel": (1, "w_hat_from_range"),
    "dd_range_blurry": (1, "y_from_range"),
    "dds_image": (2, "x_hat_from_test"),
    "dds_kernel": (2, "w_hat_from_test"),
    "dds_blurry": (2, "y_from_test"),
    "dds_in_range_image": (2, "x_hat_from_range"),
}


def fetch(
    folder: Path | None = None,
    url: str | None = None,
    manifest: Path = MANIFEST,
    report: Callable[[str], None] = print,
) -> list[Path]:
    """Download, check and lay out the published test sets.

    Parameters
    ----------
    folder : Path, optional
        Data folder; default: :func:`bench.datasets.locations.data_folder`.
    url : str, optional
        Where the archive is; default: ``BENCH_PUBLISHED_URL`` or the authors' repository.
    manifest : Path
        Checksums.
    report : callable
        Takes a line per set that is done.

    Returns
    -------
    list of Path
        The files written, ``paper/*.npz``.

    Raises
    ------
    BenchError
        If the download fails, is cut short, or holds other pixels than the manifest says; nothing
        is left half-written, and what was there before stays.
    """
    target = (folder or data_folder()) / "paper"
    source = url or os.environ.get("BENCH_PUBLISHED_URL") or URL
    expected: dict[str, dict[str, list[str]]] = json.loads(manifest.read_text())
    with tempfile.TemporaryDirectory(prefix="bench-fetch-") as temporary:
        path = _download(source, Path(temporary))
        try:
            with zipfile.ZipFile(path) as archive:
                sets = {name: _read(archive, name, sums) for name, sums in expected.items()}
        except (zipfile.BadZipFile, EOFError) as error:
            raise BenchError(
                f"What {source} sent is no whole archive ({error}); try again."
            ) from error
    written = []
    for name, arrays in sets.items():
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        write_atomically(target / f"{name}.npz", buffer.getvalue())
        written.append(target / f"{name}.npz")
        report(f"{target / f'{name}.npz'}: {len(arrays['image'])} images, checksums as they should")
    return written


def _download(source: str, folder: Path) -> Path:
    try:
        return Path(pooch.retrieve(source, known_hash=None, fname="published.zip", path=folder))
    except requests.exceptions.RequestException as error:
        status = getattr(error.response, "status_code", None)
        reason = f"HTTP {status}" if status else type(error).__name__
        raise BenchError(
            f"{source} could not be downloaded ({reason}). Check the network and try again, or "
            "set BENCH_DATA to a folder that has paper/*.npz."
        ) from error
    except OSError as error:
        raise StorageError(
            f"The download of {source} could not be kept: {error.strerror or error}. Free some "
            "space and try again."
        ) from error


def _read(
    archive: zipfile.ZipFile, name: str, expected: dict[str, list[str]]
) -> dict[str, np.ndarray]:
    """Decode the arrays of a set, checking each image against the manifest."""
    members = {entry.partition("/")[2]: entry for entry in archive.namelist()}
    arrays = {}
    for array, checksums in expected.items():
        values = []
        for member, decode in _members(name, array, len(checksums)):
            if member not in members:
                raise BenchError(f"The archive lacks {member}; it is not of commit {COMMIT[:12]}.")
            try:
                values.append(decode(archive.read(members[member])))
            except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
                raise BenchError(f"{member} in the archive is damaged ({error}).") from error
        stacked = values[0] if array == "kernel" else np.stack(values)
        for index, (value, checksum) in enumerate(zip(stacked, checksums, strict=True)):
            if digest(value) != checksum:
                raise BenchError(
                    f"{array} {index} of {name} is not what was published: its checksum is "
                    f"{digest(value)[:12]}…, not {checksum[:12]}…. Nothing was written."
                )
        arrays[array] = stacked
    return arrays


def _members(
    name: str, array: str, count: int
) -> Iterator[tuple[str, Callable[[bytes], np.ndarray]]]:
    """Paths inside the repository, and how to decode each."""
    if name == "pggan":
        yield from ((f"pg_gan/results/orig/x_orig_{i}.png", _colours) for i in range(count))
        return
    results = f"results/{FOLDERS[name]}"
    if array == "kernel":  # one file for all, and the same in all three sets
        yield (
            "results/Shoes/Original Blurs/Test Blurs.npy",
            lambda data: np.load(io.BytesIO(data), allow_pickle=False)[:count],
        )
        return
    for index in range(count):
        if array == "image":
            yield f"{results}/Original Images/x_orig_{index:02d}.png", _colours
        elif array == "range_image":
            yield f"{results}/Range Images/x_range_{index:02d}.png", _colours
        else:
            algorithm, part = OUTPUTS[array]
            decode = _grey if array.endswith("kernel") else _colours
            yield f"{results}/{RUN.format(algorithm, index, part)}", decode


def _colours(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def _grey(data: bytes) -> np.ndarray:
    # Exact for a grey picture, with or without colour channels.
    return np.asarray(Image.open(io.BytesIO(data)).convert("L"))


def digest(values: np.ndarray) -> str:
    """SHA-256 of an array's type, shape and values."""
    header = f"{values.dtype.str}{values.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(values).tobytes()).hexdigest()


def make_manifest(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Checksums of the published sets below a data folder, as ``published.json`` holds them."""
    manifest: dict[str, dict[str, list[str]]] = {}
    for name in (*FOLDERS, "pggan"):
        with np.load(folder / "paper" / f"{name}.npz", allow_pickle=False) as arrays:
            manifest[name] = {key: [digest(value) for value in arrays[key]] for key in arrays}
    return manifest
