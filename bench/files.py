"""Files that are either whole or not there, and files that can be read or are named."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import stat
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from bench.errors import InvalidInput, StorageError

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""How the text begins that Git LFS leaves in place of a file that was not pulled."""


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write a file by renaming a finished temporary one over it.

    Parameters
    ----------
    path : Path
        Its folder is created if need be.
    content : bytes or str
        Text is written as UTF-8.

    Raises
    ------
    StorageError
        If the disk is full or the folder cannot be written; what was at ``path`` is still there.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A short prefix: the temporary name must fit wherever the name itself does.
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:20]}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)  # mkstemp makes files that only their owner reads
        Path(temporary).replace(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise StorageError(
            f"{path} cannot be written: {reason(error)}. Free some space or choose "
            "another place, and give the same command again."
        ) from error


def slug(label: str) -> str:
    """Turn a label into a name for files that cannot leave its folder."""
    return re.sub(r"[^A-Za-z0-9._=\[\]-]+", "-", label).strip("-.") or "unnamed"


def check_place(path: Path) -> None:
    """Refuse a file that could not be written, before the work whose result it is to hold.

    Nothing is left behind: a temporary file is made in the nearest folder that is there.

    Raises
    ------
    InvalidInput
    """
    try:
        if path.is_dir():
            raise InvalidInput(f"{path} is a folder; name a file to write.")
        with contextlib.suppress(FileNotFoundError):
            path.lstat()  # refuses a name that is too long
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(
            f"{path} cannot be written: {reason(error)}. Choose another place."
        ) from error


def is_file(path: Path) -> bool:
    """Return whether there is such a file; a folder that may not be looked into is refused."""
    try:
        return path.is_file()
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            return False
        raise InvalidInput(f"{path} cannot be read: {reason(error)}.") from error


def open_file(path: Path, what: str = "file") -> io.BufferedReader:
    """Open a file for reading, or say in a sentence why it cannot be read.

    Parameters
    ----------
    path : Path
    what : str
        What it should be, for the message.

    Raises
    ------
    InvalidInput
        If there is no such file, it is a folder or device, may not be read, or is what Git LFS
        leaves in a file's place.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for its writer
            raise InvalidInput(f"There is no {what} at {path}, which is no file; check the path.")
        stream = path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InvalidInput(f"There is no {what} at {path}; check the path.") from error
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {reason(error)}.") from error
    except ValueError as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"{str(path)!r} cannot be read: {reason(error)}.") from error
    if stream.read(len(LFS_POINTER)) == LFS_POINTER:
        stream.close()
        raise InvalidInput(
            f"{path} is a Git LFS pointer, not the {what} itself; run 'git lfs pull' in the "
            "repository that it comes from."
        )
    stream.seek(0)
    return stream


def read_toml(path: Path, what: str = "file") -> dict[str, Any]:
    """Read a TOML file, or say in a sentence why it cannot be read.

    Parameters
    ----------
    path : Path
    what : str
        What it should be, for the message.

    Raises
    ------
    InvalidInput
        As :func:`open_file`, and if it is no TOML.
    """
    with open_file(path, what) as file:
        content = file.read()
    try:
        return tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidInput(
            f"{path} is no whole TOML file ({error}); correct or restore it."
        ) from error


def reason(error: Exception) -> str:
    """Return why the system refused a file, in its own words and without the path."""
    return getattr(error, "strerror", None) or str(error)
