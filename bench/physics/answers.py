"""Checking and converting what a method returned, where it arrives.

What is harmless is converted, such as another floating type; everything else is refused with a
sentence, so that nothing is stored that cannot be scored. NaN is not looked for in restorations
here: it fails single images, not the batch.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.protocol import Restoration

RANGE_SLACK = 1e-3
"""How far pixels may leave [0, 1]; they are clamped."""
NEGATIVE_SLACK = 1e-4
"""How negative an entry of a kernel may be by rounding."""
SUM_SLACK = 1e-2
"""How far a kernel's sum may be from 1."""
COSTS = ("generator_evaluations", "iterations", "restarts")


def check_restoration(restoration: Any, observation: Tensor) -> Restoration:
    """Check what a method returned and convert it to float32 on the CPU.

    Parameters
    ----------
    restoration : Any
        What ``deblur`` returned.
    observation : Tensor, shape (N, C, H, W)
        What it was given.

    Returns
    -------
    Restoration

    Raises
    ------
    InvalidInput
        If it is no ``Restoration``, or an array has the wrong type, shape, sign, sum or range.
    """
    if not isinstance(restoration, Restoration):
        raise InvalidInput(f"The method returned {type(restoration).__name__}, not a Restoration.")
    image = _floats(restoration.image, "an image")
    if image.shape != observation.shape:
        raise InvalidInput(
            f"The method returned an image of shape {tuple(image.shape)} for "
            f"{tuple(observation.shape)}."
        )
    if image.min() < -RANGE_SLACK or image.max() > 1 + RANGE_SLACK:
        raise InvalidInput(
            f"The method returned pixels in [{image.min():.3g}, {image.max():.3g}]; "
            "clamp the image to [0, 1]."
        )
    count = len(observation)
    return dataclasses.replace(
        restoration,
        image=image,
        kernel=_kernel(restoration.kernel, observation),
        residual=_per_image(restoration.residual, count),
        records=_records(restoration.records, count),
        seconds=None if restoration.seconds is None else float(restoration.seconds),
        **{name: _whole(getattr(restoration, name), name) for name in COSTS},
    )


def _floats(value: Any, what: str) -> Tensor:
    """Return a real floating tensor as float32 on the CPU."""
    if not isinstance(value, Tensor):
        raise InvalidInput(f"The method returned {what} of type {type(value).__name__}, no tensor.")
    if not value.is_floating_point():
        raise InvalidInput(
            f"The method returned {what} of type {value.dtype}; return floats, an image in [0, 1]."
        )
    return value.detach().to("cpu", torch.float32)


def _kernel(value: Any, observation: Tensor) -> Tensor | None:
    if value is None:
        return None
    kernel = _floats(value, "kernels")
    height, width = observation.shape[-2:]
    if kernel.ndim != 3 or len(kernel) != len(observation) or 0 in kernel.shape:
        raise InvalidInput(
            f"The method returned kernels of shape {tuple(kernel.shape)}; "
            f"({len(observation)}, kh, kw) is expected."
        )
    if kernel.shape[1] > height or kernel.shape[2] > width:
        raise InvalidInput(
            f"The method returned kernels of {kernel.shape[1]}×{kernel.shape[2]} pixels for images "
            f"of {height}×{width}; crop them."
        )
    if kernel.min() < -NEGATIVE_SLACK:
        raise InvalidInput(
            f"The method returned a kernel with an entry of {kernel.min():.3g}; kernels are "
            "non-negative."
        )
    sums = kernel.sum((1, 2))
    if ((sums - 1).abs() > SUM_SLACK).any():
        wrong = float(sums[(sums - 1).abs().argmax()])
        raise InvalidInput(f"The method returned a kernel of sum {wrong:.3g}; divide it by that.")
    return kernel


def _per_image(value: Any, count: int) -> Tensor | None:
    if value is None:
        return None
    residual = _floats(value, "residuals")
    if residual.shape != (count,):
        raise InvalidInput(
            f"The method returned residuals of shape {tuple(residual.shape)}; ({count},), one "
            "number per image, is expected."
        )
    return residual


def _records(records: Any, count: int) -> Mapping[str, Tensor]:
    if not isinstance(records, Mapping):
        raise InvalidInput(f"The method returned records of type {type(records).__name__}.")
    for name, value in records.items():
        shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        if not isinstance(name, str) or not isinstance(value, Tensor) or shape[:1] != (count,):
            raise InvalidInput(
                f"The method returned the record {name!r} of shape {shape}; a tensor whose first "
                f"dimension is {count} is expected."
            )
    return {name: value.detach().cpu() for name, value in records.items()}


def _whole(value: Any, name: str) -> int:
    """Return a count, NumPy's and PyTorch's own integers too."""
    try:
        number = operator.index(value)
    except TypeError as error:
        raise InvalidInput(f"The method returned {name}={value!r}; give a whole number.") from error
    if number < 0:
        raise InvalidInput(f"The method returned {name}={number}; give a number from 0.")
    return number
