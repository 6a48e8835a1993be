"""The published generators, layer for layer, and the encoders they are trained with.

Every decoder maps a latent (N, d) to images or kernels in the range its last activation gives:
sigmoid and ReLU end in [0, ∞), ``tanh`` in [−1, 1] (:mod:`bench.methods.generators.loading` maps
that to [0, 1]). Layouts follow the paper's Keras models, so published weights fit
(:mod:`bench.methods.generators.keras_import`).
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.methods.generators import progressive
from bench.methods.generators.matmul import same_transposed, taps_matrix, tiled_transposed

VAE_EPSILON, DCGAN_EPSILON = 1e-3, 1e-5  # batch norm, as in the published Keras models


class SameTransposedConv(nn.ConvTranspose2d):
    """5×5 stride-2 transposed convolution with TensorFlow's "same" padding.

    It equals PyTorch's with ``padding=1`` and the last row and column dropped; ``padding=2,
    output_padding=1`` would shift every layer by a pixel.
    """

    def __init__(self, in_channels: int, out_channels: int, *, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, 5, 2, 1, bias=bias)
        self.training_dtype: torch.dtype | None = None

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Map (N, in, H, W) to (N, out, 2H, 2W)."""
        if self.training and self.training_dtype is not None:
            matrix = taps_matrix(self.weight, self.training_dtype)
            return same_transposed(x, matrix, self.bias)
        return super().forward(x)[:, :, :-1, :-1]


class TiledTransposedConv(nn.ConvTranspose2d):
    """2×2 stride-2 transposed convolution: every pixel becomes its own 2×2 block."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 2, 2)
        self.training_dtype: torch.dtype | None = None

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Map (N, in, H, W) to (N, out, 2H, 2W)."""
        if self.training and self.training_dtype is not None:
            return tiled_transposed(x, self.weight, self.bias, self.training_dtype)
        return super().forward(x)


class SVHNDecoder(nn.Module):
    """Decoder of the SVHN VAE: latent (N, 100) to images (N, 3, 32, 32) in [0, 1].

    Dense to 4×4×512, ReLU; transposed convolution 2×2 stride 2 to 512, 256, 128 channels, each
    with batch norm and ReLU; 1×1 convolution to 3; sigmoid.
    """

    latent_size, image_shape, output_range = 100, (3, 32, 32), (0.0, 1.0)

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(self.latent_size, 4 * 4 * 512)
        widths = (512, 512, 256, 128)
        self.convs = nn.ModuleList(TiledTransposedConv(a, b) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm2d(b, eps=VAE_EPSILON) for b in widths[1:])
        self.output = nn.Conv2d(128, 3, 1)

    def preactivation(self, z: Tensor) -> Tensor:
        """Return the image before its sigmoid."""
        x = functional.relu(unflatten(self.dense(z), 512))
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = functional.relu(norm(conv(x)))
        return self.output(x)

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, 100) to (N, 3, 32, 32)."""
        return self.preactivation(z).sigmoid()


class DCGANDecoder(nn.Module):
    """Decoder of the Shoes and CelebA DCGANs: latent (N, 100) to (N, 3, 64, 64) in [−1, 1].

    Dense to 4×4×512, batch norm, ReLU; transposed convolution 5×5 stride 2 to 256, 128, 64
    channels, each with batch norm and ReLU; the same to 3; tanh.
    """

    latent_size, image_shape, output_range = 100, (3, 64, 64), (-1.0, 1.0)

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(self.latent_size, 4 * 4 * 512)
        widths = (512, 256, 128, 64)
        self.convs = nn.ModuleList(SameTransposedConv(a, b) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm2d(b, eps=DCGAN_EPSILON) for b in widths)
        self.output = SameTransposedConv(64, 3)

    def preactivation(self, z: Tensor) -> Tensor:
        """Return the image before its tanh."""
        x = functional.relu(self.norms[0](unflatten(self.dense(z), 512)))
        for conv, norm in zip(self.convs, self.norms[1:], strict=False):
            x = functional.relu(norm(conv(x)))
        return self.output(x)

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, 100) to (N, 3, 64, 64)."""
        return self.preactivation(z).tanh()


