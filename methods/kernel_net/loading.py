"""Trained kernel networks by class."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.methods.kernel_net.network import NETWORKS, KernelNetwork
from bench.methods.training.store import ModelStore

WEIGHTS = Path(__file__).parent / "weights"
STORE = ModelStore(WEIGHTS, "kernel network of the class", prefix="kernel-net-")
load_card = STORE.card


@functools.lru_cache(maxsize=4)
def load_network(image_class: str, folder: Path = WEIGHTS) -> KernelNetwork:
    """Load a class's network in evaluation mode.

    Raises
    ------
    Unavailable
        If it is missing or does not match its card.
    """
    return STORE.at(folder).load(lambda card: build(card["recipe"]), image_class)


def build(recipe: Mapping[str, Any]) -> KernelNetwork:
    """Make the network that a recipe describes."""
    return NETWORKS[recipe["network"]](recipe["image_size"], recipe["width"], recipe["blocks"])
