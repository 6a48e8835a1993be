"""The network of the learned step, and its weights."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import Unavailable
from bench.methods.feedforward.networks import UNet
from bench.methods.learned.inputs import CHANNELS
from bench.methods.training.store import ModelStore

WEIGHTS = Path(__file__).parent / "weights"
NAME = "nonblind"
MIRRORS = ((), (2,), (3,), (2, 3))
"""Axes to flip, of images (N, C, H, W)."""
STORE = ModelStore(WEIGHTS, "learned non-blind step")


class NonBlindNetwork(nn.Module):
    """A mixture of posterior mean and total variation, and what a U-Net adds to it.

    Parameters
    ----------
    width, depth : int, tuple of int
        Of :class:`bench.methods.feedforward.networks.UNet`.
    """

    planes = 3
    """Channels of an image: the inputs begin with three images of so many channels, two that are
    mixed and the observation."""

    def __init__(self, width: int, depth: tuple[int, ...]) -> None:
        super().__init__()
        self.unet = self.make_unet(width, depth)
        self.mixture = nn.Parameter(torch.zeros(()))

    def make_unet(self, width: int, depth: tuple[int, ...]) -> UNet:
        """Make the U-Net."""
        return UNet(width, depth, CHANNELS)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map what :func:`bench.methods.learned.inputs.network_inputs` gives to images.

        Parameters
        ----------
        inputs : Tensor, shape (N, 14, H, W)

        Returns
        -------
        Tensor, shape (N, 3, H, W)
            Not clamped to [0, 1].
        """
        first, second = self.mixed(inputs)
        return first.lerp(second, self.mixture.sigmoid()) + self.correction(inputs)

    def mixed(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the two images (N, 3, H, W) among the inputs that are mixed."""
        return inputs[:, : self.planes], inputs[:, self.planes : 2 * self.planes]

    def correction(self, inputs: Tensor) -> Tensor:
        """Return what the U-Net adds, shape (N, 3, H, W)."""
        images, others = inputs[:, : 3 * self.planes], inputs[:, 3 * self.planes :]
        return self.unet.correction(torch.cat([2 * images - 1, others], 1))


def calibrated(network: NonBlindNetwork, inputs: Tensor, shares: Sequence[float]) -> Tensor:
    """Restore with shares of a class: of total variation, and of the U-Net's correction.

    Parameters
    ----------
    network : NonBlindNetwork
    inputs : Tensor, shape (N, 14, H, W)
    shares : sequence of 2 floats
        See :func:`calibrate`.

    Returns
    -------
    Tensor, shape (N, 3, H, W), in [0, 1]
    """
    smooth, added = shares
    first, second = network.mixed(inputs)
    mixed = first.lerp(second, smooth)
    return (mixed + added * network.correction(inputs)).clamp(0, 1)


def symmetric(network: NonBlindNetwork, inputs: Tensor, shares: Sequence[float]) -> Tensor:
    """Return the mean over the inputs and their three mirror images, each turned back.

    Training mirrors its examples likewise. Parameters and what is returned are those of
    :func:`calibrated`, whose shares were found on one image of the four.
    """
    turned = torch.cat([inputs.flip(axes) for axes in MIRRORS])
    images = calibrated(network, turned, shares).split(len(inputs))
    pairs = zip(images, MIRRORS, strict=True)
    return torch.stack([image.flip(axes) for image, axes in pairs]).mean(0)


@torch.no_grad()
def calibrate(network: NonBlindNetwork, inputs: Tensor, images: Tensor) -> tuple[float, float]:
    """Fit the shares of a class on examples that the network was not trained on.

    Few examples make a network sure of what it learned by heart: on others less of its correction
    is right. Least squares on the two shares, each image weighed by the inverse of its error, so
    that every image's PSNR counts about the same.

    Parameters
    ----------
    network : NonBlindNetwork
    inputs : Tensor, shape (N, 14, H, W)
    images : Tensor, shape (N, 3, H, W)

    Returns
    -------
    float, float
        Shares of total variation next to the posterior mean, and of the correction.
    """
    correction = torch.cat([network.correction(part) for part in inputs.split(20)])
    first, second = network.mixed(inputs)
    directions = torch.stack([second - first, correction], -1).flatten(1, 3)
    wanted = (images - first).flatten(1)[..., None]
    weight = wanted.square().mean((1, 2), keepdim=True).clamp_min(1e-6).rsqrt()
    solved = torch.linalg.lstsq(
        (weight * directions).flatten(0, 1).double(), (weight * wanted).flatten(0, 1).double()
    ).solution[:, 0]
    return float(solved[0]), float(solved[1])


def build(width: int, depth: tuple[int, ...]) -> NonBlindNetwork:
    """Make a network, channels last."""
    network: nn.Module = NonBlindNetwork(width, depth)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def load_card(folder: Path = WEIGHTS) -> dict[str, Any]:
    """Read the network's card; raise Unavailable if there is none."""
    return STORE.at(folder).card(NAME)


def load_shares(image_class: str, folder: Path = WEIGHTS) -> tuple[float, float]:
    """Read the shares of a class that calibration found.

    Raises
    ------
    Unavailable
        If the network was not trained for the class.
    """
    known = load_card(folder)["validation"]
    if image_class not in known:
        raise Unavailable(
            f"The learned step was not trained on images of class {image_class!r}; "
            f"it knows: {', '.join(known)}."
        )
    smooth, added = known[image_class]["shares"]
    return float(smooth), float(added)


@functools.lru_cache(maxsize=4)
def load_network(folder: Path = WEIGHTS, device: str | torch.device = "cpu") -> NonBlindNetwork:
    """Load the network in evaluation mode, with frozen weights, onto a device.

    Raises
    ------
    Unavailable
        If it is missing or does not match its card.
    """
    return STORE.at(folder).load_built(build, NAME, "width", "depth").to(device)
