"""Weights as safetensors: half precision, or eight bits where that costs nothing measurable."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bench.checksums import checksum
from bench.errors import BenchError, Unavailable
from bench.methods.training.cards import write_card

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


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file.

    Raises
    ------
    Unavailable
        If it is none, or damaged.
    """
    try:
        return load_file(path)
    except Exception as error:  # safetensors has an error of its own, and the system's
        raise Unavailable(
            f"The weights {path} are damaged ({error}); restore them from the repository."
        ) from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read what :func:`write_weights` wrote, as float32 by ``part/key``.

    Raises
    ------
    Unavailable
        If it is no such file.
    """
    tensors = read_tensors(path)
    return {
        key: _unpacked(value, tensors.get(key + SCALE))
        for key, value in tensors.items()
        if not key.endswith(SCALE)
    }


@contextlib.contextmanager
def built_from(path: Path) -> Iterator[None]:
    """Say which weights do not fit, where what is built from a card and weights fails.

    Raises
    ------
    Unavailable
    """
    try:
        yield
    except (RuntimeError, LookupError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, BenchError):
            raise
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Unavailable(
            f"{path} and its card are of another version than the code, or foreign "
            f"({type(error).__name__}: {reason[:200]}); restore both from one commit, or train "
            "them again."
        ) from error


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
