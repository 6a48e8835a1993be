"""Recipes: everything a training run is told, one TOML file per generator."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import tomllib
from pathlib import Path

from bench.errors import InvalidInput, UnknownName

FOLDER = Path(__file__).parent / "recipes"
ADVERSARIAL = (
    "critic_width",
    "critic_rate",
    "critic_lead",
    "momentum",
    "real_label",
    "instance_noise",
    "matching",
)
"""Fields that only adversarial training reads."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a generator is trained.

    Attributes
    ----------
    name : str
        File name without ``.toml``; also the name of the weights.
    title : str
        What it is, in one line.
    image_class : str
        ``svhn``, ``shoes``, ``celeba`` or ``motion-blur``.
    decoder, encoder : str
        Names in :mod:`bench.methods.generators.architectures`; adversarial training has no encoder.
    method : {"autoencoder", "adversarial"}
    start : {"linear", "random"}
        Whether decoder and encoder begin at the principal components.
    steps, batch : int
    rate : float
        Peak learning rate of Adam; 50 steps of warm-up, then a cosine to 2 % of it.
    latent_noise : float
        Standard deviation of the noise added to the standardised latents.
    squared, absolute, edges, relative : float
        Weights of the loss terms: mean squared error, mean absolute error, mean squared error of
        the differences between neighbouring pixels, and ``‖x − x̂‖ / ‖x‖``.
    augment : tuple of str
        Names in :mod:`bench.methods.generators.augment`.
    sources : tuple of str
        Subfolders of the archive to use; empty for all.
    scale : float
        The decoder is trained on data times this, and divided by it at the end.
    precision : {"float32", "bfloat16"}
        Of matrix products during training; float32 also where the processor cannot multiply
        bfloat16 (:mod:`bench.methods.training.arithmetic`).
    average : float
        Decay of the exponential moving average of the weights.
    validation : int
        Held-out images or kernels used for the curve.
    seed : int
    look, save : int
        Steps between looks at the held-out images, and between checkpoints.
    licence : str
        Of the training data.
    critic_width : int
        Channels of the discriminator's first layer; 64 mirrors the decoder.
    critic_rate, momentum : float
        Learning rate of the discriminator's Adam, and the first moment's decay of both.
    critic_lead : int
        Steps of the discriminator alone before the decoder plays: a linear start is ahead of a
        discriminator that knows nothing, which then learns noise that fools it.
    real_label : float
        What the discriminator is told of training images: 1, or less against overconfidence.
    instance_noise : float
        Standard deviation of the noise on all that the discriminator sees, in [−1, 1], at the
        start; it falls linearly to 0 at the last step.
    matching : float
        Weight of the mismatch of the discriminator's filters in the decoder's loss.
    """

    name: str
    title: str
    image_class: str
    decoder: str
    encoder: str = ""
    method: str = "autoencoder"
    start: str = "random"
    steps: int = 1000
    batch: int = 64
    rate: float = 1e-3
    latent_noise: float = 0.05
    squared: float = 1.0
    absolute: float = 0.0
    edges: float = 0.0
    relative: float = 0.0
    augment: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    scale: float = 1.0
    precision: str = "float32"
    average: float = 0.999
    validation: int = 128
    seed: int = 0
    look: int = 200
    save: int = 100
    licence: str = ""
    critic_width: int = 64
    critic_rate: float = 2e-4
    momentum: float = 0.5
    critic_lead: int = 0
    real_label: float = 1.0
    instance_noise: float = 0.0
    matching: float = 0.0

    def fingerprint(self) -> str:
        """Hash of what the weights depend on; a checkpoint of another recipe is not resumed.

        The number of steps is left out, so that a run can be stopped earlier or go on.
        """
        fields = dataclasses.asdict(self)
        for free in ("title", "steps", "look", "save", "licence", "validation"):
            del fields[free]
        if self.method != "adversarial":  # which had its checkpoints before these were there
            for other in ADVERSARIAL:
                del fields[other]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


def recipe_names() -> list[str]:
    """Names of the recipes that exist."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_recipe(name: str, **overrides: object) -> Recipe:
    """Read a recipe.

    Parameters
    ----------
    name : str
    **overrides
        Fields to replace.

    Raises
    ------
    UnknownName
        If there is none of that name.
    InvalidInput
        If the file has a key that no recipe knows, or an unknown precision.
    """
    path = FOLDER / f"{name}.toml"
    if not path.is_file():
        raise UnknownName(f"There is no recipe {name!r}; there are: {', '.join(recipe_names())}.")
    fields = tomllib.loads(path.read_text())
    known = {field.name for field in dataclasses.fields(Recipe)}
    if unknown := sorted(set(fields) - known):
        raise InvalidInput(f"{path.name} has unknown keys: {', '.join(unknown)}.")
    if (precision := fields.get("precision", "float32")) not in ("float32", "bfloat16"):
        raise InvalidInput(
            f"{path.name} has the precision {precision!r}; it may be float32 or bfloat16."
        )
    fields = {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
    return Recipe(**{"name": name, **fields, **overrides})
