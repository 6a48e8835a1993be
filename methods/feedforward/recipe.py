"""Recipes of the networks trained end to end: one TOML file per model."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

from bench.errors import InvalidInput, UnknownName

RECIPES = Path(__file__).parent / "recipes"


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a restoring network is trained.

    Attributes
    ----------
    name : str
        ``NETWORK-CLASS``, ``NETWORK-noise-CLASS``; also the name of the weights.
    title : str
    network : str
        A name in :data:`bench.methods.feedforward.networks.NETWORKS`.
    image_class : str
    width : float
        Of the network; what that means is the network's business.
    published_width : float
        The publication's, for the card; 0 where there is none.
    loss : {"squared", "distance", "psnr", "content"}
        Mean squared error; mean Euclidean distance of the images; mean of the logarithm of each
        image's squared error, which is the PSNR; or squared error of pixels and features
        (:mod:`bench.methods.feedforward.losses`).
    adversarial : bool
        Add a WGAN-GP critic to the loss.
    start : str
        Name of the weights to start from; "" for a random start. A recipe's own name trains the
        weights that are there on, and starts at random where there are none; the card says which.
    noise : (float, float)
        Smallest and largest standard deviation of the noise, drawn uniformly.
    steps, batch : int
    optimiser : {"adam", "muon"}
        Muon takes what has four dimensions, filters and blocks' scales; Adam the rest
        (:class:`bench.methods.training.muon.ConvolutionMuon`).
    rate : float
        Peak learning rate; 50 steps of warm-up, then a cosine to 2 % of it.
    average : float
        Decay of the moving average of the weights, which is what is shipped.
    augment : tuple of str
        Names in :mod:`bench.methods.generators.augment`.
    seed : int
    look, save : int
        Steps between looks at validation images, and between checkpoints.
    licence : str
        Of the training images.
    """

    name: str
    title: str
    network: str
    image_class: str
    width: float
    published_width: float = 0.0
    loss: str = "squared"
    adversarial: bool = False
    start: str = ""
    noise: tuple[float, ...] = (0.01, 0.01)
    steps: int = 1000
    batch: int = 16
    optimiser: str = "adam"
    rate: float = 5e-4
    average: float = 0.99
    augment: tuple[str, ...] = ()
    seed: int = 0
    look: int = 100
    save: int = 50
    licence: str = ""

    def fingerprint(self) -> str:
        """Hash of what the weights depend on, but for the number of steps."""
        fields = dataclasses.asdict(self)
        for free in ("title", "published_width", "steps", "look", "save", "licence"):
            del fields[free]
        if self.optimiser == "adam":  # recipes older than the choice keep their hash
            del fields["optimiser"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


def recipe_names() -> list[str]:
    """Names of the recipes that exist."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def load_recipe(name: str, **overrides: Any) -> Recipe:
    """Read a recipe, with fields replaced.

    Raises
    ------
    UnknownName
        If there is none of that name.
    InvalidInput
        If the file has a key that no recipe knows.
    """
    path = RECIPES / f"{name}.toml"
    if not path.is_file():
        raise UnknownName(f"There is no recipe {name!r}; there are: {', '.join(recipe_names())}.")
    fields = tomllib.loads(path.read_text())
    known = {field.name for field in dataclasses.fields(Recipe)}
    if unknown := sorted(set(fields) - known):
        raise InvalidInput(f"{path.name} has unknown keys: {', '.join(unknown)}.")
    fields = {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
    return Recipe(**{"name": name, **fields, **overrides})
