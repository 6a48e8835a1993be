"""How the kernel is searched per class of images, read from ``settings.toml``."""

from __future__ import annotations

import dataclasses
import functools
import tomllib
from pathlib import Path
from typing import Any

from bench.errors import Unavailable
from bench.methods.marginal.halving import Halving
from bench.methods.marginal.search import Annealing

PATH = Path(__file__).with_name("settings.toml")


@dataclasses.dataclass(frozen=True)
class Settings:
    """How the kernel is searched for a class.

    Attributes
    ----------
    restarts : int
        Random starts in the kernel's latent.
    annealing : Annealing
        Of the search by evidence.
    halving : Halving
    sparse_steps : int
        Steps of the search by sparse evidence after it; 0 for none.
    tempering : float
        What differences of the evidence are divided by before kernels count by them: pixels that
        the model takes for independent are not, so the evidence is more certain than it should be.
    """

    restarts: int
    annealing: Annealing
    halving: Halving
    sparse_steps: int
    tempering: float


@functools.lru_cache(maxsize=8)
def load_settings(image_class: str, restarts: int = 0, search_steps: int = 0) -> Settings:
    """Read the settings of a class.

    Parameters
    ----------
    image_class : str
    restarts : int
        0 leaves what the file says.
    search_steps : int
        Of both searches; likewise.

    Raises
    ------
    Unavailable
        If there are none.
    """
    table = tomllib.loads(PATH.read_text())
    if image_class not in table:
        known = ", ".join(name for name in table if name != "default")
        raise Unavailable(
            f"The marginal likelihood has no settings for images of class {image_class!r}; "
            f"it has: {known}."
        )
    merged: dict[str, Any] = {**table["default"], **table[image_class]}
    annealing = {**table["default"]["annealing"], **table[image_class].get("annealing", {})}
    if restarts:
        merged["restarts"] = restarts
    if search_steps:
        annealing["steps"] = search_steps
        merged["sparse_steps"] = min(merged["sparse_steps"], search_steps)
    halving = {**table["default"]["halving"], **table[image_class].get("halving", {})}
    merged |= {"annealing": Annealing(**annealing), "halving": Halving(**halving)}
    return Settings(**merged)
