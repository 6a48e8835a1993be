"""Checksums: of bytes, of files, and of what settings and code say however they are written."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from pathlib import Path

from bench.errors import BenchError
from bench.files import read_toml

OCTAVE = re.compile(
    r"""
    (?P<block>^[ \t]*[%\#]\{[ \t]*$.*?^[ \t]*[%\#]\}[ \t]*$)  # %{ ... %} on lines of their own
    | (?P<text>"(?:[^"\\\n]|\\.|"")*" | (?<![\w)\]}.'])'(?:[^'\n]|'')*')  # no transpose before it
    | (?P<comment>[%\#][^\n]*)
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)


def checksum(source: Path | bytes | str) -> str:
    """SHA-256 of a file, bytes or a text, in hexadecimal digits.

    That of a file is remembered while the file keeps its size and time.

    Raises
    ------
    BenchError
        If the file cannot be read.
    """
    if isinstance(source, Path):
        try:
            status = source.stat()
            return _of_file(str(source), status.st_size, status.st_mtime_ns)
        except OSError as error:
            raise BenchError(f"{source} cannot be read: {error.strerror}.") from error
    return hashlib.sha256(source.encode() if isinstance(source, str) else source).hexdigest()


@functools.lru_cache(maxsize=64)
def _of_file(path: str, size: int, modified: int) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def values_checksum(path: Path) -> str:
    """SHA-256 of the values of a TOML file: comments, order and layout do not matter."""
    return checksum(json.dumps(read_toml(path), sort_keys=True))


def code_checksum(path: Path) -> str:
    """SHA-256 of an Octave file without comments, blank lines and blanks at the ends of lines."""
    return checksum(octave_code(path.read_text(encoding="utf-8")))


def octave_code(text: str) -> str:
    """Return Octave code without what only its readers see.

    Examples
    --------
    >>> print(octave_code("% doubles\\ny = 2 * x';  # really\\nprintf('%d', y)\\n"))
    y = 2 * x';
    printf('%d', y)
    """
    code = OCTAVE.sub(lambda found: found["text"] or "", text)
    return "\n".join(line.rstrip() for line in code.splitlines() if line.strip())
