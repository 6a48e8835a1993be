"""Recipes: all that a training depends on, one TOML file per model.

A recipe lies in ``methods/FAMILY/recipes`` and names the class that follows it
(``trainer = "package.module:Class"``), whose ``recipe_class`` says which keys there are.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import pkgutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

from bench.errors import BenchError, InvalidInput, UnknownName
from bench.files import check_place, read_toml
from bench.methods.training.augment import AUGMENTATIONS

FOLDER = Path(__file__).parents[1]
"""Holds ``FAMILY/recipes/NAME.toml``."""
KINDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def key(
    default: Any = dataclasses.MISSING,
    *,
    least: float = 0.0,
    most: float = math.inf,
    among: Collection[str] = (),
    hashed: str | None = "",
    added: bool = False,
) -> Any:
    """Declare a key of a recipe.

    Parameters
    ----------
    default : object
        What it is where a recipe does not say; a key without one must be said.
    least, most : float
        Bounds of a number, or of each number of a list.
    among : collection of str
        What a text, or each text of a list, may be; empty for anything.
    hashed : str or None
        Under which name :meth:`Recipe.fingerprint` hashes it, ``""`` for its own, None for not at
        all, because the weights do not depend on it.
    added : bool
        Whether it came later than some checkpoints, which know nothing of it: it is not hashed
        where it has its default.
    """
    limits = {"least": least, "most": most, "among": among, "hashed": hashed, "added": added}
    return dataclasses.field(default=default, metadata=limits)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is made; a family adds keys of its own.

    Attributes
    ----------
    name : str
        File name without ``.toml``; also the name of the weights.
    trainer : str
        The class that follows the recipe, ``package.module:Class``.
    title : str
        What it is, in one line.
    image_class : str
        ``svhn``, ``shoes``, ``celeba`` or ``motion-blur``.
    augment : tuple of str
        Names in :mod:`bench.methods.training.augment`.
    licence : str
        Of the training data.

    Raises
    ------
    InvalidInput
        If a value is of another type or out of bounds.
    """

    name: str = key()
    trainer: str = key(hashed=None)
    title: str = key(hashed=None)
    image_class: str = key()
    augment: tuple[str, ...] = key((), among=AUGMENTATIONS)
    licence: str = key("", hashed=None)

    constants: ClassVar[dict[str, Any]] = {}
    """What a family hashes besides its keys."""

    def __post_init__(self) -> None:
        kinds = get_type_hints(type(self))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if wrong := _problem(value, kinds[field.name], field.metadata):
                raise InvalidInput(
                    f"The recipe {self.name!r} has {field.name} = {value!r}; {wrong}."
                )

    def fingerprint(self) -> str:
        """Hash of what the weights depend on; a checkpoint of another recipe is not resumed.

        The number of steps is left out, so that a run can be stopped earlier or go on.
        """
        values = dict(self.constants)
        for field in dataclasses.fields(self):
            value, hashed = getattr(self, field.name), field.metadata["hashed"]
            if hashed is not None and not (field.metadata["added"] and value == field.default):
                values[hashed or field.name] = value
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


@dataclasses.dataclass(frozen=True, kw_only=True)
class NetworkRecipe(Recipe):
    """How a network is trained, step by step.

    Attributes
    ----------
    steps, batch : int
    lr : float
        Peak learning rate; 50 steps of warm-up, then a cosine to 2 % of it.
    ema_decay : float
        Decay of the exponential moving average of the weights, which is what is shipped.
    seed : int
    eval_every, save_every : int
        Steps between evaluations on held-out data, and between checkpoints.
    """

    steps: int = key(1000, least=1, hashed=None)
    batch: int = key(32, least=1)
    lr: float = key(5e-4, hashed="rate")
    ema_decay: float = key(0.99, most=1.0, hashed="average")
    seed: int = key(0)
    eval_every: int = key(200, least=1, hashed=None)
    save_every: int = key(100, least=1, hashed=None)


def recipe_names(family: str = "*") -> list[str]:
    """Return the names of the recipes that exist, of all families or of one (``feedforward``)."""
    return sorted(path.stem for path in FOLDER.glob(f"{family}/recipes/*.toml"))


