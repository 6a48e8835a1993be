"""Files that are either whole or not there."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from bench.errors import StorageError


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
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)  # mkstemp makes files that only their owner reads
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise StorageError(
            f"{path} cannot be written: {error.strerror or error}. Free some space or choose "
            "another place, and give the same command again."
        ) from error


def slug(label: str) -> str:
    """Turn a label into a name for files that cannot leave its folder."""
    return re.sub(r"[^A-Za-z0-9._=\[\]-]+", "-", label).strip("-.") or "unnamed"
