"""The folder in which one Octave process works, away from the user's own.

Octave prefers the functions of its working directory to everybody's, and leaves its variables
there when it is ended; so it works in an empty folder of its own, which also holds the arrays that
it exchanges with Python. The folder goes with its owner, or, if that was killed, when the next
one is made.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "bench-octave-"
LOCK = "lock"
MEMORY = Path("/dev/shm")  # a file system in memory, where Linux has one


def make_scratch(root: Path | None = None) -> Path:
    """Make a folder for an Octave process of this Python process, removed at its end.

    Parameters
    ----------
    root : Path, optional
        Where; by default in memory, or in the folder for temporary files.

    Returns
    -------
    Path
        With the empty folders ``work`` and ``exchange``.
    """
    root = root or (MEMORY if os.access(MEMORY, os.W_OK) else Path(tempfile.gettempdir()))
    remove_abandoned(root)
    # Others see the folder under its name only once it is locked, so they cannot take it for
    # abandoned. The descriptor stays open, and the lock ends with the process however that ends.
    unlocked = Path(tempfile.mkdtemp(prefix=f".{PREFIX}", dir=root))
    fcntl.flock(os.open(unlocked / LOCK, os.O_CREAT | os.O_RDWR, 0o600), fcntl.LOCK_EX)
    folder = unlocked.rename(root / unlocked.name.removeprefix("."))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ("work", "exchange"):
        (folder / name).mkdir()
    return folder


def remove_abandoned(root: Path) -> None:
    """Remove the folders of processes that were killed; those of living ones are locked.

    Parameters
    ----------
    root : Path
    """
    for folder in root.glob(f"{PREFIX}*"):
        try:
            lock = os.open(folder / LOCK, os.O_RDWR)
        except OSError:  # another user's, or just being removed
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
