"""The networks that restore an image in one pass, and the two that one of them is trained with.

The three restoring networks take and return images in [0, 1] with sides of at least ``smallest`` in
multiples of ``multiple``. They pad circularly, in training as in use, because the benchmark's
observations are circular; DeblurGAN's transposed convolutions, as published, pad with zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.methods.feedforward.circular import circular


class L15(nn.Module):
    """The 15 layers of Hradiš et al. (2015): plain convolutions and ReLU, nothing else.

    19×19×128, 1×1×320 three times, 1×1×128, 3×3×128, 1×1×512, 5×5×128 in 4 groups, 5×5×128 in 2,
    3×3×128, 5×5×128 in 2 groups twice, 1×1×256, 7×7×64 in 2, 7×7×3. The published network works
    on valid borders; ours pads circularly.

    Parameters
    ----------
    width : float
        Factor on all channel counts but the input's and the output's; the published is 1.
    """

    multiple, smallest = 1, 9
    layers = (
        (19, 128, 1),
        (1, 320, 1),
        (1, 320, 1),
        (1, 320, 1),
        (1, 128, 1),
        (3, 128, 1),
        (1, 512, 1),
        (5, 128, 4),
        (5, 128, 2),
        (3, 128, 1),
        (5, 128, 2),
        (5, 128, 2),
        (1, 256, 1),
        (7, 64, 2),
        (7, 3, 1),
    )
    """Side of the filters, output channels, groups."""

    def __init__(self, width: float = 0.25) -> None:
        super().__init__()
        counts = [3, *(round(width * n) for _, n, _ in self.layers[:-1]), 3]
        convs = [
            circular(a, b, side, groups=groups)
            for (a, b), (side, _, groups) in zip(pairwise(counts), self.layers, strict=True)
        ]
        for conv in convs[:-1]:
            mirrored_(conv)
        nn.init.normal_(convs[-1].weight, std=1e-3)
        convs[-1].bias.data.fill_(0.5)  # type: ignore[union-attr]
        self.convs = nn.ModuleList(convs)

    def forward(self, observation: Tensor) -> Tensor:
        """Map (N, 3, H, W) in [0, 1] to the same shape, not clamped."""
        x = observation - 0.5
        for conv in self.convs[:-1]:
            x = torch.relu(conv(x))
        return self.convs[-1](x)


class DeblurGANGenerator(nn.Module):
    """The generator of Kupyn et al. (2018): a ResNet between two stride-2 steps, global skip.

    7×7 convolution, two 3×3 of stride 2, nine residual blocks, two transposed 3×3 of stride 2,
    7×7 convolution; instance normalisation without affine terms; ``clamp(x + G(x))`` in [−1, 1].
    The paper's dropout is off in use and was left out of training too; there is no tanh before the
    skip.

    Parameters
    ----------
    width : int
        Channels after the first layer; the published is 64.
    blocks : int
    """

    multiple, smallest = 4, 8

    def __init__(self, width: int = 32, blocks: int = 9) -> None:
        super().__init__()
        self.entry = circular(3, width, 7)
        self.down = nn.ModuleList(
            circular(width * 2**n, width * 2 ** (n + 1), 3, stride=2) for n in range(2)
        )
        inner = 4 * width
        self.blocks = nn.ModuleList(InstanceBlock(inner) for _ in range(blocks))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(width * 2 ** (n + 1), width * 2**n, 3, 2, 1, 1) for n in (1, 0)
        )
        self.exit = circular(width, 3, 7)
        nn.init.normal_(self.exit.weight, std=1e-3)  # starts as the identity
        nn.init.zeros_(self.exit.bias)  # type: ignore[arg-type]
        if inner >= 2 * 3 * 16:  # a pair of channels for each colour of 4×4 pixels
            self._see_through()

    @torch.no_grad()
    def _see_through(self) -> None:
        """Initialise so that every pixel reaches the last layer unharmed.

        Values travel in pairs ``±u``, as in :func:`mirrored_`: a stride-2 step gives the four
        pixels of a cell channels of their own, its transpose puts them back, and a block adds the
        same to both channels of a pair. The global skip lets all noise pass, and from a random
        start the generator is slow to learn its negative.
        """
        signs = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
        downs: Any = self.down
        ups: Any = reversed(self.up)
        blocks: Any = self.blocks
        for colour in range(3):
            pair = self.entry.weight[2 * colour : 2 * colour + 2].zero_()
            pair[:, colour, 3, 3] = signs[0]
        self.entry.bias[:6].zero_()  # type: ignore[index]
        for count, down, up in zip((3, 12), downs, ups, strict=True):
            down.weight[: 8 * count].zero_()
            down.bias[: 8 * count].zero_()
            up.weight[:, : 2 * count].zero_()
            up.bias[: 2 * count].zero_()
            for value, row, col in product(range(count), (0, 1), (0, 1)):
                own = 2 * (4 * value + 2 * row + col)
                for weight in (down.weight, up.weight):
                    weight[own : own + 2, 2 * value : 2 * value + 2, 1 + row, 1 + col] = signs
        for block in blocks:
            block.second.weight[1::2] = block.second.weight[0::2]
            block.second.bias[1::2] = block.second.bias[0::2]

    def forward(self, observation: Tensor) -> Tensor:
        """Map (N, 3, H, W) in [0, 1] to the same shape, in [0, 1]."""
        signed = 2 * observation - 1
        x = torch.relu(functional.instance_norm(self.entry(signed)))
        for conv in self.down:
            x = torch.relu(functional.instance_norm(conv(x)))
        for block in self.blocks:
            x = block(x)
        for conv in self.up:
            x = torch.relu(functional.instance_norm(conv(x)))
        return ((signed + self.exit(x)).clamp(-1, 1) + 1) / 2


class InstanceBlock(nn.Module):
    """``x + norm(conv(relu(norm(conv(x)))))``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = circular(width, width, 3), circular(width, width, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        inner = torch.relu(functional.instance_norm(self.first(x)))
        return x + functional.instance_norm(self.second(inner))


class UNet(nn.Module):
    """A residual U-Net in the manner of NAFNet: layer norms, channel attention, global skip.

    NAFNet's depthwise convolutions are slow on two cores; plain 3×3 convolutions take their place,
    in blocks that start close to the identity. Images enter folded, 2×2 pixels to a cell.

    Parameters
    ----------
    width : int
        Channels at the first level; the two below have twice and 10/3 of it.
    depth : tuple of int
        Blocks at the first level down, the second down, the bottom, the second up, the first up.
    channels, outputs : int
        Of the input, and of what is added to it.
    block : callable
        Makes a block of a number of channels.
    conv : callable
        Makes a convolution that keeps the size, from inputs, outputs and side.
    """

    multiple, smallest = 8, 8

    def __init__(
        self,
        width: int = 48,
        depth: tuple[int, ...] = (1, 2, 5, 2, 1),
        channels: int = 3,
        outputs: int = 3,
        block: Callable[[int], nn.Module] | None = None,
        conv: Callable[[int, int, int], nn.Conv2d] = circular,
    ) -> None:
        super().__init__()
        block = block or AttentiveBlock
        wide, bottom = 2 * width, 10 * width // 3
        self.entry = conv(4 * channels, width, 3)
        self.down = nn.ModuleList([nn.Conv2d(width, wide, 2, 2), nn.Conv2d(wide, bottom, 2, 2)])
        self.up = nn.ModuleList(
            [nn.ConvTranspose2d(bottom, wide, 2, 2), nn.ConvTranspose2d(wide, width, 2, 2)]
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*(block(inner) for _ in range(count)))
            for inner, count in zip((width, wide, bottom, wide, width), depth, strict=True)
        )
        self.exit = conv(width, 4 * outputs, 3)
        nn.init.zeros_(self.exit.weight)  # starts as the identity
        nn.init.zeros_(self.exit.bias)  # type: ignore[arg-type]

    def forward(self, observation: Tensor) -> Tensor:
        """Map (N, 3, H, W) in [0, 1] to the same shape, not clamped."""
        return observation + self.correction(2 * observation - 1)

    def correction(self, images: Tensor) -> Tensor:
        """Return what is added to an image, from images (N, C, H, W) about 0."""
        cells = functional.pixel_unshuffle(images, 2)
        x = self.entry(cells.contiguous(memory_format=torch.channels_last))
        first = self.stages[0](x)
        second = self.stages[1](self.down[0](first))
        x = self.stages[2](self.down[1](second))
        x = self.stages[3](self.up[0](x) + second)
        x = self.stages[4](self.up[1](x) + first)
        return functional.pixel_shuffle(self.exit(x), 2)


