"""Inference variants of the decoders: numerically equal, and faster.

Batch norm is folded into the convolution before it. A 2×2 stride-2 transposed convolution never
overlaps itself, so it is a 1×1 convolution to four times the channels and a pixel shuffle: one
matrix product. Activations are channels-last, which the dense layer's Keras order gives for free.

The motion-blur decoder has no batch norm, and its plain form is the fast one: twenty channels fill
no vector unit. Folding its enlargements into 2×2 convolutions with shuffles, or into matrix
products, took 1.6 to 3 times as long.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from methods.generators.architectures import (
    DCGANDecoder,
    MotionBlurDecoder,
    SameTransposedConv,
    SVHNDecoder,
    unflatten,
)


class FoldedSVHN(nn.Module):
    """:class:`SVHNDecoder` as four matrix products with shuffles between them."""

    def __init__(self, plain: SVHNDecoder) -> None:
        super().__init__()
        self.dense = _copy(plain.dense)
        self.convs = nn.ModuleList(
            _shuffled(*_folded(conv, norm))
            for conv, norm in zip(plain.convs, plain.norms, strict=True)
        )
        self.output = nn.Conv2d(128, 3, 1)
        self.output.load_state_dict(plain.output.state_dict())
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, 100) to (N, 3, 32, 32) in [0, 1]."""
        x = functional.relu(unflatten(self.dense(z), 512))
        for conv in self.convs:
            # ReLU and shuffle commute; the ReLU first works on contiguous memory.
            x = functional.pixel_shuffle(functional.relu(conv(x)), 2)
        return self.output(x).sigmoid()


class FoldedDCGAN(nn.Module):
    """:class:`DCGANDecoder` with its batch norms folded, channels-last."""

    def __init__(self, plain: DCGANDecoder) -> None:
        super().__init__()
        self.dense = _copy(plain.dense)
        norm = plain.norms[0]
        scale, shift = _affine(norm)
        with torch.no_grad():
            # Dense outputs run over (H, W, C): the norm's channels repeat sixteen times.
            self.dense.weight.mul_(scale.repeat(16)[:, None])
            self.dense.bias.mul_(scale.repeat(16)).add_(shift.repeat(16))
        self.convs = nn.ModuleList()
        for conv, norm in zip(plain.convs, plain.norms[1:], strict=False):
            weight, bias = _folded(conv, norm)
            layer = SameTransposedConv(weight.shape[0], weight.shape[1])
            layer.load_state_dict({"weight": weight, "bias": bias})
            self.convs.append(layer)
        self.output = SameTransposedConv(64, 3)
        self.output.load_state_dict(plain.output.state_dict())
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, 100) to (N, 3, 64, 64) in [−1, 1]."""
        x = functional.relu(unflatten(self.dense(z), 512))
        for conv in self.convs:
            x = functional.relu(conv(x))
        return self.output(x).tanh()


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


@torch.no_grad()
def _shuffled(weight: Tensor, bias: Tensor) -> nn.Conv2d:
    """1×1 convolution whose pixel shuffle equals the 2×2 stride-2 transposed convolution."""
    inputs, outputs = weight.shape[:2]
    layer = nn.Conv2d(inputs, 4 * outputs, 1)
    layer.weight.copy_(weight.permute(1, 2, 3, 0).reshape(4 * outputs, inputs, 1, 1))
    layer.bias.copy_(bias.repeat_interleave(4))  # type: ignore[union-attr]
    return layer


def _copy(dense: nn.Linear) -> nn.Linear:
    layer = nn.Linear(dense.in_features, dense.out_features)
    layer.load_state_dict(dense.state_dict())
    return layer
