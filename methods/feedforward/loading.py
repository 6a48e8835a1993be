"""Trained restoring networks by name, checked against their cards."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.methods.feedforward.networks import NETWORKS, Features
from bench.methods.training.store import ModelStore

WEIGHTS = Path(__file__).parent / "weights"
FEATURES = "restorer-features"
STORE = ModelStore(WEIGHTS, "network trained end to end")


def load_card(name: str, folder: Path = WEIGHTS) -> dict[str, Any]:
    """Read a card; raise Unavailable if there are no such weights or it is no whole JSON."""
    return STORE.at(folder).card(name)


@functools.lru_cache(maxsize=4)
def load_network(name: str, folder: Path = WEIGHTS) -> nn.Module:
    """Load a restoring network in evaluation mode, with frozen weights.

    Raises
    ------
    Unavailable
        If it is missing or does not match its card.
    """

    def make(card: dict[str, Any]) -> nn.Module:
        return build(card["recipe"]["network"], card["recipe"]["width"])

    return STORE.at(folder).fill(make, name)


def load_features(folder: Path = WEIGHTS) -> Features:
    """Load the features of the perceptual term."""
    return STORE.at(folder).fill(lambda _: Features(), FEATURES)


def build(network: str, width: float) -> nn.Module:
    """Make a network of a width, channels last."""
    kind = NETWORKS[network]
    module = kind(width if network == "cnn" else int(width))
    return module.to(memory_format=torch.channels_last)