def load_recipe(name: str, **overrides: Any) -> Any:
    """Read a recipe.

    Parameters
    ----------
    name : str
        Of a recipe of the project's own, or the path of a TOML file.
    **overrides
        Keys to replace.

    Returns
    -------
    Recipe
        Of the class that its trainer asks for.

    Raises
    ------
    UnknownName
        If there is none of that name.
    InvalidInput
        If the file is no TOML, a key is unknown or missing, or a value cannot be.
    """
    path = _path(name)
    given = read_toml(path, "recipe")
    kind = _trainer(path, given.get("trainer")).recipe_class
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := sorted(set(given) - set(fields) | set(given) & {"name"}):
        raise InvalidInput(
            f"The recipe {path.stem!r} has unknown keys: {', '.join(unknown)}; "
            f"there are: {', '.join(sorted(set(fields) - {'name'}))}."
        )
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
    values = {"name": path.stem, **values, **overrides}
    required = (k for k, field in fields.items() if field.default is dataclasses.MISSING)
    if missing := [k for k in required if k not in values]:
        raise InvalidInput(f"The recipe {path.stem!r} does not say: {', '.join(missing)}.")
    return kind(**values)


def train(
    name: str, *, steps: int | None = None, folder: Path = Path("checkpoints"), finish: bool = False
) -> None:
    """Train a model by its recipe, going on from the last checkpoint, and export it.

    Parameters
    ----------
    name : str
        As for :func:`load_recipe`.
    steps : int, optional
        Make a trial of so many steps, kept in ``folder/trial``; the weights in use stay.
    folder : Path
        Of checkpoints.
    finish : bool
        Export the averaged weights of the last checkpoint without training further.

    Raises
    ------
    InvalidInput
        If the recipe or the number of steps cannot be, or the folder cannot be written.
    Unavailable
        If data, weights to start from or the checkpoint to export are missing.
    """
    recipe = load_recipe(name)
    if steps:
        if not isinstance(recipe, NetworkRecipe):
            raise InvalidInput(f"{name!r} is fitted in one pass: leave --steps {steps} out.")
        recipe, folder = dataclasses.replace(recipe, steps=steps), folder / "trial"
    check_place(folder / recipe.name)  # before hours of training
    follower = _trainer(Path(recipe.name), recipe.trainer)
    follower.run(recipe, folder, trial=bool(steps), finish=finish)


def _path(name: str) -> Path:
    if name.endswith(".toml"):
        return Path(name)
    for path in FOLDER.glob("*/recipes/*.toml"):
        if path.stem == name:
            return path
    raise UnknownName(f"There is no recipe {name!r}; there are: {', '.join(recipe_names())}.")


def _trainer(path: Path, target: object) -> Any:
    try:
        found = pkgutil.resolve_name(str(target))
        if issubclass(found.recipe_class, Recipe):
            return found
        reason = f"{found.recipe_class!r} is no Recipe"
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        if isinstance(error, BenchError):
            raise
        reason = str(error)
    raise InvalidInput(
        f"The recipe {path.stem!r} has trainer = {target!r}, which is none ({reason}); "
        'name a class, "package.module:Class".'
    )


def _problem(value: Any, kind: Any, limits: Any) -> str:
    """Return what is wrong with a value, or ``""``."""
    if get_origin(kind) is tuple:
        if not isinstance(value, tuple):
            return "it is a list"
        found = (_problem(one, get_args(kind)[0], limits) for one in value)
        return next(filter(None, found), "")
    wanted = (int, float) if kind is float else kind
    if not isinstance(value, wanted) or (kind is not bool and isinstance(value, bool)):
        return f"it is {KINDS[kind]}"
    if kind in (int, float) and not limits["least"] <= value <= limits["most"]:
        upper = "" if limits["most"] == math.inf else f" and at most {limits['most']:g}"
        return f"it is at least {limits['least']:g}{upper}"
    if kind is str and limits["among"] and value not in limits["among"]:
        return f"it may be {', '.join(limits['among'])}"
    return ""
