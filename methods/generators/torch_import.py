"""Read the authors' PyTorch weights: ``pggan_generator.pth`` and the pickled ``blur_generator.pt``.

Nothing is unpickled blindly: PyTorch's restricted reader (``weights_only=True``) builds tensors and
containers alone, and so does ours of its old format (:mod:`bench.methods.generators.torch_legacy`).
A pickled module needs its classes; in their place stands a shell that keeps the state it is given
and runs nothing.

The published generator normalises pixels *before* each convolution, which is ours after each
activation, and multiplies what a convolution gives by one number per layer, which goes into the
weights. Its first layer is a 4×4 convolution of a single padded pixel: a dense layer, turned.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import InvalidInput, Unavailable
from bench.methods.generators.architectures import MotionBlurDecoder
from bench.methods.generators.progressive import PGGANDecoder
from bench.methods.generators.torch_legacy import Shell, read_legacy

SUFFIXES = (".pt", ".pth")
"""Endings of files that are PyTorch's; others are Keras's."""
CLASSES = (
    "blur_model.blur",
    "__main__.blur",
    "torch.nn.modules.linear.Linear",
    "torch.nn.modules.upsampling.Upsample",
    "torch.nn.modules.conv.ConvTranspose2d",
    "torch.nn.backends.thnn._get_thnn_function_backend",
)
"""Names in the authors' file; the last is a function that modules of 2019 refer to."""


def read_state(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file by name, from a state dictionary or a pickled module.

    Raises
    ------
    Unavailable
        If the file is missing, damaged, or names anything but tensors and the authors' classes.
    """
    try:
        if zipfile.is_zipfile(path):
            with torch.serialization.safe_globals([(Shell, name) for name in CLASSES]):
                found = torch.load(path, map_location="cpu", weights_only=True)
        else:
            found = read_legacy(path, CLASSES)
    except Exception as error:  # whatever the damage leads the reader to
        reason = str(error).strip().rpartition("WeightsUnpickler error: ")[2].partition("\n")[0]
        raise Unavailable(f"{path} is no PyTorch weights file of tensors ({reason}).") from error
    state = dict(_tensors(found) if isinstance(found, Shell) else _named(found))
    if not state:
        raise Unavailable(f"{path} holds no tensors by name.")
    return state


def _named(found: Any) -> Iterator[tuple[str, Tensor]]:
    if isinstance(found, Mapping):
        yield from ((str(k), v.detach()) for k, v in found.items() if isinstance(v, Tensor))


def _tensors(module: Shell, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Return the parameters of a pickled module by the names that its state dictionary would
    have."""
    for name, value in _named(vars(module).get("_parameters")):
        yield prefix + name, value
    children = vars(module).get("_modules")
    for name, child in children.items() if isinstance(children, Mapping) else ():
        if isinstance(child, Shell):
            yield from _tensors(child, f"{prefix}{name}.")


@torch.no_grad()
def load_torch(decoder: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copy the authors' weights into a decoder of ours.

    Raises
    ------
    InvalidInput
        If the decoder is neither, or the file lacks one of its tensors or has another shape.
    """
    if isinstance(decoder, PGGANDecoder):
        translated = _pggan(decoder, _Tensors(state))
    elif isinstance(decoder, MotionBlurDecoder):
        translated = _motion_blur(_Tensors(state))
    else:
        raise InvalidInput(f"No PyTorch weights of a {type(decoder).__name__} were published.")
    for name, own in decoder.state_dict().items():
        if translated[name].shape != own.shape:
            raise InvalidInput(
                f"The file has {name} of shape {tuple(translated[name].shape)}; "
                f"{type(decoder).__name__} has {tuple(own.shape)}."
            )
        own.copy_(translated[name])


class _Tensors(dict[str, Tensor]):
    """Tensors by name; one that is missing is said."""

    def __missing__(self, name: str) -> Tensor:
        raise InvalidInput(f"The file has no {name}; it has: {', '.join(sorted(self)[:12])}.")


def _pggan(decoder: PGGANDecoder, state: _Tensors) -> dict[str, Tensor]:
    """Translate ``features.N`` and ``output``, each a convolution and its ``wscale``."""
    sources = [f"features.{index}" for index in range(len(decoder.convs) + 1)] + ["output"]
    layers: list[Any] = [decoder.dense, *decoder.convs, decoder.output]
    targets = ["dense", *(f"convs.{index}" for index in range(len(decoder.convs))), "output"]
    found = {}
    for source, layer, target in zip(sources, layers, targets, strict=True):
        weight = state[f"{source}.conv.weight"] * state[f"{source}.wscale.scale"] / layer.gain
        bias = state[f"{source}.wscale.b"]
        if layer is decoder.dense:
            if weight.ndim != 4 or weight.shape[-2:] != (4, 4):
                raise InvalidInput(f"The first layer is {tuple(weight.shape)}, not of 4×4 pixels.")
            weight = weight.flip(2, 3).permute(0, 2, 3, 1).flatten(0, 2)
            bias = bias.repeat_interleave(16)
        found[f"{target}.weight"], found[f"{target}.bias"] = weight, bias
    return found


def _motion_blur(state: _Tensors) -> dict[str, Tensor]:
    names = {"dense": "dense", "convs.0": "conv2Dt1", "convs.1": "conv2Dt2", "output": "conv2Dt3"}
    return {
        f"{ours}.{part}": state[f"{theirs}.{part}"]
        for ours, theirs in names.items()
        for part in ("weight", "bias")
    }
