"""Get the published test images from the authors' public repository, pinned and checked.

One archive of the repository at one commit is downloaded. The archive's own bytes are not the same
twice, so what is checked is what matters: the SHA-256 of every decoded image, kernel and output,
shipped in ``published.json``. Only when everything is as it should be are the ``.npz`` files put in
place.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import requests
import urllib3

from bench.datasets.arrays import PUBLISHED as MANIFEST
from bench.datasets.arrays import differing, digest, published_checksums, read_member, read_npy
from bench.datasets.locations import data_folder
from bench.datasets.members import MAX_MEMBER, decode
from bench.errors import BenchError, InvalidInput, StorageError
from bench.files import check_place, write_atomically

REPOSITORY = "axium/Blind-Image-Deconvolution-using-Deep-Generative-Priors"
COMMIT = "2a13e1d9a2323e9d9985ee89e9671a056e2bb37b"
URL = f"https://codeload.github.com/{REPOSITORY}/zip/{COMMIT}"
MAX_DOWNLOAD = 4 << 30
"""Bytes; the repository has far fewer."""
MAX_SECONDS = 2 * 3600
"""Seconds for a download as a whole, however slowly it trickles."""
PATIENCE = (15, 60)
"""Seconds to wait for a connection, and for the next bytes."""

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
    check_place(target / "svhn.npz")  # before a long download
    expected = published_checksums(manifest)
    with tempfile.TemporaryDirectory(prefix="bench-fetch-") as temporary:
        path = _download(source, Path(temporary))
        try:
            with zipfile.ZipFile(path) as archive:
                sets = {name: _read(archive, name, sums) for name, sums in expected.items()}
        except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
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
    if source.partition(":")[0].lower() not in ("http", "https"):
        raise InvalidInput(
            f"{source!r} is no address to download from; give one that begins with https://, or "
            "set BENCH_DATA to a folder that has paper/*.npz."
        )
    path = folder / "published.zip"
    advice = "Check the network and try again, or set BENCH_DATA to a folder that has paper/*.npz."
    try:
        with (
            requests.get(source, stream=True, timeout=PATIENCE) as answer,
            path.open("wb") as file,
        ):
            answer.raise_for_status()
            _copy(answer, file)
    except (requests.RequestException, urllib3.exceptions.HTTPError, LimitReached) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        named = str(error) if isinstance(error, LimitReached) else type(error).__name__
        cause = f"HTTP {status}" if status else named
        raise BenchError(f"{source} could not be downloaded ({cause}). {advice}") from error
    except OSError as error:
        raise StorageError(
            f"The download of {source} could not be kept: {error.strerror or error}. Free some "
            "space and try again."
        ) from error
    return path


def _copy(answer: requests.Response, file: BinaryIO) -> None:
    """Write what is sent, up to a size and for a time."""
    size, begun = 0, time.monotonic()
    # Piece by piece as they come: to wait for full ones would be to wait for a trickle.
    read = getattr(answer.raw, "read1", answer.raw.read)
    while piece := read(1 << 16, decode_content=True):
        size += len(piece)
        if size > MAX_DOWNLOAD:
            raise LimitReached(f"it has more than {MAX_DOWNLOAD} bytes")
        if time.monotonic() - begun > MAX_SECONDS:
            raise LimitReached(f"it took more than {MAX_SECONDS} seconds")
        file.write(piece)


class LimitReached(ValueError):
    """A download that is too large or too slow."""


def _read(
    archive: zipfile.ZipFile, name: str, expected: dict[str, list[str]]
) -> dict[str, np.ndarray]:
    """Decode the arrays of a set, checking each image against the manifest."""
    members = {entry.partition("/")[2]: entry for entry in archive.namelist()}
    arrays = {}
    for array, checksums in expected.items():
        values: list[np.ndarray] = []
        for member, decoded in _members(name, array, len(checksums)):
            if member not in members:
                raise BenchError(f"The archive lacks {member}; it is not of commit {COMMIT[:12]}.")
            try:
                values.append(decoded(read_member(archive, members[member], MAX_MEMBER)))
            except Exception as error:  # damage leads to whatever error
                raise BenchError(f"{member} in the archive is damaged ({error}).") from error
        found = list(values[0]) if array == "kernel" else values
        index = differing(found, checksums)
        if index is not None:
            what = digest(found[index])[:12] if index < len(found) else "of nothing"
            raise BenchError(
                f"{array} {index} of {name} is not what was published: its checksum is "
                f"{what}…, not {checksums[index][:12]}…. Nothing was written."
            )
        arrays[array] = np.stack(found)
    return arrays


def _members(
    name: str, array: str, count: int
) -> Iterator[tuple[str, Callable[[bytes], np.ndarray]]]:
    """Return paths inside the repository, and how to decode each."""
    if name == "pggan":
        yield from ((f"pg_gan/results/orig/x_orig_{i}.png", _colours) for i in range(count))
        return
    results = f"results/{FOLDERS[name]}"
    if array == "kernel":  # one file for all, and the same in all three sets
        yield (
            "results/Shoes/Original Blurs/Test Blurs.npy",
            lambda data: read_npy(data)[:count],
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
    return np.asarray(decode(data))


def _grey(data: bytes) -> np.ndarray:
    # Exact for a grey picture, with or without colour channels.
    return np.asarray(decode(data).convert("L"))


def make_manifest(folder: Path) -> dict[str, dict[str, list[str]]]:
    """Return the checksums of the published sets below a data folder, as ``published.json`` holds
    them."""
    manifest: dict[str, dict[str, list[str]]] = {}
    for name in (*FOLDERS, "pggan"):
        with np.load(folder / "paper" / f"{name}.npz", allow_pickle=False) as arrays:
            manifest[name] = {key: [digest(value) for value in arrays[key]] for key in arrays}
    return manifest
