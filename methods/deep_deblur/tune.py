"""Compare settings of Deep Deblur on a development set: never on the published test images.

Each argument is one setting to try, as ``key=value`` pairs by commas; dots reach into
``annealing`` and ``weights``. Prints mean PSNR of the generated and of the free image, of the best
finalist (what selection loses), and the kernel's relative error.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from typing import Any

import torch

from bench.errors import InvalidInput
from bench.methods.deep_deblur.settings import Settings, load_settings
from bench.methods.deep_deblur.solver import Solver
from bench.methods.generators.loading import kernel_prior, load_generator
from bench.methods.marginal.model import load_model
from bench.methods.tuning import DevelopmentPairs, development_pairs
from bench.metrics import psnr
from bench.seeds import generators_per_image

CLASSES = ("svhn", "svhn-sharp", "shoes", "celeba", "faces128", "faces128-samples")
EXAMPLES = """\
examples:
  python -m bench tune deep-deblur celeba --images 16
  python -m bench tune deep-deblur shoes restarts=8 restarts=16 --first 20 --images 8
  python -m bench tune deep-deblur svhn-sharp weights.slack=0.02,weights.range=1
"""


def changed(settings: Settings, text: str) -> Settings:
    """Return the settings with what a text like ``restarts=8,weights.latent=0.01`` says.

    Raises
    ------
    InvalidInput
        For a key that there is not.
    """
    for pair in filter(None, text.split(",")):
        key, _, value = pair.partition("=")
        part, _, name = key.rpartition(".")
        holder: Any = getattr(settings, part, None) if part else settings
        if holder is None or not hasattr(holder, name):
            raise InvalidInput(f"Deep Deblur's settings have no {key!r}.")
        holder = dataclasses.replace(holder, **{name: json.loads(value)})
        settings = dataclasses.replace(settings, **{part: holder}) if part else holder
    return settings


def measure(solver: Solver, pairs: DevelopmentPairs, indices: range) -> dict[str, float]:
    """Return mean scores of a solver over development pairs."""
    rows: list[dict[str, float]] = []
    started = time.process_time()
    for i in indices:
        (source,) = generators_per_image(pairs.observation[i : i + 1], 0)
        size = solver.kernel_prior.latent_size
        starts = torch.randn(solver.settings.restarts, size, generator=source)
        y = pairs.observation[i]
        descended = solver.descend(y, starts)
        row: dict[str, float] = {}
        for name, slack in (("dd", False), ("dds", True)):
            found = dataclasses.replace(solver, slack=slack).finish(y, descended)
            values = psnr(found.image, pairs.image[i].expand_as(found.image))
            kernel = found.kernel[found.best] - pairs.kernel[i]
            row |= {
                name: float(values[found.best]),
                f"best {name}": float(values.max()),
                f"kernel error {name}": float(kernel.norm() / pairs.kernel[i].norm()),
            }
        rows.append(row)
    means = {key: sum(row[key] for row in rows) / len(rows) for key in rows[0]}
    return {**means, "CPU s/image": (time.process_time() - started) / len(rows)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("image_class", choices=CLASSES)
    parser.add_argument("changes", nargs="*", default=[""], help="settings to try")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--first", type=int, default=0, help="development image to begin with")


def run(options: argparse.Namespace) -> int:
    """Print the scores of every setting that was asked for."""
    pairs = development_pairs(options.image_class, options.first + options.images)
    name = pairs.task.image_class
    priors = load_generator(name), load_generator(kernel_prior(name))
    base, model = load_settings(name), load_model(name)
    for text in options.changes or [""]:
        solver = Solver(*priors, model, changed(base, text), slack=True)
        found = measure(solver, pairs, range(options.first, options.first + options.images))
        scores = ", ".join(f"{key} {value:.3f}" for key, value in found.items())
        print(f"{options.image_class} [{text or 'as it is'}] {scores}", flush=True)
    return 0
