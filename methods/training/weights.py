"""Weights as safetensors: half precision, or eight bits where that costs nothing measurable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bench.datasets.locations import checksum

Precision = Literal["float32", "float16", "int8"]
SCALE = "#scale"
"""Ending of the name under which a quantised tensor's scales stand."""
LEVELS = 127


def write_weights(
    name: str,
    modules: dict[str, nn.Module],
    card: dict[str, Any],
    folder: Path,
    *,
    precision: Precision = "float16",
) -> None:
    """Write modules by name, and the card with their SHA-256.

    Parameters
    ----------
    name : str
        Of the files, without suffix.
    modules : dict of str to nn.Module
    card : dict
        Gains ``file``, ``sha256``, ``precision`` and ``bytes``.
    folder : Path
        Created if need be.
    precision : {"float16", "float32", "int8"}
        ``int8`` rounds matrices and filters to 255 levels, scaled for each output; vectors stay
        in half precision.
    """
    tensors: dict[str, Tensor] = {}
    for part, module in modules.items():
        for key, value in module.state_dict().items():
            if not key.endswith("num_batches_tracked"):
                tensors |= _packed(f"{part}/{key}", value.detach(), precision)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    partial = path.with_suffix(".partial")
    save_file(tensors, partial)
    partial.replace(path)
    path.chmod(0o644)  # safetensors writes for the owner alone
    card["file"], card["sha256"] = path.name, checksum(path)
    card["precision"], card["bytes"] = precision, path.stat().st_size
    write_card(name, card, folder)


def write_card(name: str, card: dict[str, Any], folder: Path) -> None:
    """Write a card; a kill leaves the old or the new one, whole."""
    partial = folder / f"{name}.partial"
    partial.write_text(json.dumps(card, indent=1) + "\n")
    partial.replace(folder / f"{name}.json")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read what :func:`write_weights` wrote, as float32 by ``part/key``."""
    tensors = load_file(path)
    return {
        key: _unpacked(value, tensors.get(key + SCALE))
        for key, value in tensors.items()
        if not key.endswith(SCALE)
    }


def _packed(name: str, value: Tensor, precision: Precision) -> dict[str, Tensor]:
    if precision != "int8" or value.ndim < 2:
        kind = torch.float32 if precision == "float32" else torch.float16
        return {name: value.to(kind).contiguous()}
    rows = value.float().flatten(1)
    scale = (rows.abs().amax(1) / LEVELS).clamp_min(1e-12)
    levels = (rows / scale[:, None]).round().to(torch.int8)
    return {name: levels.view(value.shape).contiguous(), name + SCALE: scale}


def _unpacked(value: Tensor, scale: Tensor | None) -> Tensor:
    if scale is None:
        return value.float()
    return value.float() * scale.view(-1, *[1] * (value.ndim - 1))
