"""Convolutions that pad circularly and stay channels last."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import InvalidInput


class CircularConv2d(nn.Conv2d):
    """A convolution with circular padding that stays channels last.

    PyTorch's own circular padding returns channels first, and every layer then converts its input
    and its gradients back: two thirds of a training step.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, C', H', W'); without a stride the size stays."""
        side = self.kernel_size[0] // 2
        padded = CircularPad.apply(x, side) if side else x
        return functional.conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)


class CircularPad(torch.autograd.Function):
    """Pad (N, C, H, W) on its four sides with what lies at the opposite ones, channels last."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, side: int) -> Tensor:
        """Pad by ``side`` pixels, at most H and W."""
        ctx.side = side
        n, c, h, w = x.shape
        if side > min(h, w):
            raise InvalidInput(f"Images of {h}×{w} pixels cannot be padded circularly by {side}.")
        padded = torch.empty(
            (n, c, h + 2 * side, w + 2 * side),
            dtype=x.dtype,
            device=x.device,
            memory_format=torch.channels_last,
        )
        padded[:, :, side:-side, side:-side] = x
        padded[:, :, :side, side:-side] = x[:, :, -side:]
        padded[:, :, -side:, side:-side] = x[:, :, :side]
        padded[..., :side] = padded[..., w : w + side]
        padded[..., -side:] = padded[..., side : 2 * side]
        return padded

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """Add the margins' gradient where the margins came from."""
        side = ctx.side
        h, w = (size - 2 * side for size in gradient.shape[2:])
        folded = gradient.clone(memory_format=torch.channels_last)
        folded[..., w : w + side] += folded[..., :side]
        folded[..., side : 2 * side] += folded[..., w + side :]
        folded[:, :, h : h + side] += folded[:, :, :side]
        folded[:, :, side : 2 * side] += folded[:, :, h + side :]
        inner = folded[:, :, side:-side, side:-side]
        return inner.contiguous(memory_format=torch.channels_last), None


def circular(
    inputs: int, outputs: int, side: int, *, stride: int = 1, groups: int = 1
) -> CircularConv2d:
    """Return a convolution of odd ``side`` that keeps the size, but for the stride."""
    return CircularConv2d(inputs, outputs, side, stride, groups=groups)
