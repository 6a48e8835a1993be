"""Training a generator by its recipe: data, looks at held-out images, export."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from bench import seeds
from bench.errors import Unavailable
from bench.methods.generators.adversarial import AdversarialTrainer
from bench.methods.generators.autoencoder import Trainer, as_float, relative_error
from bench.methods.generators.data import training_data
from bench.methods.generators.evaluate import kernel_distance
from bench.methods.generators.export import REPORTS, prepared, sheet, write_png
from bench.methods.generators.export import finish as export
from bench.methods.generators.loading import WEIGHTS
from bench.methods.generators.recipe import Recipe, load_recipe, recipe_names
from bench.methods.training.loop import Progress, checkpoint_path, resume, train, weights_folder
from bench.physics.intensity import stretch

__all__ = ["fit", "recipe_names", "run"]

AnyTrainer = Trainer | AdversarialTrainer


def run(name: str, steps: int | None, folder: Path, finish: bool) -> None:
    """Train a generator and export it, or export its last checkpoint.

    Raises
    ------
    Unavailable
        If the data, or the checkpoint to export, are missing.
    """
    recipe = load_recipe(name, **({"steps": steps} if steps else {}))
    images, held_out = training_data(recipe)
    print(f"{recipe.name}: {len(images)} for training, {len(held_out)} held out", flush=True)
    if finish:
        path = checkpoint_path(folder, recipe.name)
        if not path.is_file():
            raise Unavailable(f"There is no checkpoint {path} to export; train without --finish.")
        trainer, progress = make_trainer(recipe, images, fresh=False), Progress()
        resume(trainer, path, progress)
    else:
        trainer, progress = fit(recipe, images, held_out, folder)
    out = weights_folder(WEIGHTS, folder, steps)
    reports = weights_folder(REPORTS, folder, steps)
    card = export(trainer, held_out, seconds=progress.seconds, folder=out, reports=reports)
    print(f"{recipe.name}: {json.dumps(card['validation'])}")
    print(f"wrote {out / card['file']} and {reports / recipe.name}.md")


def make_trainer(recipe: Recipe, images: Tensor, *, fresh: bool = True) -> AnyTrainer:
    """Make the trainer of the recipe's method."""
    kind = AdversarialTrainer if recipe.method == "adversarial" else Trainer
    return kind(recipe, images, fresh=fresh)


def fit(
    recipe: Recipe, images: Tensor, held_out: Tensor, folder: Path
) -> tuple[AnyTrainer, Progress]:
    """Train to the recipe's last step.

    Parameters
    ----------
    recipe : Recipe
    images, held_out : Tensor, uint8 or float32, shape (N, C, H, W)
    folder : Path
        Of the checkpoint ``NAME.safetensors``, from which the run goes on if it is there, and of
        ``NAME-samples.png``, the latest look at samples.
    """
    fresh = not checkpoint_path(folder, recipe.name).is_file()
    trainer = make_trainer(recipe, images, fresh=fresh)

    def look_at() -> dict[str, float]:
        write_png(sheet(samples(trainer)), folder / f"{recipe.name}-samples.png")
        if isinstance(trainer, AdversarialTrainer):
            return look_adversarial(trainer, held_out)
        return look(trainer, held_out)

    return trainer, train(trainer, folder, look_at)


def look(trainer: Trainer, held_out: Tensor) -> dict[str, float]:
    """Score held-out images coded by the averaged model, and after ten steps by the latent."""
    recipe = trainer.recipe
    x = as_float(held_out[:32])
    if "stretch" in recipe.augment:
        x = stretch(x)
    x = x * recipe.scale
    model = trainer.average.eval()
    with torch.no_grad():
        z = model.encode(x)
    z = z.requires_grad_()
    optimiser = torch.optim.Adam([z], 0.1)
    scores: dict[str, float] = {}
    for step in range(11):
        output = model.decode(z)
        if step in (0, 10):
            name = "encoded" if step == 0 else "fitted"
            if recipe.relative:
                scores[name] = relative_error(x, output).mean().item()
            else:
                error = (x - output).square().mean((1, 2, 3))
                scores[name] = (-10 * error.log10()).mean().item()
        optimiser.zero_grad()
        (x - output).square().sum().backward()
        optimiser.step()
    scores["norm"] = z.detach().square().mean(1).mean().item()
    return scores


def look_adversarial(trainer: AdversarialTrainer, held_out: Tensor) -> dict[str, float]:
    """Score a short fit of held-out images from z = 0, and the distance of samples from them."""
    x = prepared(held_out[:: max(1, len(held_out) // 128)][:128], trainer.recipe)
    some = x[::16]
    decoder = trainer.average.eval()
    z = torch.zeros(len(some), decoder.latent_size, requires_grad=True)
    optimiser = torch.optim.Adam([z], 0.15)
    for _ in range(25):
        optimiser.zero_grad()
        ((decoder(z) + 1) / 2 - some).square().sum().backward()
        optimiser.step()
    with torch.no_grad():
        error = ((decoder(z) + 1) / 2 - some).square().mean((1, 2, 3))
        return {
            "range": (-10 * error.log10()).mean().item(),
            "norm": z.square().mean().item(),
            "distance": kernel_distance(samples(trainer, len(x)), x),
        }


@torch.no_grad()
def samples(trainer: AnyTrainer, count: int = 30) -> Tensor:
    """Draw images from the averaged model; before whitening, so its latents may be correlated."""
    source = seeds.generator("look")
    if isinstance(trainer, AdversarialTrainer):
        decoder = trainer.average.eval()
        return (decoder(torch.randn(count, decoder.latent_size, generator=source)) + 1) / 2
    model = trainer.average.eval()
    latents = torch.randn(count, model.decoder.latent_size, generator=source)
    images = model.decode(latents) / trainer.recipe.scale
    if images.shape[1] == 1:  # kernels, scaled to their own maximum
        images = images / images.amax((1, 2, 3), keepdim=True).clamp_min(1e-6)
    return images
