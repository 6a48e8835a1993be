"""Training a network end to end: fresh kernels and noise in every step, by its recipe.

``deblurgan`` is trained in two recipes, so that what the critic changes can be seen: first on the
content term alone (``deblurgan-content-CLASS``), then from there with the critic.
"""

from __future__ import annotations

import copy
import dataclasses
import datetime
import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench import seeds
from bench.checkout import commit
from bench.datasets.archives import training_images
from bench.errors import InvalidInput, Unavailable
from bench.methods.feedforward import features, losses, recipe
from bench.methods.feedforward.loading import (
    FEATURES,
    WEIGHTS,
    build,
    load_card,
    load_features,
    load_network,
)
from bench.methods.feedforward.recipe import Recipe, load_recipe
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
from bench.methods.training.muon import ConvolutionMuon
from bench.methods.training.weights import write_card, write_weights
from bench.metrics import psnr


def recipe_names() -> list[str]:
    """Names that :func:`run` takes."""
    return [*recipe.recipe_names(), FEATURES]


class Trainer:
    """Steps of training; every random number depends on the recipe's seed and the step alone.

    Parameters
    ----------
    recipe : Recipe
    images : Tensor, uint8, shape (N, 3, H, W)

    Raises
    ------
    InvalidInput
        If the recipe's loss or optimiser is unknown.
    """

    def __init__(self, recipe: Recipe, images: Tensor) -> None:
        if recipe.loss not in (known := [*losses.PIXELWISE, "content"]):
            raise InvalidInput(f"The loss is {recipe.loss!r}; it may be {', '.join(known)}.")
        self.recipe, self.images, self.step = recipe, images, 0
        torch.manual_seed(seeds.derive_seed("initialisation", recipe.seed) % 2**31)
        self.model = build(recipe.network, recipe.width)
        self.origin = _origin(recipe)
        if self.origin:
            self.model.load_state_dict(load_network(recipe.start).state_dict())
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimisers = _optimisers(self.model, recipe)
        low, high = recipe.noise
        self.batches = BlurredBatches(
            recipe.name,
            recipe.seed,
            images,
            recipe.image_class,
            recipe.batch,
            recipe.augment,
            lambda uniform, coin: low + (high - low) * uniform,
        )
        self.features = load_features() if recipe.loss == "content" else None
        self.adversary = losses.Adversary(recipe.rate) if recipe.adversarial else None

    @property
    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        parts = {"model": self.model, "average": self.average, **self.optimisers}
        if self.adversary is not None:
            parts |= {"adversary": self.adversary, "critic_optim": self.adversary.optimiser}
        return parts

    def advance(self) -> float:
        """Take one step and return the loss of the content, without the critic's term."""
        rate = learning_rate(self.recipe.rate, self.step, self.recipe.steps)
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate
        sharp, observation, _ = self.batches.batch(self.step)
        with mixed_precision():
            restored = self.model(observation.contiguous(memory_format=torch.channels_last))
        restored = restored.float()
        loss = self._content(restored, sharp)
        total = loss
        if self.adversary is not None:
            total = losses.CONTENT * loss + self._judged(restored, sharp, losses.CONTENT * loss)
        self.model.zero_grad(set_to_none=True)
        total.backward()
        limit = 1.0 if self.adversary is None else 100.0
        length = nn.utils.clip_grad_norm_(self.model.parameters(), limit)
        if not length.isfinite():  # no step, for a step along it would end every weight
            return float("nan")
        for optimiser in self.optimisers.values():
            optimiser.step()
        self.step += 1
        decay = min(self.recipe.average, self.step / (self.step + 9))
        update_average(self.average, self.model, decay)
        return float(loss.detach())

    def _content(self, restored: Tensor, sharp: Tensor) -> Tensor:
        if self.features is not None:
            return losses.content(restored, sharp, self.features)
        return losses.PIXELWISE[self.recipe.loss](restored, sharp)

    def _judged(self, restored: Tensor, sharp: Tensor, rest: Tensor) -> Tensor:
        assert self.adversary is not None
        source = seeds.generator(self.recipe.name, self.recipe.seed, "critic", self.step)
        self.adversary.learn(restored, sharp, source)
        return self.adversary.judge(restored, rest, self.step)


def _optimisers(model: nn.Module, recipe: Recipe) -> dict[str, torch.optim.Optimizer]:
    if recipe.optimiser == "adam":
        return {"optimiser": torch.optim.Adam(model.parameters(), recipe.rate, betas=(0.9, 0.99))}
    if recipe.optimiser != "muon":
        raise InvalidInput(f"The optimiser is {recipe.optimiser!r}; it may be adam or muon.")
    filters = [p for p in model.parameters() if p.ndim == 4]
    others = [p for p in model.parameters() if p.ndim != 4]
    return {
        "muon": ConvolutionMuon(filters, recipe.rate),
        "optimiser": torch.optim.Adam(others, recipe.rate, betas=(0.9, 0.99)),
    }


