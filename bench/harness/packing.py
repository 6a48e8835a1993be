"""Restorations as bytes: how they cross from a worker and lie in the store."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import safetensors.numpy
import torch

from bench.protocol import Restoration

IMAGE_LEVELS = 65535
"""Images are kept as 16-bit integers: a rounding of 4e-6, far below any metric's digits."""

COSTS = ("generator_evaluations", "iterations", "restarts", "seconds")


@dataclasses.dataclass(frozen=True)
class Packed:
    """A restoration as JSON (what it cost) and safetensors bytes (its arrays)."""

    cost: str
    arrays: bytes


def pack(restoration: Restoration) -> Packed:
    """Turn a restoration into bytes; :func:`unpack` reverses it up to the rounding of the image."""
    image = restoration.image.float().clamp(0, 1).mul(IMAGE_LEVELS).round()
    tensors = {
        "image": image.to(torch.int32),
        "kernel": restoration.kernel,
        "residual": restoration.residual,
        **{f"record.{name}": value for name, value in restoration.records.items()},
    }
    arrays = {
        name: np.ascontiguousarray(value.detach().cpu().numpy())
        for name, value in tensors.items()
        if value is not None
    }
    arrays["image"] = arrays["image"].astype(np.uint16)
    cost = {name: getattr(restoration, name) for name in COSTS}
    return Packed(json.dumps(cost), safetensors.numpy.save(arrays))


def unpack(packed: Packed) -> Restoration:
    """Return the restoration that was packed, its image in [0, 1]."""
    arrays = safetensors.numpy.load(packed.arrays)
    image = arrays.pop("image").astype(np.float32) / IMAGE_LEVELS
    kernel, residual = arrays.pop("kernel", None), arrays.pop("residual", None)
    return Restoration(
        image=torch.from_numpy(image),
        kernel=None if kernel is None else torch.from_numpy(kernel),
        residual=None if residual is None else torch.from_numpy(residual),
        records={
            name.removeprefix("record."): torch.from_numpy(value) for name, value in arrays.items()
        },
        **json.loads(packed.cost),
    )


def split(restoration: Restoration) -> list[Restoration]:
    """Cut a restoration of N images into N restorations of one."""

    def only(value: torch.Tensor | None, position: int) -> torch.Tensor | None:
        return None if value is None else value[position : position + 1]

    return [
        dataclasses.replace(
            restoration,
            image=restoration.image[position : position + 1],
            kernel=only(restoration.kernel, position),
            residual=only(restoration.residual, position),
            records={
                name: value[position : position + 1] for name, value in restoration.records.items()
            },
        )
        for position in range(len(restoration.image))
    ]
