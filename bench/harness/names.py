"""Names that others choose: of a row in the table, and of images that become files."""

from __future__ import annotations

from collections.abc import Iterable

from bench.errors import InvalidInput, UnknownName
from bench.registry import METHODS

LONGEST = 200
FORMULA = "=+-@"
"""Spreadsheets take a cell that begins so for something to compute."""
MARKUP = "|<>`"
"""Characters that break a table in Markdown, or are no text in HTML."""
LONGEST_FILE = 200
"""Bytes of a file's name that leave room for suffixes, on any system."""


def check_method_name(name: str) -> None:
    """Refuse a name for somebody's own row that is taken, or that a table could not show.

    Raises
    ------
    UnknownName
        If the part before ``[`` is a registered method's.
    InvalidInput
    """
    plain = name.partition("[")[0].strip().casefold()
    if taken := [known for known in METHODS.entries if known.casefold() == plain]:
        raise UnknownName(f"{taken[0]!r} is a method of this project; choose another --name.")
    check_text(name, "--name")
    if not plain:
        raise InvalidInput(f"The --name {name!r} is empty; say what the row shall be called.")


def check_text(text: str, option: str) -> None:
    """Refuse text that a table, a spreadsheet or a page would not show as it was given.

    Raises
    ------
    InvalidInput
        Naming the option and the text.
    """
    shown = f"The {option} {text[:LONGEST]!r}"
    if len(text) > LONGEST:
        raise InvalidInput(f"{shown}… is longer than {LONGEST} characters; give a shorter one.")
    if not text.isprintable() or text != text.strip():
        raise InvalidInput(
            f"{shown} has control characters, or blanks at its ends; give one line of plain text."
        )
    if text[:1] in tuple(FORMULA) or set(text) & set(MARKUP):
        raise InvalidInput(
            f"{shown} begins with one of {FORMULA} or holds one of {MARKUP}, which tables do not "
            "take as text; leave them out."
        )


def presentable(text: str) -> str:
    """Return text as :func:`check_text` takes it, with marks for what it does not."""
    kept = "".join(c if c.isprintable() and c not in MARKUP else "?" for c in text.strip())
    return kept[: LONGEST - 1].strip()


def check_image_names(names: Iterable[str], suffix: str) -> None:
    """Refuse names of images that would not become files of their own, inside their folder.

    Parameters
    ----------
    names : iterable of str
        A ``/`` makes a folder within the folder.
    suffix : str
        What follows a name for a second file, which must not be another image's.

    Raises
    ------
    InvalidInput
        For a name that is absolute, goes up, is empty or too long, or that holds a backslash or
        characters that cannot be printed; and for two alike.
    """
    known: set[str] = set()
    for name in names:
        parts = name.split("/")
        if any(part in ("", ".", "..") or part[1:2] == ":" for part in parts) or "\\" in name:
            raise InvalidInput(
                f"The image {name!r} has a name that leaves the folder, or may do so on another "
                "system; give it one without '..', '\\', or '/' at its ends."
            )
        if not name.isprintable() or max(len(part.encode()) for part in parts) > LONGEST_FILE:
            raise InvalidInput(
                f"The image {name[:LONGEST]!r} has a name that is too long, or that holds "
                "characters that cannot be printed; give it a plain one."
            )
        if name in known:
            raise InvalidInput(f"Two images are named {name!r}; give each a name of its own.")
        known.add(name)
    if taken := [name for name in known if name + suffix in known]:
        raise InvalidInput(
            f"The image {taken[0] + suffix!r} has the name that the kernel of {taken[0]!r} gets; "
            "rename it."
        )
