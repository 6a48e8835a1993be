"""Starting a generator at the linear solution (principal components) instead of at noise.

A decoder whose strides tile the image can carry a linear model exactly: every ReLU layer holds
pairs ``ReLU(a), ReLU(−a)`` whose difference is ``a``, and every stride-2 layer writes the 2×2
children of a pixel. The layer before the image needs 12 numbers per 2×2 block (3 colours), the one
before it 48 per 4×4 block, then 192 per 8×8; where a layer has fewer, the leading principal
components of such blocks are kept, which smooth images barely notice. Batch norms start as the
identity on the data (scale = its standard deviation, shift = its mean). Training then only has to
learn what is not linear.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.methods.generators.architectures import DCGANDecoder, LinearPlusConvEncoder, SVHNDecoder

Decoder = SVHNDecoder | DCGANDecoder


def principal_components(
    data: Tensor, count: int, *, rounds: int = 4, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Leading principal components by randomised subspace iteration.

    Parameters
    ----------
    data : Tensor, shape (N, D)
    count : int
    rounds : int
        Iterations of the subspace.
    seed : int

    Returns
    -------
    mean : Tensor, shape (D,)
    basis : Tensor, shape (D, count)
        Orthonormal columns, by decreasing variance.
    spread : Tensor, shape (count,)
        Standard deviation along each column.
    """
    mean = data.mean(0)
    centred = data - mean
    source = torch.Generator().manual_seed(seed)
    basis = torch.randn(data.shape[1], min(count + 16, *data.shape), generator=source)
    for _ in range(rounds):
        basis = torch.linalg.qr(centred.T @ (centred @ basis)).Q
    _, singular, right = torch.linalg.svd(centred @ basis, full_matrices=False)
    basis = basis @ right.T
    return mean, basis[:, :count], singular[:count] / len(data) ** 0.5


def logits(images: Tensor, decoder: Decoder, margin: float = 0.02) -> Tensor:
    """Invert the decoder's last activation for images in [0, 1], kept ``margin`` off its limits."""
    x = images.clamp(margin, 1 - margin).logit()
    return x / 2 if decoder.output_range[0] < 0 else x  # tanh(u) = 2·sigmoid(2u) − 1


@torch.no_grad()
def start_linear(
    decoder: Decoder, encoder: LinearPlusConvEncoder | None, images: Tensor, *, noise: float = 0.3
) -> None:
    """Set a decoder (and the encoder's linear part) to the principal components of images.

    Parameters
    ----------
    decoder : SVHNDecoder or DCGANDecoder
    encoder : LinearPlusConvEncoder or None
    images : Tensor, shape (N, 3, H, W), in [0, 1]
        A few thousand are enough.
    noise : float
        How much of the usual random initialisation stays in the weights that the linear model
        does not use.
    """
    u = logits(images, decoder)
    mean, basis, spread = principal_components(u.flatten(1), decoder.latent_size)
    codes = (u.flatten(1) - mean) @ basis / spread
    if encoder is not None:
        # The linear part sees pixels, not logits: the regression of the codes on the pixels.
        x = images.flatten(1)
        x_mean, x_basis, x_spread = principal_components(x, 4 * decoder.latent_size)
        scores = (x - x_mean) @ x_basis / x_spread
        map_ = (scores.T @ codes / len(codes)).T @ (x_basis / x_spread).T
        encoder.linear.weight.copy_(map_)
        encoder.linear.bias.copy_(-(map_ @ x_mean))
    _embed(decoder, mean.view(u.shape[1:]), (basis * spread), codes, noise)


