"""Restorations and answers as bytes: how they cross from a worker and lie in the store."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import safetensors.numpy

from bench.protocol import Restoration, Status
from bench.protocol.status import ANSWERS

if TYPE_CHECKING:
    import torch

IMAGE_LEVELS = 65535
"""Images are kept as 16-bit integers: a rounding of 4e-6, far below any metric's digits."""

COSTS = ("generator_evaluations", "iterations", "restarts", "seconds")

ANSWER_FORMS = ([str, str, str, int], [str, str, type(None), int])
"""Types of an answer's parts in a message: with a restoration, and without."""


@dataclasses.dataclass(frozen=True)
class Packed:
    """A restoration as JSON (what it cost) and safetensors bytes (its arrays)."""

    cost: str
    arrays: bytes

    @property
    def seconds(self) -> float | None:
        """What it took; None if that is not known."""
        return json.loads(self.cost).get("seconds")


@dataclasses.dataclass(frozen=True)
class Answer:
    """A worker's word on one cell: a packed restoration, or a status and why."""

    status: str
    reason: str = ""
    restoration: Packed | None = None


def pack(restoration: Restoration) -> Packed:
    """Turn a restoration into bytes; :func:`unpack` reverses it up to the rounding of the image."""
    import torch

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
    import torch  # which reading a table of a store does not need

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


def encode(answers: Sequence[Answer]) -> bytes:
    """Put answers into a message: a line of JSON, then the restorations' arrays.

    No pickle: whoever computes cells runs other people's code, and a pickle would bring it along.
    """
    packed = [answer.restoration or Packed("", b"") for answer in answers]
    header = [
        [
            answer.status,
            answer.reason,
            answer.restoration and answer.restoration.cost,
            len(p.arrays),
        ]
        for answer, p in zip(answers, packed, strict=True)
    ]
    return b"\n".join([json.dumps(header).encode(), b"".join(p.arrays for p in packed)])


def decode(message: bytes, count: int) -> list[Answer]:
    """Read what :func:`encode` wrote.

    Raises
    ------
    ValueError
        If that is not what it is.
    """
    line, _, arrays = message.partition(b"\n")
    answers, start = [], 0
    header = json.loads(line)
    if not isinstance(header, list) or len(header) != count:
        raise ValueError("it does not have an answer for each image")
    for entry in header:
        if not (isinstance(entry, list) and [type(part) for part in entry] in ANSWER_FORMS):
            raise ValueError("an answer has another form")
        status, reason, cost, size = entry
        if status not in ANSWERS or (status == Status.OK) != (cost is not None) or size < 0:
            raise ValueError("an answer contradicts itself")
        part, start = arrays[start : start + size], start + size
        answers.append(Answer(status, reason, None if cost is None else Packed(cost, part)))
    if start != len(arrays):
        raise ValueError("its arrays have another length")
    return answers
