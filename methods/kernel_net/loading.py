"""Trained kernel networks by class."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from bench.methods.kernel_net.network import NETWORKS, KernelNetwork
from bench.methods.training.store import ModelStore

WEIGHTS = Path(__file__).parent / "weights"
STORE = ModelStore(WEIGHTS, "kernel network of the class", prefix="kernel-net-")
load_card = STORE.card


@functools.lru_cache(maxsize=4)
def load_network(
    image_class: str, folder: Path = WEIGHTS, device: str | torch.device = "cpu"
) -> KernelNetwork:
    """Load a class's network in evaluation mode, onto a device.

    Raises
    ------
    Unavailable
        If it is missing or does not match its card.
    """
    network = STORE.at(folder).load(lambda card: build(card["recipe"]), image_class)
    return network.to(device)


def build(recipe: Mapping[str, Any]) -> KernelNetwork:
    """Make the network that a recipe describes."""
    return NETWORKS[recipe["network"]](recipe["image_size"], recipe["width"], recipe["blocks"])
