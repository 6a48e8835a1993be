"""Inference variants of the decoders: numerically equal, and faster.

Batch norm is folded into the convolution before it. A 2×2 stride-2 transposed convolution never
overlaps itself, so it is a 1×1 convolution to four times the channels and a pixel shuffle: one
matrix product. Activations are channels-last, which the dense layer's Keras order gives for free.
"""

from __future__ import annotations

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


class FoldedMotionBlur(nn.Module):
    """:class:`MotionBlurDecoder` with each ×2 enlargement folded into the convolution after it.

    After nearest-neighbour enlargement a 2×2 transposed convolution sees blocks of equal pixels:
    the even output pixels need one small pixel, the odd ones two. All are one 2×2 convolution of
    the small image to four times the channels, shuffled.
    """

    def __init__(self, plain: MotionBlurDecoder) -> None:
        super().__init__()
        self.dense = _copy(plain.dense)
        self.convs = nn.ModuleList(_enlarging(conv) for conv in plain.convs)
        self.output = nn.ConvTranspose2d(20, 1, 2)
        self.output.load_state_dict(plain.output.state_dict())
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, z: Tensor) -> Tensor:
        """Map (N, 50) to (N, 1, 28, 28), non-negative."""
        x = functional.relu(unflatten(self.dense(z), 20))
        for conv in self.convs:
            side = 2 * x.shape[-1] + 1
            x = functional.pixel_shuffle(functional.relu(conv(x)), 2)[:, :, :side, :side]
        return functional.relu(self.output(x))


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
        (MotionBlurDecoder, FoldedMotionBlur),
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


@torch.no_grad()
def _enlarging(conv: nn.Module) -> nn.Conv2d:
    """2×2 convolution whose pixel shuffle is "enlarge ×2, then transposed convolution 2×2"."""
    weight = conv.weight  # (in, out, 2, 2): out[o] = Σ_k in[o − k] w[k]
    assert isinstance(weight, Tensor)
    inputs, outputs = weight.shape[:2]
    layer = nn.Conv2d(inputs, 4 * outputs, 2, padding=1)
    taps = weight.new_zeros(outputs, 2, 2, inputs, 2, 2)
    # Tap 0 of the padded 2×2 convolution is the previous small pixel, tap 1 the same one. Large
    # pixel 2p + a takes large pixels 2p + a − k, which lie in small pixel p or, for a − k < 0, in
    # the one before.
    for a in (0, 1):
        for b in (0, 1):
            for k in (0, 1):
                for m in (0, 1):
                    taps[:, a, b, :, int(a >= k), int(b >= m)] += weight[:, :, k, m].T
    layer.weight.copy_(taps.reshape(4 * outputs, inputs, 2, 2))
    layer.bias.copy_(conv.bias.repeat_interleave(4))  # type: ignore
    return layer


def _copy(dense: nn.Linear) -> nn.Linear:
    layer = nn.Linear(dense.in_features, dense.out_features)
    layer.load_state_dict(dense.state_dict())
    return layer
