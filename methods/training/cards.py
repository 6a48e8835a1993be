"""Cards: what is known of a model's weights, in a JSON file next to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bench.errors import InvalidInput, Unavailable
from bench.files import open_file, write_atomically


def write_card(name: str, card: dict[str, Any], folder: Path) -> None:
    """Write a card; a kill leaves the old or the new one, whole."""
    write_atomically(folder / f"{name}.json", json.dumps(card, indent=1) + "\n")


class Card(dict[str, Any]):
    """What is known of weights; what a card does not say is missed in a sentence."""

    path: Path

    def __missing__(self, key: str) -> Any:
        raise Unavailable(
            f"The card {self.path} says nothing of {key!r}; restore it from the repository."
        )


def read_card(path: Path) -> Card:
    """Read a card.

    Raises
    ------
    Unavailable
        If it is no JSON object; and later, for what is asked of it that it does not say.
    """

    def card(pairs: dict[str, Any]) -> Card:
        made = Card(pairs)
        made.path = path
        return made

    try:
        with open_file(path, "card") as file:
            found = json.loads(file.read(), object_hook=card)
        if not isinstance(found, Card):
            raise TypeError(f"{type(found).__name__} instead of an object")
        for key in ("file", "sha256"):
            if not isinstance(found[key], str):
                raise TypeError(f"its {key!r} is no text")
    except (ValueError, TypeError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise Unavailable(str(error)) from error
        raise Unavailable(
            f"{path} is no card ({error}); restore it from the repository."
        ) from error
    return found
