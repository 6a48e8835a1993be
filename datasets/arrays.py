"""NumPy's files, read without taking their headers at their word."""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.errors import BenchError
from bench.files import open_file

MAX_BYTES = 1 << 30
"""Bytes of the largest array that is read: some ten times the largest that a set here has."""

PUBLISHED = Path(__file__).with_name("published.json")
"""SHA-256 of what was published, by set and array, a list with one entry per image."""


def read_npz(path: Path, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """Read arrays of an ``.npz`` file; nothing in it is unpickled.

    Parameters
    ----------
    path : Path
    wanted : sequence of str

    Raises
    ------
    InvalidInput
        If the file cannot be opened.
    BenchError
        If it is damaged, lacks an array, or says that one is larger than it is or may be.
    """
    with open_file(path) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return {key: read_npy(read_member(archive, f"{key}.npy")) for key in wanted}
        except Exception as error:  # an archive raises whatever the damage leads it to
            raise BenchError(f"{path} is damaged ({error}); delete it and get it again.") from error


def read_member(archive: zipfile.ZipFile, name: str, limit: int = MAX_BYTES) -> bytes:
    """Read a member of an archive that says it is no larger than a limit, in bytes.

    Raises
    ------
    ValueError
        If it is larger.
    Exception
        Whatever the damage leads the archive to.
    """
    member = archive.getinfo(name)
    if member.file_size > limit:
        raise ValueError(f"{name} has {member.file_size} bytes, more than the {limit} it may have")
    return archive.read(member)


def read_npy(data: bytes) -> np.ndarray:
    """Read an array from the bytes of an ``.npy`` file, if they are as many as its header says.

    Raises
    ------
    ValueError
    """
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"its format has the version {version}")
    read_header = (np.lib.format.read_array_header_1_0, np.lib.format.read_array_header_2_0)
    shape, transposed, dtype = read_header[version[0] - 1](stream)
    if dtype.hasobject:
        raise ValueError("it holds objects")
    held = len(data) - stream.tell()
    if any(side < 0 for side in shape) or math.prod(shape) * dtype.itemsize != held:
        raise ValueError(f"it says {dtype} {shape}, but holds {held} bytes")
    values = np.frombuffer(data, dtype, offset=stream.tell()).copy()
    return values.reshape(shape, order="F" if transposed else "C")


def digest(values: np.ndarray) -> str:
    """SHA-256 of an array's type, shape and values."""
    header = f"{values.dtype.str}{values.shape}".encode()
    return hashlib.sha256(header + np.ascontiguousarray(values).tobytes()).hexdigest()


def differing(values: Sequence[np.ndarray] | np.ndarray, checksums: Sequence[str]) -> int | None:
    """Return the first position where an array is not what its checksum says, or None."""
    for index, (value, known) in enumerate(zip(values, checksums, strict=False)):
        if digest(value) != known:
            return index
    return None if len(values) == len(checksums) else min(len(values), len(checksums))


def published_checksums(path: Path = PUBLISHED) -> dict[str, dict[str, list[str]]]:
    """Read the checksums of what was published."""
    return json.loads(path.read_text())
