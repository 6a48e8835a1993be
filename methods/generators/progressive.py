"""The progressive generator of faces at 128×128, at any width, and the encoder it is trained with.

Karras et al. (2018), as published: the latent is normalised to a root mean square of 1; weights are
standard normal and multiplied by ``sqrt(2 / inputs)`` in every pass (*equalised learning rate*);
leaky ReLU of slope 0.2; resolutions are doubled by repeating pixels; a 1×1 convolution makes the
image. Names of the layers are ours; :mod:`bench.methods.generators.torch_import` maps published
ones to them.

References
----------
T. Karras et al., "Progressive Growing of GANs for Improved Quality, Stability, and Variation",
ICLR 2018.
"""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

SLOPE, EPSILON = 0.2, 1e-8


class EqualisedLinear(nn.Linear):
    """A dense layer whose weights are multiplied by ``sqrt(2 / inputs)`` in every pass."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.gain = _equalise(self, inputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs) to (N, outputs)."""
        return functional.linear(x, self.weight * self.gain, self.bias)


class EqualisedConv(nn.Conv2d):
    """A "same" convolution whose weights are multiplied by ``sqrt(2 / inputs)`` in every pass."""

    def __init__(self, inputs: int, outputs: int, size: int = 3) -> None:
        super().__init__(inputs, outputs, size, padding=size // 2)
        self.gain = _equalise(self, inputs * size**2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, inputs, H, W) to (N, outputs, H, W)."""
        return functional.conv2d(x, self.weight * self.gain, self.bias, padding=self.padding)


def _equalise(layer: nn.Linear | nn.Conv2d, inputs: int) -> float:
    nn.init.normal_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return (2 / inputs) ** 0.5


class PGGANDecoder(nn.Module):
    """The published generator: latent (N, 512) to images (N, 3, 128, 128), about [−1, 1].

    Dense to 4×4×512 and a 3×3 convolution; five times a doubling and two 3×3 convolutions, to 512,
    256, 128, 64, 32 channels; 1×1 convolution to 3. A leaky ReLU follows every layer but the
    last, and after it each pixel's channels are normalised to a root mean square of 1.
    """

    latent_size, image_shape, output_range = 512, (3, 128, 128), (-1.0, 1.0)
    widths: ClassVar[tuple[int, ...]] = (512, 512, 256, 128, 64, 32)
    pixel_norms: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        first, last = self.widths[0], self.widths[-1]
        self.dense = EqualisedLinear(self.latent_size, 16 * first)
        pairs = [(first, first)]
        for parent, child in pairwise(self.widths):
            pairs += [(parent, child), (child, child)]
        self.convs = nn.ModuleList(EqualisedConv(a, b) for a, b in pairs)
        self.output = EqualisedConv(last, 3, 1)

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, 512) to (N, 3, 128, 128)."""
        x = activated(self.dense(normalised(z)).view(len(z), -1, 4, 4), self.pixel_norms)
        for index, conv in enumerate(self.convs):
            if index % 2:
                x = functional.interpolate(x, scale_factor=2.0)
            x = activated(conv(x), self.pixel_norms)
        return self.output(x)


class FacesDecoder(PGGANDecoder):
    """The published generator at a width that a processor trains, without inner pixel norms.

    Those keep a generator's activations from running away from a discriminator. This one is
    trained without, and layers that can be linear let it begin at the principal components
    (:mod:`bench.methods.generators.progressive_start`).
    """

    widths = (192, 192, 128, 64, 32, 16)
    pixel_norms = False


class PooledEncoder(nn.Module):
    """Encoder of ours: a linear map of the image at a quarter of its size, plus a correction.

    The linear map can start at the principal components; the convolutional correction starts at 0.
    """

    POOL: ClassVar[int] = 4

    def __init__(
        self, latent_size: int = 512, image_shape: tuple[int, ...] = (3, 128, 128)
    ) -> None:
        super().__init__()
        channels, height, _ = image_shape
        size = height // self.POOL
        widths = (channels * (2 * self.POOL) ** 2, 96, 128, 192)
        self.linear = nn.Linear(channels * size**2, latent_size)
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(widths[0], widths[1], 1),
                nn.Conv2d(widths[1], widths[2], 4, 2, 1),
                nn.Conv2d(widths[2], widths[3], 4, 2, 1),
            ]
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in widths[1:])
        self.mean = nn.Linear(widths[3] * (size // 8) ** 2, latent_size)
        nn.init.zeros_(self.mean.weight)
        nn.init.zeros_(self.mean.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, C, H, H) in [0, 1] to latents (N, d)."""
        linear = self.linear(functional.avg_pool2d(x, self.POOL).flatten(1))
        x = functional.pixel_unshuffle(2 * x - 1, 2 * self.POOL)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = functional.relu(norm(conv(x)))
        return linear + self.mean(x.flatten(1))


def normalised(x: Tensor) -> Tensor:
    """Divide (N, C, …) by the root mean square over the channels."""
    return x * (x.square().mean(1, keepdim=True) + EPSILON).rsqrt()


def activated(x: Tensor, pixel_norms: bool) -> Tensor:
    """Apply the leaky ReLU, in place, and the pixels' norms where a generator has them."""
    x = functional.leaky_relu(x, SLOPE, inplace=True)
    return normalised(x) if pixel_norms else x


DECODERS = {cls.__name__: cls for cls in (PGGANDecoder, FacesDecoder)}
ENCODERS = {cls.__name__: cls for cls in (PooledEncoder,)}


def is_progressive(decoder: nn.Module) -> bool:
    """Return whether a decoder normalises its latent, as the progressive generators do."""
    return isinstance(decoder, PGGANDecoder)
