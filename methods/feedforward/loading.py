"""Trained feed-forward networks by name, checked against their cards."""

from __future__ import annotations

import functools
from pathlib import Path

import torch
from torch import nn

from bench.methods.feedforward.networks import NETWORKS, Features
from bench.methods.training.store import ModelStore

WEIGHTS = Path(__file__).parent / "weights"
FEATURES = "restorer-features"
"""Name of the weights of the perceptual term's features; older than the word feed-forward here."""
STORE = ModelStore(WEIGHTS, "feed-forward network")


@functools.lru_cache(maxsize=4)
def load_network(name: str, folder: Path = WEIGHTS) -> nn.Module:
    """Load a feed-forward network in evaluation mode, with frozen weights.

    Raises
    ------
    Unavailable
        If it is missing or does not match its card.
    """
    return STORE.at(folder).load(
        lambda card: build(card["recipe"]["network"], card["recipe"]["width"]), name
    )


def load_features(folder: Path = WEIGHTS) -> Features:
    """Load the features of the perceptual term."""
    return STORE.at(folder).load(lambda _: Features(), FEATURES)


def build(network: str, width: float) -> nn.Module:
    """Make a network of a width, channels last."""
    kind = NETWORKS[network]
    module = kind(width if network == "cnn" else int(width))
    return module.to(memory_format=torch.channels_last)
