"""Trained restoring networks by name, checked against their cards."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bench.datasets.locations import checksum
from bench.errors import Unavailable
from bench.methods.restorers.networks import NETWORKS, Features
from bench.methods.training.weights import built_from, read_card, read_weights

WEIGHTS = Path(__file__).parent / "weights"
FEATURES = "restorer-features"


def load_card(name: str, folder: Path = WEIGHTS) -> dict[str, Any]:
    """Read a card.

    Raises
    ------
    Unavailable
        If there are no such weights, or the card is no whole JSON.
    """
    path = folder / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.json") if p.stem != FEATURES))
        raise Unavailable(
            f"There are no weights {name!r} of a network trained end to end; there are: "
            f"{known or 'none'}. 'python -m bench train {name}' makes them if there is a recipe."
        )
    return read_card(path)


@functools.lru_cache(maxsize=4)
def load_network(name: str, folder: Path = WEIGHTS) -> nn.Module:
    """Load a restoring network in evaluation mode, with frozen weights.

    Raises
    ------
    Unavailable
        If it is missing or does not match its card.
    """
    card = load_card(name, folder)
    recipe = card["recipe"]
    with built_from(folder / card["file"]):
        network = build(recipe["network"], recipe["width"])
    return _filled(network, name, folder)


def load_features(folder: Path = WEIGHTS) -> Features:
    """Load the features of the perceptual term."""
    network = _filled(Features(), FEATURES, folder)
    assert isinstance(network, Features)
    return network


def build(network: str, width: float) -> nn.Module:
    """Make a network of a width, channels last."""
    kind = NETWORKS[network]
    module = kind(width if network == "cnn" else int(width))
    return module.to(memory_format=torch.channels_last)


def _filled(network: nn.Module, name: str, folder: Path) -> nn.Module:
    card = load_card(name, folder)
    path = folder / card["file"]
    if not path.is_file() or checksum(path) != card["sha256"]:
        raise Unavailable(
            f"{path} is missing or does not match its card; restore it from the repository, or "
            f"delete {name}.json and train it again with 'python -m bench train {name}'."
        )
    tensors = {k.removeprefix("network/"): v for k, v in read_weights(path).items()}
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise Unavailable(
            f"{path} is of another version of the network than the code; restore both from one "
            f"commit, or train it again with 'python -m bench train {name}'."
        ) from error
    return network.eval().requires_grad_(False)
