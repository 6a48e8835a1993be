"""Convert the authors' Keras weights (``motionblur.h5``, ``svhn.h5``, ``shoes.h5``, ``celeba.h5``).

Those of their PGGAN experiment are PyTorch's (:mod:`bench.methods.generators.torch_import`); this
module is the command for either.

HDF5 is read as arrays; nothing is unpickled and Keras is not needed. Layers are found by the
shapes of their weights, in order, so whole models, weights alone and encoder–decoder pairs in one
file all convert. What differs between the libraries:

- dense kernels are (in, out), PyTorch's (out, in);
- convolution kernels are (h, w, in, out), transposed ones (h, w, out, in);
- dense outputs are reshaped to (H, W, C); our decoders do the same;
- batch norm's epsilon is no weight: 1e-3 for the VAEs, 1e-5 for the DCGANs.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor, nn

from bench.checksums import checksum
from bench.errors import InvalidInput, Unavailable, UnknownName
from bench.methods.generators import architectures
from bench.methods.generators.loading import WEIGHTS
from bench.methods.generators.torch_import import SUFFIXES, load_torch, read_state
from bench.methods.training.cards import read_card
from bench.methods.training.weights import built_from, write_weights

DECODERS = {
    "svhn": "SVHNDecoder",
    "shoes": "DCGANDecoder",
    "celeba": "DCGANDecoder",
    "motion-blur": "MotionBlurDecoder",
    "faces128": "PGGANDecoder",
    "motion-blur-32": "MotionBlur32Decoder",
}

MAX_BYTES = 1 << 30
"""Largest array that is read: more than any decoder has."""

EXAMPLES = """\
examples:
  python -m bench import-weights celeba.h5 celeba
  python -m bench import-weights pggan_generator.pth faces128
"""

Unit = dict[str, np.ndarray]
"""The arrays of one Keras layer: kernel and bias, or gamma, beta and the moving statistics."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", type=Path, help="the authors' .h5, .pth or .pt file")
    parser.add_argument("image_class", choices=sorted(DECODERS), help="what it draws")
    parser.add_argument("--name", help="of the generator; default CLASS-published")
    parser.add_argument("--folder", type=Path, default=WEIGHTS, help="where weights are written")


def run(args: argparse.Namespace) -> int:
    """Convert one file."""
    name = f"{args.image_class}-published" if args.name is None else args.name
    _check_name(name, args.folder)
    card = convert(args.file, args.image_class, name, args.folder)
    print(f"wrote {args.folder / card['file']}; use it as the generator {name!r}")
    return 0


def _check_name(name: str, folder: Path) -> None:
    """Refuse a name that leaves the folder, or that is of a generator trained here."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]{0,80}", name, re.ASCII):
        raise InvalidInput(f"The --name {name!r} is none; use letters, digits and hyphens.")
    card = folder / f"{name}.json"
    if card.is_file() and "source_sha256" not in read_card(card):
        raise InvalidInput(f"The generator {name!r} was trained here; choose another --name.")


def convert(path: Path, image_class: str, name: str, folder: Path = WEIGHTS) -> dict[str, Any]:
    """Write a Keras or PyTorch file's decoder as weights of ours, with a card, and return the card.

    Parameters
    ----------
    path : Path
    image_class : {"svhn", "shoes", "celeba", "motion-blur", "faces128", "motion-blur-32"}
    name : str
        Of the new generator.
    folder : Path

    Raises
    ------
    UnknownName
        For another image class.
    Unavailable
        If the file is missing or of neither kind.
    InvalidInput
        If it does not hold this decoder.
    """
    if image_class not in DECODERS:
        raise UnknownName(f"There is no decoder for {image_class!r}; try {', '.join(DECODERS)}.")
    decoder = architectures.DECODERS[DECODERS[image_class]]()
    if path.suffix in SUFFIXES:
        load_torch(decoder, read_state(path))
    else:
        units = read_units(path)
        with built_from(path):
            load_keras(decoder, units)
    card = {
        "name": name,
        "title": f"The authors' {image_class} generator, converted from {path.name}",
        "image_class": image_class,
        "decoder": DECODERS[image_class],
        "encoder": "",
        "latent_size": decoder.latent_size,
        "image_shape": list(decoder.image_shape),
        "source": path.name,
        "source_sha256": checksum(path),
    }
    write_weights(name, {"decoder": decoder}, card, folder, precision="float32")
    return card


def read_units(path: Path) -> list[Unit]:
    """Read the layers of a Keras HDF5 file that have weights, in the file's order."""
    try:
        with h5py.File(path, "r") as file:
            root = file.get("model_weights", file)
            units: dict[str, Unit] = {}
            for layer in _names(root, "layer_names"):
                for weight in _names(root[layer], "weight_names"):
                    # A model within a model lists all its trainable weights first, so a layer's
                    # arrays are put together by name, not by place.
                    owner, _, kind = weight.rpartition("/")
                    unit = units.setdefault(f"{layer}/{owner}", {})
                    values = root[layer][weight]
                    if values.nbytes > MAX_BYTES:
                        raise ValueError(f"{weight} says that it has {values.nbytes} bytes")
                    unit[kind.split(":")[0]] = np.asarray(values)
    except Exception as error:  # HDF5 raises whatever the damage leads it to
        raise Unavailable(f"{path} is no Keras weights file ({error}).") from error
    return list(units.values())


