"""Inference variants of the decoders: numerically equal, and faster.

Batch norm is folded into the convolution before it. A 2×2 stride-2 transposed convolution never
overlaps itself, so it is a matrix product from each pixel to its tile. Activations are
channels-last, which the dense layer's Keras order gives for free. Doubling an image and convolving
it by 3×3 is one transposed convolution by 4×4 of stride 2, with 4 products per pixel instead of 9.

The motion-blur decoder has no batch norm, and its plain form is the fast one: twenty channels fill
no vector unit. Folding its enlargements into 2×2 convolutions with shuffles, or into matrix
products, took 1.6 to 3 times as long.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.methods.generators.architectures import (
    DCGANDecoder,
    MotionBlurDecoder,
    SameTransposedConv,
    SVHNDecoder,
    unflatten,
)
from bench.methods.generators.matmul import same_transposed, taps_matrix
from bench.methods.generators.progressive import (
    EqualisedConv,
    PGGANDecoder,
    activated,
    normalised,
)


class FoldedSVHN(nn.Module):
    """:class:`SVHNDecoder` as five matrix products with one shuffle after the last.

    Every pixel becomes a 2×2 tile of its own three times, and nothing mixes tiles: the rows of the
    products are pixels in the order of their tiles, and only the image has to be put in order.
    """

    def __init__(self, plain: SVHNDecoder) -> None:
        super().__init__()
        self.dense = _copy(plain.dense)
        self.layers = nn.ModuleList(
            _tiles(*_folded(conv, norm))
            for conv, norm in zip(plain.convs, plain.norms, strict=True)
        )
        self.output = nn.Linear(128, 3)
        weight = plain.output.weight.flatten(1)
        self.output.load_state_dict({"weight": weight, "bias": plain.output.bias})

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, 100) to (N, 3, 32, 32) in [0, 1]."""
        x = functional.relu(self.dense(z)).view(-1, 512)
        for layer, width in zip(self.layers, (512, 256, 128), strict=True):
            x = functional.relu(layer(x)).view(-1, width)
        # (N, row, column, and three times: row in the tile, column in the tile; colour)
        tiles = self.output(x).sigmoid().view(-1, 4, 4, 2, 2, 2, 2, 2, 2, 3)
        return tiles.permute(0, 9, 1, 3, 5, 7, 2, 4, 6, 8).reshape(-1, 3, 32, 32)


class FoldedDCGAN(nn.Module):
    """:class:`DCGANDecoder` with its batch norms folded, channels-last.

    The first two transposed convolutions, of small maps with many channels, are matrix products.
    """

    def __init__(self, plain: DCGANDecoder) -> None:
        super().__init__()
        self.dense = _copy(plain.dense)
        norm = plain.norms[0]
        scale, shift = _affine(norm)
        with torch.no_grad():
            # Dense outputs run over (H, W, C): the norm's channels repeat sixteen times.
            self.dense.weight.mul_(scale.repeat(16)[:, None])
            self.dense.bias.mul_(scale.repeat(16)).add_(shift.repeat(16))
        folded = [_folded(c, n) for c, n in zip(plain.convs, plain.norms[1:], strict=False)]
        self.convs = nn.ModuleList(
            [*(ProductConv(*part) for part in folded[:2]), _convolution(*folded[2])]
        )
        self.output = SameTransposedConv(64, 3)
        self.output.load_state_dict(plain.output.state_dict())
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, 100) to (N, 3, 64, 64) in [−1, 1]."""
        x = functional.relu(unflatten(self.dense(z), 512))
        for conv in self.convs:
            x = functional.relu(conv(x))
        return self.output(x).tanh()


class FoldedPGGAN(nn.Module):
    """:class:`PGGANDecoder` with its gains folded, and each doubling in the convolution after it.

    A pass forward and backward of two faces of 128×128 takes 0.6 times as long.
    """

    def __init__(self, plain: PGGANDecoder) -> None:
        super().__init__()
        self.dense = nn.Linear(plain.dense.in_features, plain.dense.out_features)
        self.dense.load_state_dict(
            {"weight": plain.dense.weight * plain.dense.gain, "bias": plain.dense.bias}
        )
        self.convs = nn.ModuleList(
            _doubling(conv) if index % 2 else _equalised(conv)  # type: ignore[arg-type]
            for index, conv in enumerate(plain.convs)
        )
        self.output = _equalised(plain.output)
        self.pixel_norms = plain.pixel_norms

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, 512) to (N, 3, 128, 128), about [−1, 1]."""
        x = activated(self.dense(normalised(z)).view(len(z), -1, 4, 4), self.pixel_norms)
        for conv in self.convs:
            x = activated(conv(x), self.pixel_norms)
        return self.output(x)


