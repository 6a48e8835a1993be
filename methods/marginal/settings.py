"""How the kernel is searched per class of images, read from ``settings.toml``."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

from bench.checksums import checksum
from bench.methods.marginal.halving import Halving
from bench.methods.marginal.sampling import Sampling
from bench.methods.marginal.search import Annealing
from bench.methods.settings import class_settings

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
    sampling : Sampling
        Of kernels around the ends of the searches, which are what is kept where it has no steps.
    """

    restarts: int
    annealing: Annealing
    halving: Halving
    sparse_steps: int
    tempering: float
    sampling: Sampling = dataclasses.field(default=Sampling(), repr=False)


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
    merged = class_settings(PATH, image_class, "The marginal likelihood")
    if restarts:
        merged["restarts"] = restarts
    if search_steps:
        merged["annealing"]["steps"] = search_steps
        merged["sparse_steps"] = min(merged["sparse_steps"], search_steps)
    merged["annealing"] = Annealing(**merged["annealing"])
    merged["halving"] = Halving(**merged["halving"])
    merged["sampling"] = Sampling(**merged.get("sampling", {}))
    return Settings(**merged)


def settings_checksum(image_class: str) -> str:
    """SHA-256 of a class's settings; those of the others do not matter to it."""
    settings = load_settings(image_class)
    # What a class does without is no part of its checksum.
    return checksum(repr(settings) + repr(settings.sampling) * bool(settings.sampling.steps))
