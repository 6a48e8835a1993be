"""What the default presets do per class of images, read from ``settings.toml``."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

from bench.files import read_toml
from bench.methods.deep_deblur.objective import Weights
from bench.methods.marginal.search import Annealing
from bench.methods.settings import class_settings

PATH = Path(__file__).with_name("settings.toml")
LARGE_PATH = Path(__file__).with_name("large.toml")
"""Settings of classes at 128×128, in a file of their own so that the others' results stay valid."""
WARM_PATH = Path(__file__).with_name("warm.toml")
"""Settings of learned starts, apart so that a change leaves results from random ones valid."""


@dataclasses.dataclass(frozen=True)
class Descent:
    """How both latents descend: so many steps of Adam with these learning rates."""

    steps: int = 0
    image_rate: float = 0.0
    kernel_rate: float = 0.0


@dataclasses.dataclass(frozen=True)
class Settings:
    """How the objectives are minimised for a class.

    Attributes
    ----------
    restarts : int
        Random starts in the kernel's latent.
    finalists : int
        Of those, how many go on to the image's latent.
    annealing, warm : Annealing
        Of the search by evidence, from random starts and from learned ones.
    sparse_steps : int
        Steps of the search by sparse evidence after it; 0 for none.
    steps : int
        Of Adam on both latents, jointly.
    image_rate, kernel_rate : float
        Its learning rates.
    rounds : int
        Of the free image in turn with the latents.
    weights : Weights
    polish : Descent
        In which equation 4 goes on from the best finalist.
    """

    restarts: int
    finalists: int
    annealing: Annealing
    warm: Annealing
    sparse_steps: int
    steps: int
    image_rate: float
    kernel_rate: float
    rounds: int
    weights: Weights
    polish: Descent = Descent()

    @property
    def descent(self) -> Descent:
        """The joint descent of all finalists."""
        return Descent(self.steps, self.image_rate, self.kernel_rate)


def is_large(image_class: str) -> bool:
    """Return whether a class has its settings in the file of large images."""
    return image_class in read_toml(LARGE_PATH)


@functools.lru_cache(maxsize=8)
def load_settings(image_class: str, steps: int = 0, search_steps: int = 0) -> Settings:
    """Read the settings of a class.

    Parameters
    ----------
    image_class : str
    steps : int
        Of the joint descent; 0 leaves what the file says.
    search_steps : int
        Of both searches by evidence; likewise.

    Raises
    ------
    Unavailable
        If there are none.
    """
    path = LARGE_PATH if is_large(image_class) else PATH
    base = read_toml(PATH)["default"] if path == LARGE_PATH else None
    merged = class_settings(path, image_class, "Deep Deblur", base)
    learned = read_toml(WARM_PATH)
    merged["warm"] = {**merged["warm"], **learned["default"], **learned.get(image_class, {})}
    if steps:
        merged["steps"] = steps
    if search_steps:
        merged["annealing"] = {**merged["annealing"], "steps": search_steps}
        merged["warm"] = {**merged["warm"], "steps": search_steps}
        merged["sparse_steps"] = min(merged["sparse_steps"], search_steps)
    return Settings(
        **{key: value for key, value in merged.items() if not isinstance(value, dict)},
        annealing=Annealing(**merged["annealing"]),
        warm=Annealing(**{**merged["annealing"], **merged["warm"]}),
        weights=Weights(**merged["weights"]),
        polish=Descent(**merged.get("polish", {})),
    )
