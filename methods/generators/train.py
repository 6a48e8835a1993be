"""The command ``python -m bench train NAME``: train a generator by its recipe, resumably."""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from pathlib import Path

import torch
from torch import Tensor

from bench import seeds
from bench.errors import InvalidInput, Unavailable
from methods.generators.autoencoder import Trainer, as_float, relative_error
from methods.generators.checkpoint import load_checkpoint, save_checkpoint
from methods.generators.data import training_data
from methods.generators.export import finish, sheet, write_png
from methods.generators.recipe import Recipe, load_recipe

EXAMPLES = """\
examples:
  python -m bench train motion-blur                 a few minutes; goes on where it was killed
  python -m bench train celeba --steps 20000        longer than the recipe says
  python -m bench train celeba --finish             export the last checkpoint as it is
"""


@dataclasses.dataclass
class Progress:
    """What a run has done so far; kept in the checkpoint."""

    seconds: float = 0.0
    losses: list[float] = dataclasses.field(default_factory=list)
    looks: list[dict[str, float]] = dataclasses.field(default_factory=list)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", help="a recipe; see methods/generators/recipes")
    parser.add_argument("--steps", type=int, help="instead of the recipe's number of steps")
    parser.add_argument("--folder", type=Path, default=Path("checkpoints"), help="of checkpoints")
    parser.add_argument(
        "--finish",
        action="store_true",
        help="export the averaged weights of the last checkpoint without training further",
    )
    parser.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves the default")


def run(args: argparse.Namespace) -> int:
    """Train, going on from the last checkpoint if there is one."""
    if args.threads:
        torch.set_num_threads(args.threads)
    recipe = load_recipe(args.name, **({"steps": args.steps} if args.steps else {}))
    images, held_out = training_data(recipe)
    print(f"{recipe.name}: {len(images)} for training, {len(held_out)} held out", flush=True)
    if args.finish:
        path = args.folder / f"{recipe.name}.safetensors"
        if not path.is_file():
            raise Unavailable(f"There is no checkpoint {path} to export; train without --finish.")
        trainer, progress = Trainer(recipe, images, fresh=False), Progress()
        resume(trainer, path, progress)
    else:
        trainer, progress = fit(recipe, images, held_out, args.folder)
    card = finish(trainer, held_out, seconds=progress.seconds)
    print(f"{recipe.name}: {json.dumps(card['validation'])}")
    print(
        f"wrote methods/generators/weights/{card['file']} and reports/generators/{recipe.name}.md"
    )
    return 0


def resume(trainer: Trainer, path: Path, progress: Progress) -> None:
    """Go on from a checkpoint.

    Raises
    ------
    InvalidInput
        If another recipe wrote it.
    """
    state = load_checkpoint(path, trainer.parts)
    if state["recipe"] != trainer.recipe.fingerprint():
        raise InvalidInput(
            f"{path} was written by another version of the recipe {trainer.recipe.name!r}; "
            "delete it to start afresh, or restore the recipe."
        )
    trainer.step = state["step"]
    for name, value in state["progress"].items():
        setattr(progress, name, value)


def fit(recipe: Recipe, images: Tensor, held_out: Tensor, folder: Path) -> tuple[Trainer, Progress]:
    """Train to the recipe's last step, saving and looking as it says.

    Parameters
    ----------
    recipe : Recipe
    images, held_out : Tensor, uint8 or float32, shape (N, C, H, W)
    folder : Path
        Of the checkpoint ``NAME.safetensors``, from which the run goes on if it is there, and of
        ``NAME-samples.png``, the latest look at samples.
    """
    path = folder / f"{recipe.name}.safetensors"
    trainer, progress = Trainer(recipe, images, fresh=not path.is_file()), Progress()
    if path.is_file():
        resume(trainer, path, progress)
        print(f"going on from step {trainer.step} of {path}", flush=True)
    started, before = time.monotonic(), progress.seconds
    first = trainer.step
    running = 0.0
    while trainer.step < recipe.steps:
        loss = trainer.advance()
        running += (loss - running) * max(0.02, 1 / (trainer.step - first))
        progress.seconds = before + time.monotonic() - started
        last = trainer.step == recipe.steps
        if trainer.step % recipe.look == 0 or last:
            progress.losses.append(running)
            progress.looks.append({"step": trainer.step, **look(trainer, held_out)})
            rate = (time.monotonic() - started) / (trainer.step - first)
            left = rate * (recipe.steps - trainer.step) / 60
            values = ", ".join(f"{k} {v:.4g}" for k, v in progress.looks[-1].items())
            print(
                f"{recipe.name}: loss {running:.5f}, {values}; "
                f"{progress.seconds / 60:.1f} min, {left:.1f} left",
                flush=True,
            )
            write_png(sheet(samples(trainer)), folder / f"{recipe.name}-samples.png")
        if trainer.step % recipe.save == 0 or last:
            state = {
                "step": trainer.step,
                "recipe": recipe.fingerprint(),
                "progress": dataclasses.asdict(progress),
            }
            save_checkpoint(path, trainer.parts, state)
    return trainer, progress


def look(trainer: Trainer, held_out: Tensor) -> dict[str, float]:
    """Score held-out images coded by the averaged model, and after ten steps by the latent."""
    recipe = trainer.recipe
    x = as_float(held_out[:32])
    if "stretch" in recipe.augment:
        low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
        x = (x - low) / (high - low).clamp_min(1e-3)
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


@torch.no_grad()
def samples(trainer: Trainer, count: int = 30) -> Tensor:
    """Draw images from the averaged model; before whitening, so its latents may be correlated."""
    model = trainer.average.eval()
    size = model.decoder.latent_size
    latents = torch.randn(count, size, generator=seeds.generator("look"))
    images = model.decode(latents) / trainer.recipe.scale
    if images.shape[1] == 1:  # kernels, scaled to their own maximum
        images = images / images.amax((1, 2, 3), keepdim=True).clamp_min(1e-6)
    return images


def main() -> int:
    """Run as ``python -m methods.generators.train NAME``."""
    parser = argparse.ArgumentParser(prog="bench train", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args())


if __name__ == "__main__":
    raise SystemExit(main())
