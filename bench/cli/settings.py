"""A run that is described in a TOML file: its keys are the options of the command line."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.errors import BenchError, UnknownName
from bench.files import read_toml


def expand(parser: argparse.ArgumentParser, given: Sequence[str]) -> list[str]:
    """Put the options of a TOML file before those of the command line, which so win.

    Parameters
    ----------
    parser : ArgumentParser
        Of the command that the arguments are for.
    given : sequence of str
        The command's arguments; the first that ends in ``.toml`` and is no option names the file.

    Raises
    ------
    BenchError
        If the file cannot be read, or has a key that is no option.
    """
    takes = {o for a in parser._actions if a.nargs != 0 for o in a.option_strings}
    for before, text in zip(["", *given], given, strict=False):
        if text.endswith(".toml") and text[0] != "-" and before not in takes:
            return [*read(Path(text), parser), *given]
    return [*given]


def read(path: Path, parser: argparse.ArgumentParser) -> list[str]:
    """Read a file as arguments."""
    values = read_toml(path)
    actions = {
        option[2:]: action
        for action in parser._actions
        for option in action.option_strings
        if option.startswith("--") and option != "--help" and action.help != argparse.SUPPRESS
    }
    arguments: list[str] = []
    for key, value in values.items():
        option = key.replace("_", "-")
        if option not in actions or option.startswith("no-"):
            near = difflib.get_close_matches(option, actions, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(actions)}."
            raise UnknownName(f"{path} has the key {key!r}, which is no option of a run; {hint}")
        arguments += _arguments(path, option, value)
    return arguments


def _arguments(path: Path, option: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{option}"] if value else [f"--no-{option}"] if option == "resume" else []
    if option == "set":
        pairs = _parameters(value) if isinstance(value, dict) else value
        return [text for pair in pairs for text in ("--set", str(pair))]
    if isinstance(value, dict):
        raise BenchError(f"{path} has a table [{option}]; only [set] is one.")
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    return [f"--{option}={text}"]


def _parameters(table: dict[str, Any]) -> list[str]:
    """Turn ``[set.dd] preset = "published"`` into ``dd.preset=published``."""
    return [
        f"{method}.{key}={value}"
        for method, values in table.items()
        for key, value in (values.items() if isinstance(values, dict) else ())
    ]