@torch.no_grad()
def load_keras(decoder: nn.Module, units: list[Unit]) -> None:
    """Copy the run of Keras layers that fits into a decoder.

    Raises
    ------
    InvalidInput
        If no run of layers has the decoder's shapes.
    """
    layers = weighted_layers(decoder)
    for start in range(len(units) - len(layers), -1, -1):  # the decoder is last
        chosen = units[start : start + len(layers)]
        states = [_state(layer, unit) for layer, unit in zip(layers, chosen, strict=True)]
        if all(state is not None for state in states):
            for layer, state in zip(layers, states, strict=True):
                layer.load_state_dict({**layer.state_dict(), **state})  # type: ignore[dict-item]
            return
    shapes = str([{k: v.shape for k, v in unit.items()} for unit in units])
    raise InvalidInput(
        f"No run of layers in the file fits {type(decoder).__name__}; it has {shapes[:500]}."
    )


def weighted_layers(decoder: nn.Module) -> list[Any]:
    """Return the layers with weights in the order in which the decoder applies them."""
    convs = list(decoder.convs)  # type: ignore[arg-type]
    norms = list(getattr(decoder, "norms", []))
    order: list[Any] = [decoder.dense]
    if len(norms) > len(convs):
        order.append(norms.pop(0))
    for index, conv in enumerate(convs):
        order.append(conv)
        if norms:
            order.append(norms[index])
    return [*order, decoder.output]


def _state(layer: nn.Module, unit: Unit) -> dict[str, Tensor] | None:
    """Translate a Keras layer's arrays to a layer of ours, or None if they do not fit."""
    if isinstance(layer, nn.BatchNorm2d):
        if "moving_mean" not in unit or unit["moving_mean"].shape != layer.running_mean.shape:  # type: ignore[union-attr]
            return None
        width = unit["moving_mean"].shape
        return {
            "weight": torch.from_numpy(unit.get("gamma", np.ones(width, np.float32))),
            "bias": torch.from_numpy(unit.get("beta", np.zeros(width, np.float32))),
            "running_mean": torch.from_numpy(unit["moving_mean"]),
            "running_var": torch.from_numpy(unit["moving_variance"]),
        }
    if "kernel" not in unit:
        return None
    kernel = torch.from_numpy(unit["kernel"])
    weight = layer.weight
    assert isinstance(weight, Tensor)
    axes = {
        nn.Linear: ((1, 0),),
        nn.Conv2d: ((3, 2, 0, 1), (2, 3, 0, 1)),  # a 1×1 layer may be stored as transposed
    }.get(type(layer), ((3, 2, 0, 1),))
    for order in axes:
        if kernel.ndim == len(order) and kernel.permute(order).shape == weight.shape:
            size = layer.bias.shape
            bias = torch.from_numpy(unit.get("bias", np.zeros(size, np.float32)))  # type: ignore[arg-type]
            return {"weight": kernel.permute(order).contiguous(), "bias": bias}
    return None


def _names(group: Any, attribute: str) -> list[str]:
    # Long lists are cut into numbered attributes, since HDF5 limits the size of one.
    if attribute in group.attrs:
        values = list(group.attrs[attribute])
    else:
        values, part = [], 0
        while f"{attribute}{part}" in group.attrs:
            values += list(group.attrs[f"{attribute}{part}"])
            part += 1
    return [v.decode() if isinstance(v, bytes) else str(v) for v in values]
