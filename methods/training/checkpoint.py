"""Checkpoints that survive a kill: safetensors with a JSON header, replaced atomically."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from bench.errors import Unavailable


def save_checkpoint(path: Path, parts: dict[str, Any], state: dict[str, Any]) -> None:
    """Write modules, optimisers and a JSON state; a kill leaves the old or the new file, whole.

    Parameters
    ----------
    path : Path
    parts : dict
        Modules and optimisers by name.
    state : dict
        What JSON can hold: step, elapsed seconds, history.
    """
    tensors: dict[str, Tensor] = {}
    for name, part in parts.items():
        flat = part.state_dict() if isinstance(part, nn.Module) else optimiser_tensors(part)
        tensors.update({f"{name}/{key}": _plain(value) for key, value in flat.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, metadata={"state": json.dumps(state)})
    with partial.open("rb+") as stream:
        os.fsync(stream.fileno())
    partial.replace(path)


def read_state(path: Path) -> dict[str, Any]:
    """Read a checkpoint's JSON state alone.

    Raises
    ------
    Unavailable
        If the file is no such checkpoint.
    """
    with _opened(path) as stream:
        return json.loads(stream.metadata()["state"])


def load_checkpoint(path: Path, parts: dict[str, Any]) -> dict[str, Any]:
    """Read what :func:`save_checkpoint` wrote into the parts, and return the state.

    Raises
    ------
    Unavailable
        If the file is no such checkpoint.
    """
    with _opened(path) as stream:
        state = json.loads(stream.metadata()["state"])
        tensors = {key: stream.get_tensor(key) for key in stream.keys()}  # noqa: SIM118
    for name, part in parts.items():
        own = {
            key.removeprefix(f"{name}/"): value
            for key, value in tensors.items()
            if key.startswith(f"{name}/")
        }
        try:
            if isinstance(part, nn.Module):
                part.load_state_dict(own)
            else:
                load_optimiser_tensors(part, own)
        except (RuntimeError, LookupError, ValueError, TypeError) as error:
            raise Unavailable(
                f"{path} is of another recipe or version ({name!r} does not fit); delete it to "
                "start afresh."
            ) from error
    return state


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with safe_open(path, framework="pt") as stream:
            yield stream
    except Exception as error:
        raise Unavailable(
            f"{path} is no readable checkpoint ({error}); delete it to start afresh."
        ) from error


def optimiser_tensors(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Flatten an optimiser's state to ``index.name`` tensors."""
    return {
        f"{index}.{name}": value
        for index, slot in optimiser.state_dict()["state"].items()
        for name, value in slot.items()
    }


def load_optimiser_tensors(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Undo :func:`optimiser_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        index, _, name = key.partition(".")
        state.setdefault(int(index), {})[name] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    for parameter, slot in optimiser.state.items():
        for name, value in slot.items():
            if value.shape == parameter.shape:
                # Fused optimisers walk memory, so moments must lie as their parameter does.
                slot[name] = torch.empty_like(parameter).copy_(value)


def _plain(value: Tensor) -> Tensor:
    # Channels-last tensors are views that safetensors would refuse.
    return value.detach().clone(memory_format=torch.contiguous_format)
