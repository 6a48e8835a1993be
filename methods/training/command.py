"""Trainings that have no recipe of the common kind yet."""

from __future__ import annotations

import importlib
from pathlib import Path

FAMILIES: tuple[str, ...] = ()
"""Modules with ``recipe_names()`` and ``run(name, steps, folder, finish)``."""


def train_otherwise(name: str, steps: int | None, folder: Path, finish: bool) -> bool:
    """Train a model of these families; say whether it is one."""
    for family in map(importlib.import_module, FAMILIES):
        if name in family.recipe_names():
            family.run(name, steps, folder / "trial" if steps else folder, finish)
            return True
    return False
