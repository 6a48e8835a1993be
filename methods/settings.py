"""Settings by class of images: a table of default values and one of differences for each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.errors import Unavailable
from bench.files import read_toml


def class_settings(
    path: Path, image_class: str, what: str, default: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Read the settings of a class: the default ones, with its own in their place.

    Parameters
    ----------
    path : Path
        A TOML file with a table ``default`` and one for every class; tables within them are merged
        key by key.
    image_class : str
    what : str
        Has the settings, for the message.
    default : dict, optional
        In place of the file's own table ``default``.

    Raises
    ------
    Unavailable
        If there are none for the class.
    """
    table = read_toml(path)
    if image_class not in table:
        known = ", ".join(name for name in table if name != "default")
        raise Unavailable(
            f"{what} has no settings for images of class {image_class!r}; it has: {known}."
        )
    merged: dict[str, Any] = {**(table["default"] if default is None else default)}
    for key, value in table[image_class].items():
        merged[key] = {**merged.get(key, {}), **value} if isinstance(value, dict) else value
    return merged
