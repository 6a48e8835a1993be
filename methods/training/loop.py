"""The loop that trainings without a common recipe use; the others are :class:`Trainer`'s.

See :mod:`bench.methods.training.trainer`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.methods.training.trainer import Progress as _Progress
from bench.methods.training.trainer import Trainer, checkpoint_path, learning_rate, update_average

__all__ = [
    "Progress",
    "checkpoint_path",
    "learning_rate",
    "resume",
    "train",
    "update_average",
    "weights_folder",
]


class Progress(_Progress):
    """What a run has done so far."""

    @property
    def looks(self) -> list[dict[str, float]]:
        """The curve."""
        return self.curve


def weights_folder(shipped: Path, folder: Path, steps: int | None) -> Path:
    """Where weights go: a trial's beside its checkpoint."""
    return folder / "weights" if steps else shipped


def resume(trainer: Any, path: Path, progress: Progress) -> None:
    """Go on from a checkpoint."""
    progress.__dict__.update(_adapted(trainer, dict).resume(path).__dict__)


def train(trainer: Any, folder: Path, look: Callable[[], dict[str, float]]) -> Progress:
    """Train to the recipe's last step."""
    return Progress(**_adapted(trainer, look).train(folder).__dict__)


def _adapted(trainer: Any, look: Callable[[], dict[str, float]]) -> Any:
    recipe = trainer.recipe
    if not hasattr(type(recipe), "eval_every"):
        object.__setattr__(recipe, "eval_every", recipe.look)
        object.__setattr__(recipe, "save_every", recipe.save)
    for name in ("resume", "save", "train"):
        setattr(trainer, name, getattr(Trainer, name).__get__(trainer))
    trainer.evaluate, trainer.show, trainer.origin = look, lambda _: None, {}
    return trainer