def _embed(decoder: Decoder, mean: Tensor, basis: Tensor, codes: Tensor, noise: float) -> None:
    """Write the linear model ``mean + basis · code`` into the decoder's layers."""
    decoder.train()
    fitted = (codes[:512] @ basis.T).view(-1, *mean.shape)
    blocks = _block_bases(decoder, fitted)
    grid = mean.shape[-1] // 4  # pixels of the image per position of the dense layer
    top = blocks[0]
    patches = _patches(basis.T.reshape(-1, *mean.shape), grid) @ top  # (d, 16, components)
    offset = _patches(mean[None], grid)[0] @ top
    paired = torch.cat([patches, -patches], -1)
    weight = _padded(paired, 512, -1).permute(1, 2, 0).flatten(0, 1)
    shift = _padded(torch.cat([offset, -offset], -1), 512, -1).flatten()
    decoder.dense.weight.mul_(noise * (weight == 0)).add_(weight)
    decoder.dense.bias.mul_(0).add_(shift)

    layers = [*decoder.convs]
    for layer, parent, child in zip(layers, blocks, [*blocks[1:]], strict=False):
        _set_block(layer, parent, child, noise)
    if isinstance(decoder, SVHNDecoder):
        top = blocks[-1]  # one pixel: the colours themselves
        decoder.output.weight.mul_(noise)
        w = torch.cat([top, -top], 1)
        decoder.output.weight[:, : w.shape[1], 0, 0] = w
        nn.init.zeros_(decoder.output.bias)  # type: ignore[arg-type]
    else:
        _set_block(decoder.output, blocks[-1], None, noise)
    _calibrate(decoder, codes[:512])


def _block_bases(decoder: Decoder, fitted: Tensor) -> list[Tensor]:
    """Orthonormal bases (block pixels, components) of what each layer's channels stand for."""
    widths = [512, *(int(conv.bias.numel()) for conv in decoder.convs)]  # type: ignore[operator]
    side = fitted.shape[-1] // 4
    bases = []
    for width in widths:
        patches = _patches(fitted, side).flatten(0, 1)
        patches = patches[torch.randperm(len(patches))[:16384]]
        count = min(width // 2, patches.shape[1])
        values = torch.linalg.eigh(patches.T @ patches)
        bases.append(values.eigenvectors.flip(1)[:, :count])
        side //= 2
    return bases


def _set_block(layer: nn.Module, parent: Tensor, child: Tensor | None, noise: float) -> None:
    """Let a stride-2 layer write each position's 2×2 children, exactly up to the child's basis."""
    weight = layer.weight  # (in, out, k, k)
    assert isinstance(weight, Tensor)
    first = 1 if weight.shape[-1] == 5 else 0  # taps 1 and 2 of a 5×5 "same" kernel: the block
    side = round((len(parent) // 3) ** 0.5)
    pixels = parent.T.reshape(-1, 3, side, side)
    half = side // 2
    weight.mul_(noise)
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    count = parent.shape[1]
    for row in (0, 1):
        for col in (0, 1):
            part = pixels[:, :, row * half : (row + 1) * half, col * half : (col + 1) * half]
            value = part.reshape(count, -1)
            if child is not None:
                value = value @ child
                value = torch.cat([value, -value], 1)
            tap = weight[:, :, first + row, first + col]
            tap[:count, : value.shape[1]] = value
            tap[count : 2 * count, : value.shape[1]] = -value
    # The pairs' own channels must not receive noise from one another, or the start is not linear.
    rest = value.shape[1]
    keep = torch.zeros_like(weight[0, 0], dtype=torch.bool)
    keep[first : first + 2, first : first + 2] = True
    weight[:, :rest] *= keep
    weight[2 * count :, :rest] = 0


def _calibrate(decoder: Decoder, codes: Tensor) -> None:
    """Make every batch norm the identity on these codes."""
    hooks = []

    def identity(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        variance, mean = torch.var_mean(inputs[0], (0, 2, 3), unbiased=False)
        norm.weight.copy_((variance + norm.eps).sqrt().clamp_min(1e-2))  # type: ignore
        norm.bias.copy_(mean)  # type: ignore
        norm.running_mean.copy_(mean)  # type: ignore
        norm.running_var.copy_(variance)  # type: ignore

    for norm in decoder.norms:
        hooks.append(norm.register_forward_pre_hook(identity))
    decoder.preactivation(codes)
    for hook in hooks:
        hook.remove()


def _patches(images: Tensor, side: int) -> Tensor:
    """Cut (N, 3, H, W) into blocks: (N, blocks, 3·side·side)."""
    return functional.unfold(images, side, stride=side).transpose(1, 2)


def _padded(x: Tensor, size: int, dim: int) -> Tensor:
    assert dim == -1
    return functional.pad(x, (0, size - x.shape[-1]))
