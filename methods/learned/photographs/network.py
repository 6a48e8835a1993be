"""The network of the photographs' step, and its weights."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from bench.methods.feedforward.networks import UNet
from bench.methods.feedforward.photographs.network import PlainBlock, zero_padded
from bench.methods.learned.network import STORE, WEIGHTS, NonBlindNetwork
from bench.methods.learned.photographs.inputs import CHANNELS

NAME = "nonblind-photographs"
Kernels = Literal["estimated", "true"]
"""What is known of the kernels that the step is given."""


class PlaneNetwork(NonBlindNetwork):
    """A mixture of two total-variation images of one colour, and what a U-Net adds to it.

    Parameters
    ----------
    width, depth : int, tuple of int
        Of :class:`bench.methods.feedforward.networks.UNet`.
    """

    planes = 1

    def make_unet(self, width: int, depth: tuple[int, ...]) -> UNet:
        """Make the U-Net, whose blocks weigh no channels by means over the whole image."""
        return UNet(width, depth, CHANNELS, outputs=1, block=PlainBlock, conv=zero_padded)


def build(width: int, depth: tuple[int, ...]) -> PlaneNetwork:
    """Make a network, channels last."""
    network: nn.Module = PlaneNetwork(width, depth)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def load_card(folder: Path = WEIGHTS) -> dict[str, Any]:
    """Read the network's card; raise Unavailable if there is none."""
    return STORE.at(folder).card(NAME)


def load_shares(kernels: Kernels, folder: Path = WEIGHTS) -> tuple[float, float]:
    """Read the shares that calibration found on held-out examples.

    Parameters
    ----------
    kernels : {"estimated", "true"}
        Those of the examples: with true ones less has to be smoothed away.
    folder : Path
    """
    smooth, added = load_card(folder)["validation"][kernels]["shares"]
    return float(smooth), float(added)


@functools.lru_cache(maxsize=4)
def load_network(folder: Path = WEIGHTS) -> PlaneNetwork:
    """Load the network in evaluation mode, with frozen weights.

    Raises
    ------
    Unavailable
        If it is missing or does not match its card.
    """
    return STORE.at(folder).load_built(build, NAME, "width", "depth")
