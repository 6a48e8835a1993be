"""Training by a recipe: steps, evaluations, checkpoints, export.

A family adds its network, its loss and its evaluation. Every random number depends on the recipe's
seed and the step alone, so that a run which is stopped and goes on ends with the same weights.
"""

from __future__ import annotations

import copy
import dataclasses
import datetime
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from bench import seeds
from bench.checkout import commit
from bench.errors import InvalidInput, Unavailable
from bench.methods.schedules import cosine
from bench.methods.training.arithmetic import arithmetic
from bench.methods.training.cards import write_card
from bench.methods.training.checkpoint import load_checkpoint, read_state, save_checkpoint
from bench.methods.training.recipe import NetworkRecipe
from bench.methods.training.store import ModelStore
from bench.methods.training.weights import Precision, write_weights

WARM_UP = 50
RENAMED = {"looks": "curve"}
"""Names in checkpoints of earlier versions."""

AnyRecipe = TypeVar("AnyRecipe", bound=NetworkRecipe)


class Loss(NamedTuple):
    """The loss to descend, or None where the network rests this step, and the one to report."""

    total: Tensor | None
    shown: Tensor


@dataclasses.dataclass
class Progress:
    """What a run has done so far, and what weights it began with; kept in the checkpoint."""

    seconds: float = 0.0
    origin: dict[str, Any] = dataclasses.field(default_factory=dict)
    losses: list[float] = dataclasses.field(default_factory=list)
    curve: list[dict[str, float]] = dataclasses.field(default_factory=list)


