"""Transposed convolutions as matrix products.

A stride-2 transposed convolution is one matrix product, from input channels to all taps and output
channels, and a sum of shifted results. On small maps with many channels that beats the library's
convolution in float32; and processors that multiply bfloat16 twice as fast then train the 5×5
decoder in half the time: products are accumulated in float32, sums and statistics stay float32, and
gradients differ by the rounding of bfloat16 (a few per cent of noise in the first layers, none in
the bias of an expected kind).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class SameTransposedMatmul(torch.autograd.Function):
    """5×5 stride-2 transposed convolution with "same" padding, without bias."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, matrix: Tensor) -> Tensor:
        """Map x (N, H, W, in) with a matrix by :func:`taps_matrix` to (N, 2H, 2W, out)."""
        count, height, width, inputs = x.shape
        outputs = matrix.shape[1] // 25
        rows = x.reshape(-1, inputs).to(matrix.dtype)
        taps = (rows @ matrix).view(count, height, width, 5, 5, outputs)
        # Output pixel o = 2i + k − 1 is stored at o + 1; the borders are cropped.
        out = x.new_zeros(count, 2 * height + 4, 2 * width + 4, outputs)
        for a in range(5):
            for b in range(5):
                out[:, a : a + 2 * height : 2, b : b + 2 * width : 2] += taps[:, :, :, a, b]
        ctx.save_for_backward(rows if ctx.needs_input_grad[1] else None, matrix)
        ctx.sizes = (count, height, width, inputs, outputs)
        return out[:, 1 : 1 + 2 * height, 1 : 1 + 2 * width]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return gradients by x and matrix."""
        rows, matrix = ctx.saved_tensors
        count, height, width, inputs, outputs = ctx.sizes
        padded = gradients[0].new_zeros(count, 2 * height + 4, 2 * width + 4, outputs)
        padded[:, 1 : 1 + 2 * height, 1 : 1 + 2 * width] = gradients[0]
        taps = matrix.new_empty(count, height, width, 5, 5, outputs)
        for a in range(5):
            for b in range(5):
                taps[:, :, :, a, b] = padded[:, a : a + 2 * height : 2, b : b + 2 * width : 2]
        flat = taps.view(-1, 25 * outputs)
        by_x = (flat @ matrix.T).to(padded.dtype).view(count, height, width, inputs)
        return by_x, None if rows is None else rows.T @ flat


def taps_matrix(weight: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the matrix (in, 25 · out) of a 5×5 transposed convolution's weight (in, out, 5, 5)."""
    return weight.permute(0, 2, 3, 1).reshape(len(weight), -1).to(dtype)


def same_transposed(x: Tensor, matrix: Tensor, bias: Tensor | None) -> Tensor:
    """Apply :class:`SameTransposedMatmul` to (N, in, H, W); returns (N, out, 2H, 2W)."""
    out = SameTransposedMatmul.apply(x.permute(0, 2, 3, 1), matrix).permute(0, 3, 1, 2)
    return out if bias is None else out + bias[:, None, None]


def tiled_transposed(x: Tensor, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    """2×2 stride-2 transposed convolution as one product: (N, in, H, W) to (N, out, 2H, 2W)."""
    count, inputs, height, width = x.shape
    outputs = weight.shape[1]
    matrix = weight.permute(0, 2, 3, 1).reshape(inputs, 4 * outputs).to(dtype)
    taps = (x.permute(0, 2, 3, 1).reshape(-1, inputs).to(dtype) @ matrix).float()
    taps = taps.view(count, height, width, 2, 2, outputs).transpose(2, 3)
    out = taps.reshape(count, 2 * height, 2 * width, outputs).permute(0, 3, 1, 2)
    return out if bias is None else out + bias[:, None, None]
