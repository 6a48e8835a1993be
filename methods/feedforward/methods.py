"""``cnn``, ``deblurgan``, ``unet`` and their noise-trained variants: one pass of a network.

What was scaled, how long each was trained and on what, is in the card of its weights.

References
----------
M. Hradiš, J. Kotera, P. Zemčík and F. Šroubek, "Convolutional Neural Networks for Direct Text
Deblurring", BMVC 2015.

O. Kupyn, V. Budzan, M. Mykhailych, D. Mishkin and J. Matas, "DeblurGAN: Blind Motion Deblurring
Using Conditional Adversarial Networks", CVPR 2018.

L. Chen, X. Chu, X. Zhang and J. Sun, "Simple Baselines for Image Restoration", ECCV 2022.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench.errors import NotApplicable
from bench.methods.feedforward.loading import STORE, load_network
from bench.methods.feedforward.networks import NETWORKS
from bench.protocol import Knowledge, Method, Restoration, Task, check_observation

MARGIN = 24
"""Pixels around an image whose sides the network cannot halve; most blur kernels are smaller."""
SMALLER = {"faces128": "celeba"}
"""Classes without networks of their own, and whose networks pass over their larger images: those of
faces were trained at 64×64, for blurs of up to 28 pixels in another frame."""


class FeedForward(Method):
    """Restore with the network of the task's class; it estimates no kernel.

    Parameters
    ----------
    task : Task
        Of a class with trained weights, in colour, circular.
    """

    network: ClassVar[str]
    """Prefix of the weights' names."""
    version: ClassVar[str] = "1"
    batch_size: ClassVar[int] = 40
    knows: ClassVar[Knowledge] = Knowledge(
        image_class=True, training="class images, synthetic blur, 1 % noise"
    )

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.check_available(task)
        self.module: Any = copy.deepcopy(load_network(self.weights(task))).to(task.device)

    @classmethod
    def weights(cls, task: Task) -> str:
        """Name of the weights for a task's class."""
        kind = str(task.image_class)
        return f"{cls.network}-{SMALLER.get(kind, kind)}"

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Ask for weights of the class, colour, and sides that are not tiny."""
        if cls.weights(task) not in STORE.names():
            raise NotApplicable(
                f"{cls.network!r} is not trained on images of class {task.image_class!r}: there "
                f"are no weights {cls.weights(task)!r}."
            )
        card = STORE.card(cls.weights(task))
        STORE.weights(cls.weights(task))
        network = NETWORKS[card["recipe"]["network"]]
        height, width = task.image_size
        if (
            task.channels != 3
            or task.boundary != "circular"
            or min(height, width) < network.smallest
        ):
            raise NotApplicable(
                f"The network {card['name']} takes circularly blurred colour images with sides of "
                f"at least {network.smallest} pixels; this task has {task.channels} channels of "
                f"{height}×{width} with a {task.boundary} boundary."
            )

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the weights' checksum."""
        card = STORE.card(cls.weights(task))
        return {card["name"]: card["sha256"]}

    @torch.no_grad()
    def deblur(self, observation: Tensor) -> Restoration:
        """Restore in one pass."""
        y = check_observation(observation, self.task)
        height, width = y.shape[2:]
        padded = wrapped(y, self.module.multiple)
        x = self.module(padded.contiguous(memory_format=torch.channels_last))
        x = x[..., MARGIN:, MARGIN:] if padded is not y else x
        return Restoration(x[..., :height, :width].clamp(0, 1).contiguous(), iterations=1)


def wrapped(y: Tensor, multiple: int) -> Tensor:
    """Continue circular images to sides that a network can halve.

    Parameters
    ----------
    y : Tensor, shape (N, C, H, W)
    multiple : int
        Of the sides.

    Returns
    -------
    Tensor
        ``y`` itself where it fits. Otherwise the image lies at ``(MARGIN, MARGIN)``, with at least
        as many pixels of its continuation on every side, for the seam is no longer seamless.
    """
    height, width = y.shape[2:]
    if height % multiple == 0 and width % multiple == 0:
        return y
    rows, cols = (
        (torch.arange(-(-(n + 2 * MARGIN) // multiple) * multiple) - MARGIN) % n
        for n in (height, width)
    )
    return y[:, :, rows][..., cols]


class CNN(FeedForward):
    """L15 of Hradiš et al., trained at 1 % noise."""

    title = "L15 network"
    network = "cnn"
    reference = "Hradiš et al., BMVC 2015"


class CNNNoise(FeedForward):
    """L15 trained at 1 to 10 % noise."""

    title = "L15 network, noise-trained"
    network = "cnn-noise"
    reference = CNN.reference
    knows = Knowledge(image_class=True, training="class images, synthetic blur, 1 to 10 % noise")


class DeblurGAN(FeedForward):
    """DeblurGAN's generator, trained with its critic at 1 % noise."""

    title = "DeblurGAN"
    network = "deblurgan"
    reference = "Kupyn et al., CVPR 2018"


class DeblurGANContent(FeedForward):
    """DeblurGAN's generator before the critic came in: what the adversarial term changes."""

    title = "DeblurGAN, content loss alone"
    network = "deblurgan-content"
    reference = DeblurGAN.reference


class DeblurGANNoise(FeedForward):
    """DeblurGAN trained at 1 to 10 % noise."""

    title = "DeblurGAN, noise-trained"
    network = "deblurgan-noise"
    reference = DeblurGAN.reference
    knows = CNNNoise.knows


class UNet(FeedForward):
    """A residual U-Net in the manner of NAFNet, trained at 1 % noise."""

    title = "Residual U-Net"
    network = "unet"
    reference = "in the manner of Chen et al., ECCV 2022"


class UNetNoise(FeedForward):
    """The U-Net trained at 1 to 10 % noise."""

    title = "Residual U-Net, noise-trained"
    network = "unet-noise"
    reference = UNet.reference
    knows = CNNNoise.knows
