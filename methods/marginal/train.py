"""``python -m bench train gaussian-CLASS``: fit a class's Gaussian model to its training split."""

from __future__ import annotations

import datetime
import json
import time
from pathlib import Path

from bench.checkout import commit
from bench.checksums import checksum
from bench.datasets.archives import to_unit_range, training_images
from bench.errors import InvalidInput
from bench.methods.generators.augment import AUGMENTATIONS
from bench.methods.marginal.model import FINE, RANKS, WEIGHTS, learn_model, save_model
from bench.seeds import generator

CLASSES = {"svhn": ("sharpen",), "shoes": (), "celeba": ("flip",)}
"""Classes and the augmentations of their training images."""
FINE_RANKS = {"svhn-fine": (300, 120, 120), "celeba-fine": (600, 200, 200)}
"""Models with more components, for images rather than for searches, and their ranks."""
PREFIX = "gaussian-"
LARGEST = 20_000


def recipe_names() -> list[str]:
    """Names that the training command takes."""
    return [PREFIX + name for name in (*CLASSES, *FINE_RANKS)]


def run(name: str, steps: int | None, folder: Path, finish: bool) -> None:
    """Fit a model in one pass; checkpoints and an early finish mean nothing here.

    Raises
    ------
    InvalidInput
        If a number of steps is asked for.
    """
    if steps:
        raise InvalidInput(f"{name!r} is fitted in one pass: leave --steps {steps} out.")
    model = name.removeprefix(PREFIX)
    image_class, ranks = model.removesuffix(FINE), FINE_RANKS.get(model, RANKS)
    started = time.monotonic()
    images = to_unit_range(training_images(image_class)[:LARGEST], image_class)
    for augmentation in CLASSES[image_class]:
        images = AUGMENTATIONS[augmentation](images, generator(name, augmentation))
    path = WEIGHTS / f"{model}.safetensors"
    save_model(learn_model(images, ranks), path)
    card = {
        "name": name,
        "title": f"Mean, principal components and residual spectrum of {image_class}",
        "image_class": image_class,
        "file": path.name,
        "sha256": checksum(path),
        "bytes": path.stat().st_size,
        "ranks": ranks,
        "training_set": len(images),
        "augment": CLASSES[image_class],
        "seconds": round(time.monotonic() - started, 1),
        "commit": commit(),
        "date": datetime.date.today().isoformat(),
        "licence_of_data": "non-commercial research only",
    }
    (WEIGHTS / f"{model}.json").write_text(json.dumps(card, indent=1) + "\n")
    print(f"wrote {path} in {card['seconds']} s")