class Trainer(Generic[AnyRecipe]):
    """A training; a family overrides what is marked as its own.

    Parameters
    ----------
    recipe : NetworkRecipe
    images, held_out : object
        As :meth:`data` returns them.
    fresh : bool
        Whether to compute the recipe's start; a checkpoint that is read next replaces it.

    Attributes
    ----------
    model, average : nn.Module
        The network that learns, and the moving average of its weights, which is shipped.
    optimisers : dict of str to Optimizer
    origin : dict
        What is known of the weights that the training starts from.
    step : int
        Steps done.
    """

    recipe_class: ClassVar[type[NetworkRecipe]] = NetworkRecipe
    store: ClassVar[ModelStore]
    """Where the family's weights go."""
    adam: ClassVar[Mapping[str, Any]] = {"betas": (0.9, 0.99)}
    largest_gradient: float = math.inf
    """Length to which gradients are clipped."""
    export_precision: ClassVar[Precision] = "int8"

    def __init__(
        self, recipe: AnyRecipe, images: Any, held_out: Any = None, *, fresh: bool = True
    ) -> None:
        self.recipe, self.images, self.held_out, self.step = recipe, images, held_out, 0
        self.origin: dict[str, Any] = {}
        torch.manual_seed(seeds.derive_seed("initialisation", recipe.seed) % 2**31)
        self.model: Any = self.build(fresh)
        self.average: Any = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimisers = self.make_optimisers()

    # What a family says.

    @classmethod
    def data(cls, recipe: AnyRecipe) -> tuple[Any, Any]:
        """Load training and held-out data."""
        raise NotImplementedError

    def build(self, fresh: bool) -> nn.Module:
        """Make the network; ``fresh`` asks for a start that costs something."""
        raise NotImplementedError

    def loss(self) -> Loss:
        """Return the loss of step :attr:`step`."""
        raise NotImplementedError

    def evaluate(self) -> dict[str, float]:
        """Score the averaged network on held-out data."""
        raise NotImplementedError

    # What a family may say.

    def make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Make the optimisers by the names that a checkpoint has for them."""
        return {"optimiser": torch.optim.Adam(self.model.parameters(), self.recipe.lr, **self.adam)}

    @property
    def parts(self) -> dict[str, Any]:
        """Return the modules and optimisers that a checkpoint holds."""
        return {"model": self.model, "average": self.average, **self.optimisers}

    def lr(self) -> float:
        """Return the learning rate of this step."""
        return learning_rate(self.recipe.lr, self.step, self.recipe.steps)

    def updates(self) -> int:
        """Count the updates of the network so far."""
        return self.step

    def show(self, folder: Path) -> None:
        """Write pictures of what has been learned so far."""

    def finish(self) -> None:
        """Prepare the averaged network for export."""

    def modules(self) -> dict[str, nn.Module]:
        """Return the modules to export, by name."""
        return {"network": self.average}

    def describe(self) -> dict[str, Any]:
        """Return what the card says beyond what every card says."""
        return {}

    def validate(self, folder: Path) -> dict[str, Any]:
        """Score what was exported to a folder; by default, the averaged network."""
        return self.evaluate()

    # What is the same for all.

    def source(self, *parts: object) -> torch.Generator:
        """Return random numbers by recipe, seed and what is named."""
        return seeds.generator(self.recipe.name, self.recipe.seed, *parts)

    def advance(self) -> float:
        """Take one step and return its loss; NaN, with no step, if a gradient is not finite."""
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = self.lr()
        loss = self.loss()
        if loss.total is not None and not self._descend(loss.total):
            return math.nan
        self.step += 1
        if loss.total is not None:
            updates = self.updates()
            decay = min(self.recipe.ema_decay, updates / (updates + 9))
            update_average(self.average, self.model, decay)
        return float(loss.shown.detach())

    def _descend(self, loss: Tensor) -> bool:
        for optimiser in self.optimisers.values():
            optimiser.zero_grad(set_to_none=True)
        loss.backward()
        length = nn.utils.clip_grad_norm_(self.model.parameters(), self.largest_gradient)
        if not length.isfinite():  # a step along it would end every weight
            return False
        for optimiser in self.optimisers.values():
            optimiser.step()
        return True

    def resume(self, path: Path) -> Progress:
        """Go on from a checkpoint.

        Raises
        ------
        InvalidInput
            If another recipe wrote it.
        """
        if read_state(path)["recipe"] != self.recipe.fingerprint():
            raise InvalidInput(
                f"{path} was written by another version of the recipe {self.recipe.name!r}; "
                "delete it to start afresh, or restore the recipe."
            )
        state = load_checkpoint(path, self.parts)
        self.step = state["step"]
        return Progress(**{RENAMED.get(k, k): value for k, value in state["progress"].items()})

    def save(self, path: Path, progress: Progress) -> None:
        """Write a checkpoint; a kill leaves the old or the new one, whole."""
        state = {"step": self.step, "recipe": self.recipe.fingerprint()}
        save_checkpoint(path, self.parts, state | {"progress": dataclasses.asdict(progress)})

    def train(self, folder: Path) -> Progress:
        """Train to the recipe's last step, saving and evaluating as it says.

        Parameters
        ----------
        folder : Path
            Of the checkpoint ``NAME.safetensors``, from which the run goes on if it is there.

        Raises
        ------
        InvalidInput
            If a loss is not finite, or the checkpoint is another recipe's or further on.
        """
        recipe, path = self.recipe, checkpoint_path(folder, self.recipe.name)
        progress = Progress(origin=self.origin)
        if path.is_file():
            progress = self.resume(path)
            if self.step > recipe.steps:
                raise InvalidInput(
                    f"{path} has {self.step} steps already, more than {recipe.steps}: delete it "
                    "to start afresh, or ask for more."
                )
            print(f"going on from step {self.step} of {path}", flush=True)
        started, before = time.monotonic(), progress.seconds
        first, running = self.step, 0.0
        while self.step < recipe.steps:
            loss = self.advance()
            if not math.isfinite(loss):
                raise InvalidInput(
                    f"The training of {recipe.name!r} diverged: the loss of step {self.step} is "
                    f"{loss}. The last checkpoint, if any, is whole; lower the recipe's lr."
                )
            running += (loss - running) * max(0.02, 1 / (self.step - first))
            taken = time.monotonic() - started
            progress.seconds, last = before + taken, self.step == recipe.steps
            if self.step % recipe.eval_every == 0 or last:
                progress.losses.append(running)
                progress.curve.append({"step": self.step, **self.evaluate()})
                self.show(folder)
                left = taken / (self.step - first) * (recipe.steps - self.step)
                _report(recipe, progress, left)
            if self.step % recipe.save_every == 0 or last:
                self.save(path, progress)
        return progress

    def export(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Write the averaged weights and their card, which is returned.

        Raises
        ------
        InvalidInput
            If a weight is not finite; the weights that were there stay.
        """
        self.finish()
        recipe, modules = self.recipe, self.modules()
        states = (value for module in modules.values() for value in module.state_dict().values())
        if not all(value.isfinite().all() for value in states):
            raise InvalidInput(f"The training of {recipe.name!r} diverged; nothing was exported.")
        card: dict[str, Any] = {
            "name": recipe.name,
            "title": recipe.title,
            "image_class": recipe.image_class,
            "recipe": dataclasses.asdict(recipe),
            "recipe_fingerprint": recipe.fingerprint(),
            "steps_done": self.step,
            "samples_seen": self.step * recipe.batch,
            "start": progress.origin,
            "training_set": len(self.images),
            "seed": recipe.seed,
            "parameters": sum(p.numel() for m in modules.values() for p in m.parameters()),
            "threads": torch.get_num_threads(),
            "arithmetic": arithmetic(),
            "duration_minutes": round(progress.seconds / 60, 1),
            "commit": commit(),
            "date": datetime.date.today().isoformat(),
            "licence_of_data": recipe.licence,
            **self.describe(),
            "curve": progress.curve,
        }
        write_weights(recipe.name, modules, card, folder, precision=self.export_precision)
        card["validation"] = self.validate(folder)
        write_card(recipe.name, card, folder)
        return card

    @classmethod
    def run(
        cls, recipe: AnyRecipe, folder: Path, *, trial: bool = False, finish: bool = False
    ) -> None:
        """Train and export, or export the last checkpoint.

        Parameters
        ----------
        recipe : NetworkRecipe
        folder : Path
            Of checkpoints.
        trial : bool
            Keep the weights with the checkpoint: a trial must not replace what is shipped.
        finish : bool
            Export without training further.

        Raises
        ------
        Unavailable
            If the data, or the checkpoint to export, are missing.
        """
        path = checkpoint_path(folder, recipe.name)
        if finish and not path.is_file():
            raise Unavailable(f"There is no checkpoint {path} to export; train without --finish.")
        trainer = cls(recipe, *cls.data(recipe), fresh=not path.is_file())
        progress = trainer.resume(path) if finish else trainer.train(folder)
        out = folder / "weights" if trial else cls.store.folder
        card = trainer.export(progress, out)
        print(f"wrote {out / card['file']}: {json.dumps(card['validation'])}")


def checkpoint_path(folder: Path, name: str) -> Path:
    """Return the path of a recipe's checkpoint."""
    return folder / f"{name}.safetensors"


def learning_rate(peak: float, step: int, steps: int) -> float:
    """Warm up linearly for 50 steps, then follow a cosine to 2 % of the peak."""
    return peak * min(1.0, (step + 1) / WARM_UP) * cosine(min(step, steps), steps, floor=0.02)


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


def _report(recipe: NetworkRecipe, progress: Progress, left: float) -> None:
    values = ", ".join(f"{name} {value:.4g}" for name, value in progress.curve[-1].items())
    print(
        f"{recipe.name}: loss {progress.losses[-1]:.5f}, {values}; "
        f"{progress.seconds / 60:.1f} min, {left / 60:.1f} left",
        flush=True,
    )