class MotionBlurDecoder(nn.Module):
    """Decoder of the motion-blur VAE: latent (N, 50) to kernels (N, 1, 28, 28), non-negative.

    Dense to 6×6×20, ReLU; twice (nearest ×2, transposed convolution 2×2 to 20, ReLU); transposed
    convolution 2×2 to 1; ReLU. The kernels' sums are about 1 but not normalised.
    """

    latent_size, image_shape, output_range = 50, (1, 28, 28), (0.0, 1.0)
    first_side: ClassVar[int] = 6

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(self.latent_size, self.first_side**2 * 20)
        self.convs = nn.ModuleList(nn.ConvTranspose2d(20, 20, 2) for _ in range(2))
        self.output = nn.ConvTranspose2d(20, 1, 2)

    def preactivation(self, z: Tensor) -> Tensor:
        """Return the kernel before its last ReLU."""
        x = functional.relu(unflatten(self.dense(z), 20))
        for conv in self.convs:
            x = functional.relu(conv(functional.interpolate(x, scale_factor=2.0)))
        return self.output(x)

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, 50) to (N, 1, H, W), the image shape."""
        return functional.relu(self.preactivation(z))


class MotionBlur32Decoder(MotionBlurDecoder):
    """Decoder of the 32×32 kernels that the paper's PGGAN experiment has: it begins at 7×7."""

    image_shape = (1, 32, 32)
    first_side = 7


class SVHNEncoder(nn.Module):
    """Encoder of the SVHN VAE: convolutions 2×2 stride 2 to 128, 256, 512, batch norm, ReLU."""

    def __init__(self, latent_size: int = 100) -> None:
        super().__init__()
        widths = (3, 128, 256, 512)
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 2, 2) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.BatchNorm2d(b, eps=VAE_EPSILON) for b in widths[1:])
        self.mean = nn.Linear(4 * 4 * 512, latent_size)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, 3, 32, 32) in [0, 1] to the latent's mean (N, d)."""
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = functional.relu(norm(conv(x)))
        return self.mean(flatten(x))


class MotionBlurEncoder(nn.Module):
    """Encoder of the motion-blur VAE: twice (convolution 2×2 to 20, ReLU, max-pool 2), dense."""

    def __init__(self, latent_size: int = 50) -> None:
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(1, 20, 2), nn.Conv2d(20, 20, 2)])
        self.mean = nn.Linear(6 * 6 * 20, latent_size)

    def forward(self, x: Tensor) -> Tensor:
        """Map kernels (N, 1, 28, 28) to the latent's mean (N, d)."""
        for conv in self.convs:
            x = functional.max_pool2d(functional.relu(conv(x)), 2)
        return self.mean(flatten(x))


class LinearPlusConvEncoder(nn.Module):
    """Encoder of ours: a linear map of the pixels plus a small convolutional correction.

    The linear map can start as a principal component analysis, and the correction at zero, so
    that training begins at the linear model instead of at noise.
    """

    def __init__(self, latent_size: int = 100, image_shape: tuple[int, ...] = (3, 64, 64)) -> None:
        super().__init__()
        channels, height, _ = image_shape
        self.step = height // 16
        widths = (channels * self.step**2, 96, 192, 384)
        self.linear = nn.Linear(channels * height * height, latent_size)
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(widths[0], widths[1], 3, 1, 1),
                nn.Conv2d(widths[1], widths[2], 4, 2, 1),
                nn.Conv2d(widths[2], widths[3], 4, 2, 1),
            ]
        )
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for b in widths[1:])
        self.mean = nn.Linear(4 * 4 * widths[3], latent_size)
        nn.init.zeros_(self.mean.weight)
        nn.init.zeros_(self.mean.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, C, H, H) in [0, 1] to latents (N, d)."""
        linear = self.linear(x.flatten(1))
        x = functional.pixel_unshuffle(2 * x - 1, self.step)
        x = x.contiguous(memory_format=torch.channels_last)
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = functional.relu(norm(conv(x)))
        return linear + self.mean(flatten(x))


class DenseEncoder(nn.Module):
    """Two hidden layers on the pixels: the teacher that the small blur decoder is trained with."""

    def __init__(
        self, latent_size: int = 50, image_shape: tuple[int, ...] = (1, 28, 28), width: int = 768
    ) -> None:
        super().__init__()
        size = image_shape[0] * image_shape[1] * image_shape[2]
        self.layers = nn.Sequential(
            nn.Linear(size, width),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Linear(width, latent_size),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, d)."""
        return self.layers(x.flatten(1))


def unflatten(x: Tensor, channels: int) -> Tensor:
    """Reshape dense outputs in Keras's order (H, W, C) to a square channels-last (N, C, H, W)."""
    side = round((x.shape[1] // channels) ** 0.5)
    # The permuted view is already channels-last in memory: no copy.
    return x.view(-1, side, side, channels).permute(0, 3, 1, 2)


def flatten(x: Tensor) -> Tensor:
    """Flatten (N, C, H, W) in Keras's order (H, W, C)."""
    return x.permute(0, 2, 3, 1).flatten(1)


DECODERS: dict[str, type[Any]] = {
    cls.__name__: cls for cls in (SVHNDecoder, DCGANDecoder, MotionBlurDecoder, MotionBlur32Decoder)
} | progressive.DECODERS
ENCODERS: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (SVHNEncoder, MotionBlurEncoder, LinearPlusConvEncoder, DenseEncoder)
} | progressive.ENCODERS
