"""Pieces computed and reduced to a few numbers each."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
from torch import Tensor

from bench.errors import Unavailable
from bench.gate.perturbation import AS_IT_IS, Perturbation
from bench.methods.pieces import pieces, scrambled

Digest = tuple[float, ...]
Computed = dict[str, dict[str, Digest] | str]
"""Digests of a piece's quantities by name, or why it could not be computed."""


def compute(names: Sequence[str]) -> Computed:
    """Compute pieces and digest what they return; a piece that fails costs itself alone."""
    known, found = pieces(), Computed()
    for name in names:
        try:
            found[name] = {key: digest(value) for key, value in known[name].compute().items()}
        except Unavailable as error:
            found[name] = str(error)
        except Exception as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute in one thread: for steps this small, threads wait longer than they work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def compute_apart(names: Sequence[str], perturbation: Perturbation = AS_IT_IS) -> Computed:
    """Compute pieces in a process of its own, under a perturbation's environment and threads."""
    with (
        perturbation.in_environment(),
        ProcessPoolExecutor(
            1,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=torch.set_num_threads,
            initargs=(perturbation.threads,),
        ) as pool,
    ):
        return pool.submit(compute, names).result()


def digest(quantity: Tensor) -> Digest:
    """Reduce a tensor to its root mean square and two sums with weights like noise.

    A change anywhere, or a change of place, moves the sums about as much, relatively, as it moves
    the tensor; rounding averages out in them.
    """
    values = quantity.detach().double().flatten().cpu().numpy()
    if values.size == 1:
        return (_short(values[0]),)
    weights = math.sqrt(12) * (scrambled(2, values.size) - 0.5)
    sums = weights @ values / math.sqrt(values.size)
    return tuple(map(_short, (math.sqrt(np.square(values).mean()), *sums)))


def distance(old: Sequence[float], new: Sequence[float]) -> float:
    """Largest difference of two digests, relative to the older's largest number."""
    if len(old) != len(new) or not np.isfinite(new).all():
        return float("inf")
    scale = max(map(abs, old)) or 1.0
    return max(abs(a - b) for a, b in zip(old, new, strict=True)) / scale


def _short(value: float) -> float:
    return float(f"{value:.8g}")
