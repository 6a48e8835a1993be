"""Whether the project's methods can be used here, said without importing them."""

from __future__ import annotations

from pathlib import Path

from bench.datasets.locations import BRING, FETCH, locate
from bench.errors import Unavailable
from bench.methods.catalog import NEEDS
from bench.methods.engineered.octave_program import find_octave
from bench.methods.training.store import VARIABLE, ModelStore

CLASSES = ("svhn", "shoes", "celeba")


def lacking(name: str) -> str:
    """Say what one of the project's methods lacks here.

    Parameters
    ----------
    name : str

    Returns
    -------
    str
        "" if it is ready for some class of images; else a sentence about what is missing first.

    Examples
    --------
    >>> lacking("blurry")
    ''
    """
    needs = NEEDS.get(name, ())
    problems = [
        next(filter(None, (_problem(need.replace("CLASS", kind)) for need in needs)), "")
        for kind in CLASSES
    ]
    return problems[0] if all(problems) else ""


def _problem(need: str) -> str:
    kind, _, what = need.partition(" ")
    if kind == "octave":
        try:
            find_octave()
        except Unavailable as error:
            return str(error)
        return ""
    if kind == "data":
        place = locate(what, FETCH if what.startswith("paper/") else BRING)
        return "" if place.found else f"There is no {place.path}. {place.how_to_get}"
    family, _, file = what.partition("/")
    if ModelStore(Path(__file__).parent / family / "weights", "model").reachable(file):
        return ""
    return (
        f"The weights {what} are missing. Set {VARIABLE} to a folder or mirror that has them, or "
        "work in a clone of the repository."
    )