def _origin(recipe: Recipe) -> dict[str, Any]:
    """Describe the weights to start from; {} for a random start."""
    if not recipe.start:
        return {}
    try:
        card = load_card(recipe.start)
    except Unavailable:
        if recipe.start != recipe.name:
            raise
        return {}
    network, width = card["recipe"]["network"], card["recipe"]["width"]
    if (network, width) != (recipe.network, recipe.width):
        raise InvalidInput(
            f"{recipe.name!r} is a {recipe.network} of width {recipe.width:g} and starts from "
            f"{recipe.start!r}, whose weights are of a {network} of width {width:g}; train "
            f"{recipe.start!r} first, or change the recipe."
        )
    kept = ("name", "sha256", "commit", "samples_seen", "duration_minutes", "start")
    return {key: card[key] for key in kept if key in card}


@torch.no_grad()
def restored(network: nn.Module, observation: Tensor) -> Tensor:
    """Restore observations (N, 3, H, W) in batches, clamped to [0, 1]."""
    return torch.cat([network(part).clamp(0, 1) for part in observation.split(40)])


def run(name: str, steps: int | None, folder: Path, finish: bool) -> None:
    """Train a network and export it, or export its last checkpoint.

    Raises
    ------
    Unavailable
        If the data, the weights to start from, or the checkpoint to export are missing.
    InvalidInput
        If the features of the content term are asked for with a number of steps.
    """
    if name == FEATURES:
        if steps:
            raise InvalidInput(f"{name!r} has a fixed number of steps: leave --steps {steps} out.")
        features.run(folder)
        return
    recipe = load_recipe(name, **({"steps": steps} if steps else {}))
    trainer = Trainer(recipe, training_images(recipe.image_class))
    held_out = training_images(recipe.image_class, "val")
    sharp, observation, _ = validation("restorer validation", held_out, recipe.image_class)

    looked_at = {"psnr": observation}
    if (noisiest := max(recipe.noise)) > NOISE:
        noisy = validation("restorer validation", held_out, recipe.image_class, noisiest)
        looked_at["psnr_noisiest"] = noisy[1]

    def look() -> dict[str, float]:
        values = {
            key: psnr(restored(trainer.average, y[:80]), sharp[:80]).mean().item()
            for key, y in looked_at.items()
        }
        if trainer.adversary is not None:
            values["critic_share"] = trainer.adversary.share.item()
        return values

    if finish:
        path, progress = checkpoint_path(folder, name), Progress()
        if not path.is_file():
            raise Unavailable(f"There is no checkpoint {path} to export; train without --finish.")
        resume(trainer, path, progress)
    else:
        progress = train(trainer, folder, look)
    out = weights_folder(WEIGHTS, folder, steps)
    card = export(trainer, progress, sharp, observation, out)
    print(f"wrote {out / card['file']}: {json.dumps(card['validation'])}")


def export(
    trainer: Trainer,
    progress: Progress,
    sharp: Tensor,
    observation: Tensor,
    folder: Path = WEIGHTS,
) -> dict[str, Any]:
    """Write the averaged weights in eight bits, and their card, which is returned.

    What the card scores is what was written, read back. The observations have 1 % noise, also for
    networks that are trained at more; the methods' noise sweep has the rest.

    Raises
    ------
    InvalidInput
        If the restored images are not finite; the weights that were there stay.
    """
    recipe = trainer.recipe
    if not torch.isfinite(trainer.average(observation[:1])).all():
        raise InvalidInput(f"The training of {recipe.name!r} diverged; nothing was exported.")
    card: dict[str, Any] = {
        "name": recipe.name,
        "title": recipe.title,
        "image_class": recipe.image_class,
        "recipe": dataclasses.asdict(recipe),
        "recipe_fingerprint": recipe.fingerprint(),
        "width_against_published": recipe.width / recipe.published_width
        if recipe.published_width
        else None,
        "steps_done": trainer.step,
        "samples_seen": trainer.step * recipe.batch,
        "start": progress.origin,
        "training_set": len(trainer.images),
        "seed": recipe.seed,
        "parameters": sum(p.numel() for p in trainer.model.parameters()),
        "threads": torch.get_num_threads(),
        "arithmetic": arithmetic(),
        "duration_minutes": round(progress.seconds / 60, 1),
        "commit": commit(),
        "date": datetime.date.today().isoformat(),
        "licence_of_data": recipe.licence,
        "curve": progress.looks,
    }
    if trainer.features is not None:
        card["loss_weights"] = losses.WEIGHTS
        card["features"] = load_card(FEATURES)["sha256"]
    if trainer.adversary is not None:
        card["critic_share_of_gradient"] = trainer.adversary.share.item()
    write_weights(recipe.name, {"network": trainer.average}, card, folder, precision="int8")
    load_network.cache_clear()
    shipped = load_network(recipe.name, folder)
    started = time.perf_counter()
    images = restored(shipped, observation)
    seconds = time.perf_counter() - started
    card["images_per_second"] = round(len(observation) / seconds, 1)
    card["validation"] = {
        "images": len(sharp),
        "noise": NOISE,
        "psnr": psnr(images, sharp).mean().item(),
        "psnr_of_observation": psnr(observation, sharp).mean().item(),
    }
    write_card(recipe.name, card, folder)
    return card
