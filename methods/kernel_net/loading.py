"""Trained kernel networks by class, checked against their cards."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from bench.datasets.locations import checksum
from bench.errors import Unavailable
from bench.methods.kernel_net.network import NETWORKS, KernelNetwork
from bench.methods.training.weights import built_from, read_card, read_weights

WEIGHTS = Path(__file__).parent / "weights"
PREFIX = "kernel-net-"


def load_card(image_class: str, folder: Path = WEIGHTS) -> dict[str, Any]:
    """Read the card of a class's network.

    Raises
    ------
    Unavailable
        If there is none.
    """
    path = folder / f"{PREFIX}{image_class}.json"
    if not path.is_file():
        known = ", ".join(sorted(p.stem.removeprefix(PREFIX) for p in folder.glob("*.json")))
        raise Unavailable(
            f"There is no kernel network for images of class {image_class!r}; "
            f"there are: {known or 'none'}."
        )
    return read_card(path)


@functools.lru_cache(maxsize=4)
def load_network(image_class: str, folder: Path = WEIGHTS) -> KernelNetwork:
    """Load a class's network in evaluation mode.

    Raises
    ------
    Unavailable
        If it is missing or does not match its card.
    """
    card = load_card(image_class, folder)
    path = folder / card["file"]
    if not path.is_file() or checksum(path) != card["sha256"]:
        raise Unavailable(
            f"{path} is missing or does not match its card; "
            f"'python -m bench train {PREFIX}{image_class}' makes it again."
        )
    recipe = card["recipe"]
    tensors = {k.removeprefix("network/"): v for k, v in read_weights(path).items()}
    with built_from(path):
        kind = NETWORKS[recipe["network"]]
        network = kind(recipe["image_size"], recipe["width"], recipe["blocks"])
        network.load_state_dict(tensors)
    return network.eval().requires_grad_(False)
