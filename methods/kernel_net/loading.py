"""Trained kernel networks by class."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from bench.methods.kernel_net.network import NETWORKS, KernelNetwork
from bench.methods.training.store import ModelStore

WEIGHTS = Path(__file__).parent / "weights"
PREFIX = "kernel-net-"
STORE = ModelStore(
    WEIGHTS,
    "kernel network of the class",
    train=f"{PREFIX}{{name}}",
    prefix=PREFIX,
)


def load_card(image_class: str, folder: Path = WEIGHTS) -> dict[str, Any]:
    """Read the card of a class's network; raise Unavailable if there is none."""
    return STORE.at(folder).card(image_class)


@functools.lru_cache(maxsize=4)
def load_network(image_class: str, folder: Path = WEIGHTS) -> KernelNetwork:
    """Load a class's network in evaluation mode.

    Raises
    ------
    Unavailable
        If it is missing or does not match its card.
    """

    def make(card: dict[str, Any]) -> KernelNetwork:
        recipe = card["recipe"]
        return NETWORKS[recipe["network"]](recipe["image_size"], recipe["width"], recipe["blocks"])

    return STORE.at(folder).fill(make, image_class)
