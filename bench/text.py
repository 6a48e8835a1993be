"""Words and values, made fit to be stored, tabulated and printed."""

from __future__ import annotations

import json
import math
import shutil
from typing import Any

LIMIT = 400
"""Characters kept of a text; what is longer loses its middle."""
PIPE_WIDTH = 100
"""Characters of a line where there is no terminal."""


def legible(text: str, limit: int = LIMIT) -> str:
    """Return a text as one line of printable characters, shortened if it is long.

    Line breaks and tabs become spaces; control characters and lone surrogates, which no file and
    no terminal takes, are escaped.
    """
    text = str(text)
    if len(text) > 2 * limit:  # before anything looks at every character of a megabyte
        text = text[:limit] + " … " + text[-limit:]
    words = " ".join(text.split())
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in words)
    if len(shown) > limit:
        shown = f"{shown[: limit * 3 // 4]} … {shown[-limit // 5 :]}"
    return shown


def describe(error: BaseException) -> str:
    """Return ``Type: message`` of an exception, whatever its message does when it is asked for."""
    try:
        message = legible(str(error))
    except BaseException:
        message = "its message cannot be had"
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def width_here() -> int:
    """Return the characters of a line of the terminal, of ``COLUMNS``, or of a file."""
    return shutil.get_terminal_size((PIPE_WIDTH, 24)).columns


def duration(seconds: float) -> str:
    """Return a time in the unit that suits it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def dump(values: Any) -> str:
    """Write values as JSON; what is not finite becomes null, since JSON has no name for it."""
    return json.dumps(_finite(values), ensure_ascii=False, indent=1, default=str)


def _finite(values: Any) -> Any:
    if isinstance(values, dict):
        return {str(key): _finite(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [_finite(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values