class ProductConv(nn.Module):
    """A frozen 5×5 stride-2 transposed convolution as a matrix product."""

    matrix: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("matrix", taps_matrix(weight))
        self.register_buffer("bias", bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in, H, W) to (N, out, 2H, 2W)."""
        return same_transposed(x, self.matrix, self.bias)


def fold(plain: nn.Module) -> nn.Module:
    """Return the fast variant of a decoder, in evaluation mode and without gradients by weight.

    Raises
    ------
    TypeError
        If the decoder is none of the published ones.
    """
    for kind, folded in (
        (SVHNDecoder, FoldedSVHN),
        (DCGANDecoder, FoldedDCGAN),
        (MotionBlurDecoder, copy.deepcopy),
        (PGGANDecoder, FoldedPGGAN),
    ):
        if isinstance(plain, kind):
            return folded(plain).eval().requires_grad_(False)  # type: ignore[arg-type]
    raise TypeError(f"{type(plain).__name__} has no folded variant.")


def _affine(norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Scale and shift of a batch norm in evaluation, in double precision."""
    state = {key: value.double() for key, value in norm.state_dict().items()}
    scale = state["weight"] / (state["running_var"] + norm.eps).sqrt()
    return scale.float(), (state["bias"] - scale * state["running_mean"]).float()


@torch.no_grad()
def _folded(conv: nn.Module, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """Weight (in, out, k, k) and bias of a transposed convolution with its batch norm."""
    scale, shift = _affine(norm)
    return conv.weight * scale[:, None, None], conv.bias * scale + shift  # type: ignore


def _equalised(conv: EqualisedConv) -> nn.Conv2d:
    """Return a convolution with its gain folded in."""
    size = conv.weight.shape[-1]
    folded = nn.Conv2d(conv.in_channels, conv.out_channels, size, padding=size // 2)
    folded.load_state_dict({"weight": conv.weight * conv.gain, "bias": conv.bias})
    return folded


def _doubling(conv: EqualisedConv) -> nn.ConvTranspose2d:
    """Return doubling by repeating pixels and a 3×3 convolution, as one transposed convolution.

    Along an axis, the output at ``2 q + 0`` and ``2 q + 1`` sums the three taps over the doubled
    input, which shows pixel ``q - 1`` once and ``q`` twice, or ``q`` twice and ``q + 1`` once.
    """
    folded = nn.ConvTranspose2d(conv.in_channels, conv.out_channels, 4, stride=2, padding=1)
    merge = conv.weight.new_zeros(4, 3)
    for target, taps in enumerate(((2,), (1, 2), (0, 1), (0,))):
        merge[target, list(taps)] = 1
    weight = torch.einsum("oirc,tr,uc->iotu", conv.weight * conv.gain, merge, merge)
    folded.load_state_dict({"weight": weight, "bias": conv.bias})
    return folded


def _convolution(weight: Tensor, bias: Tensor) -> SameTransposedConv:
    layer = SameTransposedConv(weight.shape[0], weight.shape[1])
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def _tiles(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Linear layer from a pixel to the 2×2 tile that a stride-2 transposed convolution makes it."""
    inputs, outputs = weight.shape[:2]
    layer = nn.Linear(inputs, 4 * outputs)
    matrix = weight.permute(2, 3, 1, 0).reshape(4 * outputs, inputs)
    layer.load_state_dict({"weight": matrix, "bias": bias.repeat(4)})
    return layer


def _copy(dense: nn.Linear) -> nn.Linear:
    layer = nn.Linear(dense.in_features, dense.out_features)
    layer.load_state_dict(dense.state_dict())
    return layer
