"""Training a kernel network: images of a class, fresh kernels and noise in every step.

The loss of an estimate ``k̂`` is ``‖k̂ − k‖² / ‖k‖² + 0.2 ‖k̂ − k‖₁``: the first term is what
deconvolution suffers from, the second keeps faint tails of long kernels. Most observations have
the benchmark's 1 % noise; a quarter have 1 to 10 %, so that one network serves every noise level
without being told which it is.
"""

from __future__ import annotations

import copy
import dataclasses
import datetime
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench import seeds
from bench.checkout import commit
from bench.datasets.archives import training_images
from bench.errors import Unavailable
from bench.methods.kernel_net.network import NETWORKS, KernelNetwork, kernels
from bench.methods.training.arithmetic import arithmetic, mixed_precision
from bench.methods.training.blurred import NOISE, BlurredBatches, validation
from bench.methods.training.loop import (
    Progress,
    checkpoint_path,
    learning_rate,
    resume,
    train,
    update_average,
    weights_folder,
)
from bench.methods.training.weights import write_weights

RECIPES = Path(__file__).parent / "recipes"
WEIGHTS = Path(__file__).parent / "weights"
NOISIEST, NOISY_SHARE = 0.1, 0.25
ABSOLUTE = 0.2


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a kernel network is trained.

    Attributes
    ----------
    name, title : str
    image_class : str
    image_size : int
    network : {"maps", "lags"}
        Which of :mod:`bench.methods.kernel_net.network`.
    width, blocks : int
        Of the network.
    steps, batch : int
    rate : float
        Peak learning rate of Adam.
    average : float
        Decay of the moving average of the weights.
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
    image_class: str
    image_size: int
    network: str = "maps"
    width: int = 128
    blocks: int = 8
    steps: int = 2400
    batch: int = 32
    rate: float = 5e-4
    average: float = 0.995
    augment: tuple[str, ...] = ()
    seed: int = 0
    look: int = 200
    save: int = 200
    licence: str = ""

    def fingerprint(self) -> str:
        """Hash of what the weights depend on, but for the number of steps."""
        fields = dataclasses.asdict(self)
        for free in ("title", "steps", "look", "save", "licence"):
            del fields[free]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


def recipe_names() -> list[str]:
    """Names of the recipes that exist."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def load_recipe(name: str, **overrides: Any) -> Recipe:
    """Read a recipe, with fields replaced."""
    fields = tomllib.loads((RECIPES / f"{name}.toml").read_text())
    fields = {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}
    return Recipe(**{"name": name, **fields, **overrides})


class Trainer:
    """Steps of training; every random number depends on the recipe's seed and the step alone.

    Parameters
    ----------
    recipe : Recipe
    images : Tensor, uint8, shape (N, 3, H, W)
    """

    def __init__(self, recipe: Recipe, images: Tensor) -> None:
        self.recipe, self.images, self.step = recipe, images, 0
        torch.manual_seed(seeds.derive_seed("initialisation", recipe.seed) % 2**31)
        network = NETWORKS[recipe.network]
        self.model = network(recipe.image_size, recipe.width, recipe.blocks)
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimiser = torch.optim.Adam(
            self.model.parameters(), recipe.rate, betas=(0.9, 0.99), fused=True
        )
        self.batches = BlurredBatches(
            recipe.name,
            recipe.seed,
            images,
            recipe.image_class,
            recipe.batch,
            recipe.augment,
            mixed_noise,
        )

    @property
    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {"model": self.model, "average": self.average, "optimiser": self.optimiser}

    def advance(self) -> float:
        """Take one step and return its loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.recipe.rate, self.step, self.recipe.steps)
        observation, kernel = self.batch(self.step)
        with mixed_precision():
            logits = self.model(observation)
        loss = kernel_loss(kernels(logits), kernel)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        decay = min(self.recipe.average, self.step / (self.step + 9))
        update_average(self.average, self.model, decay)
        return float(loss.detach())

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Observations (N, 3, H, W) and kernels (N, 28, 28) of a step."""
        _, observation, kernel = self.batches.batch(step)
        return observation, kernel


def mixed_noise(uniform: Tensor, coin: Tensor) -> Tensor:
    """1 % for three images in four, 1 to 10 % for the fourth."""
    return torch.where(coin < NOISY_SHARE, NOISE * (NOISIEST / NOISE) ** uniform, NOISE)


def kernel_loss(estimate: Tensor, kernel: Tensor) -> Tensor:
    """Relative squared error plus 0.2 times the absolute error, mean over the batch."""
    difference = (estimate - kernel).flatten(1)
    relative = difference.square().sum(1) / kernel.flatten(1).square().sum(1)
    return (relative + ABSOLUTE * difference.abs().sum(1)).mean()


def relative_errors(network: KernelNetwork, observation: Tensor, kernel: Tensor) -> Tensor:
    """``‖k̂ − k‖ / ‖k‖`` of a network's estimates, shape (N,)."""
    estimate = torch.cat([network.estimate(part) for part in observation.split(40)])
    return (estimate - kernel).flatten(1).norm(dim=1) / kernel.flatten(1).norm(dim=1)


def run(name: str, steps: int | None, folder: Path, finish: bool) -> None:
    """Train a kernel network and export it, or export its last checkpoint.

    Raises
    ------
    Unavailable
        If the data, or the checkpoint to export, are missing.
    """
    recipe = load_recipe(name, **({"steps": steps} if steps else {}))
    trainer = Trainer(recipe, training_images(recipe.image_class))
    _, observation, kernel = validation(
        "kernel-net validation", training_images(recipe.image_class, "val"), recipe.image_class
    )

    def look() -> dict[str, float]:
        errors = relative_errors(trainer.average, observation, kernel)
        return {"error": errors.mean().item(), "median": errors.median().item()}

    if finish:
        path, progress = checkpoint_path(folder, name), Progress()
        if not path.is_file():
            raise Unavailable(f"There is no checkpoint {path} to export; train without --finish.")
        resume(trainer, path, progress)
    else:
        progress = train(trainer, folder, look)
    out = weights_folder(WEIGHTS, folder, steps)
    card = export(trainer, progress, look(), out)
    print(f"wrote {out / card['file']}: {json.dumps(card['validation'])}")


def export(
    trainer: Trainer, progress: Progress, scores: dict[str, float], folder: Path = WEIGHTS
) -> dict[str, Any]:
    """Write the averaged weights in eight bits, and their card, which is returned."""
    recipe = trainer.recipe
    card = {
        "name": recipe.name,
        "title": recipe.title,
        "image_class": recipe.image_class,
        "recipe": dataclasses.asdict(recipe),
        "recipe_fingerprint": recipe.fingerprint(),
        "steps_done": trainer.step,
        "samples_seen": trainer.step * recipe.batch,
        "training_set": len(trainer.images),
        "seed": recipe.seed,
        "parameters": sum(p.numel() for p in trainer.model.parameters()),
        "duration_minutes": round(progress.seconds / 60, 1),
        "arithmetic": arithmetic(),
        "commit": commit(),
        "date": datetime.date.today().isoformat(),
        "licence_of_data": recipe.licence,
        "validation": {"images": 240, **scores},
        "curve": progress.looks,
    }
    write_weights(recipe.name, {"network": trainer.average}, card, folder, precision="int8")
    return card