class AttentiveBlock(nn.Module):
    """``x + s · a(u) ⊙ conv(u)``, ``u = relu(conv(norm(x)))``, ``a`` from u's mean over pixels.

    ``norm`` is over the channels of each pixel, as NAFNet's.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = circular(width, width, 3), circular(width, width, 3)
        self.norm = nn.LayerNorm(width)
        self.attention = nn.Linear(width, width)
        self.scale = nn.Parameter(torch.full((1, width, 1, 1), 0.1))
        nn.init.zeros_(self.attention.weight)
        nn.init.ones_(self.attention.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        normal = self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        inner = torch.relu(self.first(normal))
        attention = self.attention(inner.mean((2, 3)))[:, :, None, None]
        return x + self.scale * attention * self.second(inner)


class Critic(nn.Module):
    """WGAN critic on patches: 4×4 convolutions of stride 2, leaky ReLU, one number per patch.

    Without normalisation, whose coupling of a batch's images the gradient penalty forbids.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        counts = (3, width, 2 * width, 4 * width)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in pairwise(counts))
        self.output = nn.Conv2d(counts[-1], 1, 4, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Map images (N, 3, H, W) in [0, 1] to a number each, shape (N,)."""
        x = 2 * image - 1
        for conv in self.convs:
            x = functional.leaky_relu(conv(x), 0.2)
        return self.output(x).mean((1, 2, 3))


class Features(nn.Module):
    """Features for a perceptual distance, trained by telling class and rotation of images.

    Three stages of 3×3 convolutions; the distance is taken after the second (1/2 resolution).
    """

    def __init__(self, labels: int = 12, width: int = 32) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, width, 3, 1, 1), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(width, 2 * width, 3, 2, 1), nn.ReLU())
        self.third = nn.Sequential(
            nn.Conv2d(2 * width, 4 * width, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(4 * width, 4 * width, 3, 2, 1),
            nn.ReLU(),
        )
        self.head = nn.Linear(4 * width, labels)

    def features(self, image: Tensor) -> Tensor:
        """Return (N, 64, H/2, W/2) for images (N, 3, H, W) in [0, 1]."""
        return self.second(self.first(2 * image - 1))

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits of the labels (N, labels)."""
        return self.head(self.third(self.features(image)).mean((2, 3)))


@torch.no_grad()
def mirrored_(conv: nn.Conv2d) -> None:
    """Initialise a convolution so that a chain of them with ReLU between is linear at first.

    Channels come in pairs ``±u`` (Balduzzi et al., The Shattered Gradients Problem, 2017): of
    ``relu(u)`` and ``relu(−u)`` the next layer takes the difference, ``u``. Within a group the map
    between pairs is orthogonal, or a projection where they get fewer, and acts on each pixel alone;
    the first layer, which has no pairs to read, passes the image on next to random filters.
    """
    outputs, inputs, side, _ = conv.weight.shape
    middle = side // 2
    nn.init.zeros_(conv.weight)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    if inputs % 2:
        filters = torch.randn(outputs // 2, inputs, side, side)
        filters /= filters.flatten(1).norm(dim=1)[:, None, None, None]
        filters[:inputs] = 0
        filters[range(inputs), range(inputs), middle, middle] = 1
        conv.weight[0::2], conv.weight[1::2] = filters, -filters
        return
    for group in conv.weight.split(outputs // conv.groups):
        map_ = nn.init.orthogonal_(torch.empty(len(group) // 2, inputs // 2))
        for row, column, sign in ((0, 0, 1), (0, 1, -1), (1, 0, -1), (1, 1, 1)):
            group[row::2, column::2, middle, middle] = sign * map_


NETWORKS: dict[str, Any] = {
    "cnn": L15,
    "deblurgan": DeblurGANGenerator,
    "unet": UNet,
}
