"""Where Octave is, said without starting it."""

from __future__ import annotations

import os
import shutil

from bench.errors import Unavailable


def find_octave() -> str:
    """Return the path of Octave's executable without starting it.

    Raises
    ------
    Unavailable
        If there is none, saying what to install.
    """
    for name in (os.environ.get("OCTAVE_EXECUTABLE", ""), "octave-cli", "octave"):
        path = shutil.which(name) if name else None
        if path:
            return path
    raise Unavailable(
        "GNU Octave is not installed, and this method runs in it: "
        "`apt-get install octave` (or octave.org) and make sure `octave-cli` is on the PATH."
    )
