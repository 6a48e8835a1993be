"""The training loop: steps, looks at held-out data, checkpoints, and the time left."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from bench.errors import InvalidInput
from bench.methods.schedules import cosine
from bench.methods.training.checkpoint import load_checkpoint, read_state, save_checkpoint

WARM_UP = 50


class Schedule(Protocol):
    """What the loop reads of a recipe."""

    @property
    def name(self) -> str: ...
    @property
    def steps(self) -> int: ...
    @property
    def look(self) -> int: ...
    @property
    def save(self) -> int: ...
    def fingerprint(self) -> str: ...


class Trainer(Protocol):
    """A training whose random numbers depend on its seed and the step alone."""

    step: int

    @property
    def recipe(self) -> Schedule: ...

    @property
    def parts(self) -> dict[str, Any]:
        """Modules and optimisers that a checkpoint holds."""
        ...

    def advance(self) -> float:
        """Take one step and return its loss."""
        ...


@dataclasses.dataclass
class Progress:
    """What a run has done so far, and what weights it began with; kept in the checkpoint."""

    seconds: float = 0.0
    origin: dict[str, Any] = dataclasses.field(default_factory=dict)
    losses: list[float] = dataclasses.field(default_factory=list)
    looks: list[dict[str, float]] = dataclasses.field(default_factory=list)


def checkpoint_path(folder: Path, name: str) -> Path:
    """Where the checkpoint of a recipe lies."""
    return folder / f"{name}.safetensors"


def weights_folder(shipped: Path, folder: Path, steps: int | None) -> Path:
    """Where weights go: where methods look for them, but a trial's beside its checkpoint.

    Parameters
    ----------
    shipped : Path
        Of the weights that methods use.
    folder : Path
        Of the checkpoint.
    steps : int or None
        Number of steps if it is not the recipe's: a trial, which must not replace what is shipped.
    """
    return folder / "weights" if steps else shipped


def resume(trainer: Trainer, path: Path, progress: Progress) -> None:
    """Go on from a checkpoint.

    Raises
    ------
    InvalidInput
        If another recipe wrote it.
    """
    if read_state(path)["recipe"] != trainer.recipe.fingerprint():
        raise InvalidInput(
            f"{path} was written by another version of the recipe {trainer.recipe.name!r}; "
            "delete it to start afresh, or restore the recipe."
        )
    state = load_checkpoint(path, trainer.parts)
    trainer.step = state["step"]
    for name, value in state["progress"].items():
        setattr(progress, name, value)


def train(trainer: Trainer, folder: Path, look: Callable[[], dict[str, float]]) -> Progress:
    """Train to the recipe's last step, saving and looking as it says.

    Parameters
    ----------
    trainer : Trainer
    folder : Path
        Of the checkpoint ``NAME.safetensors``, from which the run goes on if it is there.
    look : callable
        Scores held-out data; called every ``recipe.look`` steps and printed.

    Returns
    -------
    Progress

    Raises
    ------
    InvalidInput
        If a loss is not finite, or the checkpoint is another recipe's or further on.
    """
    recipe = trainer.recipe
    progress = Progress(origin=getattr(trainer, "origin", {}))
    path = checkpoint_path(folder, recipe.name)
    if path.is_file():
        resume(trainer, path, progress)
        if trainer.step > recipe.steps:
            raise InvalidInput(
                f"{path} has {trainer.step} steps already, more than {recipe.steps}: delete it to "
                "start afresh, or ask for more."
            )
        print(f"going on from step {trainer.step} of {path}", flush=True)
    started, before = time.monotonic(), progress.seconds
    first, running = trainer.step, 0.0
    while trainer.step < recipe.steps:
        loss = trainer.advance()
        if not math.isfinite(loss):
            raise InvalidInput(
                f"The training of {recipe.name!r} diverged: the loss of step {trainer.step} is "
                f"{loss}. The last checkpoint, if any, is whole; lower the recipe's rate."
            )
        running += (loss - running) * max(0.02, 1 / (trainer.step - first))
        progress.seconds = before + time.monotonic() - started
        last = trainer.step == recipe.steps
        if trainer.step % recipe.look == 0 or last:
            progress.losses.append(running)
            progress.looks.append({"step": trainer.step, **look()})
            rate = (time.monotonic() - started) / (trainer.step - first)
            left = rate * (recipe.steps - trainer.step) / 60
            values = ", ".join(f"{k} {v:.4g}" for k, v in progress.looks[-1].items())
            print(
                f"{recipe.name}: loss {running:.5f}, {values}; "
                f"{progress.seconds / 60:.1f} min, {left:.1f} left",
                flush=True,
            )
        if trainer.step % recipe.save == 0 or last:
            state = {
                "step": trainer.step,
                "recipe": recipe.fingerprint(),
                "progress": dataclasses.asdict(progress),
            }
            save_checkpoint(path, trainer.parts, state)
    return progress


def learning_rate(peak: float, step: int, steps: int) -> float:
    """Warm up linearly for 50 steps, then follow a cosine to 2 % of the peak."""
    fall = cosine(min(step, max(1, steps)), max(1, steps), floor=0.02)
    return peak * min(1.0, (step + 1) / WARM_UP) * fall


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move the averaged parameters and statistics towards the model's."""
    states = model.state_dict()
    for name, value in average.state_dict().items():
        current = states[name]
        if value.is_floating_point():
            value.lerp_(current, 1 - decay)
        else:
            value.copy_(current)
