"""From a checkpoint to what is shipped: weights in half precision, a card, a page, pictures."""

from __future__ import annotations

import copy
import dataclasses
import datetime
import json
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor, nn

from bench.checkout import commit
from bench.datasets.motion_blur import motion_blur_kernels
from bench.methods.generators.adversarial import AdversarialTrainer
from bench.methods.generators.autoencoder import Trainer, as_float, whiten
from bench.methods.generators.evaluate import (
    deconvolution_psnr,
    fit_kernels,
    fit_range,
    kernel_distance,
    kernel_scores,
    psnr,
    range_scores,
)
from bench.methods.generators.loading import (
    WEIGHTS,
    Prior,
    latent_statistics,
    load_generator,
)
from bench.methods.generators.recipe import Recipe
from bench.methods.training.arithmetic import arithmetic
from bench.methods.training.weights import Precision, write_weights
from bench.physics.intensity import stretch

JUDGED = {"validation": "On held-out images", "published_test": "On the published test images"}
REPORTS = Path(__file__).parents[2] / "reports" / "generators"


def finish(
    trainer: Trainer | AdversarialTrainer,
    held_out: Tensor,
    *,
    seconds: float,
    folder: Path = WEIGHTS,
    reports: Path = REPORTS,
) -> dict[str, Any]:
    """Whiten the averaged model, write it with its card and page, and return the card.

    Parameters
    ----------
    trainer : Trainer or AdversarialTrainer
        An autoencoder's latents are whitened; an adversarial decoder is shipped as it is, alone
        and in eight bits: its samples are the same to the eye.
    held_out : Tensor, uint8 or float32, shape (N, C, H, W)
    seconds : float
        Duration of the training so far.
    folder, reports : Path
        Where weights and card, and page and pictures go.
    """
    recipe = trainer.recipe
    trainer.recalibrate()
    model = copy.deepcopy(trainer.average)
    modules: dict[str, nn.Module]
    precision: Precision
    if isinstance(trainer, AdversarialTrainer):
        modules, precision = {"decoder": model}, "int8"
    else:
        some = torch.arange(0, len(trainer.images), max(1, len(trainer.images) // 6000))
        whiten(model, trainer.prepare(some, step=-2), recipe.latent_noise, recipe.scale)
        modules, precision = {"decoder": model.decoder, "encoder": model.encoder}, "float16"
    card = new_card(trainer, modules["decoder"], seconds)
    write_weights(recipe.name, modules, card, folder, precision=precision)
    prior = load_generator(recipe.name, folder=folder)
    x = prepared(held_out, recipe)
    card["validation"] = judge(prior, x, recipe)
    if precision == "int8":
        kept = Prior(modules["decoder"]).sample(0, 64)
        alike = psnr(kept, prior.sample(0, 64)).mean().item()
        card["validation"]["samples_in_eight_bits_psnr"] = alike
    (folder / f"{recipe.name}.json").write_text(json.dumps(card, indent=1) + "\n")
    write_page(prior, x, card, reports)
    return card


def new_card(trainer: Trainer | AdversarialTrainer, decoder: Any, seconds: float) -> dict[str, Any]:
    """What is known of the weights before anything is measured."""
    recipe = trainer.recipe
    return {
        "name": recipe.name,
        "title": recipe.title,
        "image_class": recipe.image_class,
        "decoder": recipe.decoder,
        "encoder": recipe.encoder,
        "latent_size": decoder.latent_size,
        "image_shape": list(decoder.image_shape),
        "recipe": dataclasses.asdict(recipe),
        "recipe_fingerprint": recipe.fingerprint(),
        "steps_done": trainer.step,
        "samples_seen": trainer.step * recipe.batch,
        "training_set": len(trainer.images),
        "seed": recipe.seed,
        "duration_minutes": round(seconds / 60, 1),
        "arithmetic": arithmetic() if recipe.precision == "bfloat16" else "float32",
        "commit": commit(),
        "date": datetime.date.today().isoformat(),
        "licence_of_data": recipe.licence,
    }


def prepared(images: Tensor, recipe: Recipe) -> Tensor:
    """Held-out images as the test set is: floats, stretched where the recipe stretches."""
    x = as_float(images)
    if "stretch" in recipe.augment:
        x = stretch(x)
    return x


def judge(prior: Prior, x: Tensor, recipe: Recipe) -> dict[str, Any]:
    """All numbers of the card, on held-out images or kernels (N, C, H, W)."""
    scores: dict[str, Any] = {}
    if prior.has_encoder:
        with torch.no_grad():
            codes = torch.cat([prior.encode(part) for part in x.split(128)])
        statistics = latent_statistics(codes, recipe.latent_noise)
        scores |= {"posterior": dataclasses.asdict(statistics), "posterior_images": len(codes)}
    if x.shape[1] == 1:
        scores.update(kernel_scores(prior, x[:256]))
        scores["penalised"] = kernel_scores(prior, x[:256], penalty=1e-5)
        return scores
    count = 24 if prior.has_encoder else 12  # fits are most of an export's time
    some = x[:: max(1, len(x) // count)][:count]
    scores.update(range_scores(prior, some, steps=60))
    kernels = motion_blur_kernels(8, 11)
    scores["deconvolution_psnr"] = deconvolution_psnr(prior, some[:8], kernels, steps=60)
    first, second = x[::2], x[1::2]  # the order of the archive is by source
    scores["kernel_distance"] = kernel_distance(prior.sample(0, len(first)), second)
    scores["kernel_distance_of_halves"] = kernel_distance(first, second)
    return scores


def sheet(images: Tensor, columns: int = 10, zoom: int = 1) -> Tensor:
    """Tile images (N, C, H, W) in [0, 1] to one (3, H', W'), in rows of ``columns``."""
    count, channels, height, width = images.shape
    rows = -(-count // columns)
    blank = torch.ones(rows * columns - count, channels, height, width)
    tiles = torch.cat([images.detach().cpu().clamp(0, 1), blank]).expand(-1, 3, -1, -1)
    tiles = tiles.view(rows, columns, 3, height, width).permute(2, 0, 3, 1, 4)
    grid = tiles.reshape(3, rows * height, columns * width)
    return grid.repeat_interleave(zoom, 1).repeat_interleave(zoom, 2)


def write_png(image: Tensor, path: Path) -> None:
    """Write an image (3, H, W) in [0, 1] as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = (image * 255).round().byte().permute(1, 2, 0).numpy()
    cv2.imwrite(str(path), pixels[:, :, ::-1])


def write_page(prior: Prior, x: Tensor, card: dict[str, Any], reports: Path) -> None:
    """Write the generator's page: card, 100 samples, ten reconstructions of held-out images."""
    samples, some = prior.sample(0, 100), x[:10]
    fit = fit_kernels if x.shape[1] == 1 else fit_range
    latents = fit(prior, some, steps=60).latent
    with torch.no_grad():
        fitted = prior(latents)
    if x.shape[1] == 1:  # kernels are shown scaled to their own maximum
        samples, some, fitted = (
            t / t.amax((1, 2, 3), keepdim=True).clamp_min(1e-6) for t in (samples, some, fitted)
        )
    name = card["name"]
    write_png(sheet(samples), reports / f"{name}-samples.png")
    write_png(sheet(torch.cat([some, fitted])), reports / f"{name}-reconstructions.png")
    write_text(card, reports)


def write_text(card: dict[str, Any], reports: Path) -> None:
    """Write the page's text: what is known of the weights, numbers, and the pictures' places."""
    name = card["name"]
    rows = [(k, v) for k, v in card.items() if k not in (*JUDGED, "title", "recipe")]
    text = f"# {card['title']}\n\n{_table(rows)}"
    for key, title in JUDGED.items():
        if key in card:
            scores = [(k, f"{v:.4g}") for k, v in _flat(card[key]).items()]
            text += f"\n## {title}\n\n{_table(scores)}"
    text += f"""
## Samples, z ~ N(0, I), seed 0, not selected

![100 samples]({name}-samples.png)

## Held-out images (above) and the nearest images of the range (below)

![reconstructions]({name}-reconstructions.png)
"""
    reports.mkdir(parents=True, exist_ok=True)
    (reports / f"{name}.md").write_text(text)


def _table(rows: list[tuple[str, Any]]) -> str:
    return "| | |\n|---|---|\n" + "".join(f"| {key} | {value} |\n" for key, value in rows)


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, float]:
    out: dict[str, float] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            out.update(_flat(value, f"{prefix}{key}: "))
        else:
            out[prefix + key] = value
    return out
