"""Examples of a training, made once and kept in the cache folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from bench.datasets.archives import Split
from bench.datasets.locations import cache_folder

CHUNK = 10
"""Observations whose examples are one file: what a kill can lose."""
Make = Callable[[range], Mapping[str, Tensor]]
"""Makes the examples of some observations, tensors of as many rows by their names."""


def cached_examples(
    name: str, split: Split, count: int, maker: Callable[[], Make]
) -> dict[str, Tensor]:
    """Make examples, or read those that are in the cache folder.

    They are kept in files of a few observations each, and what is there is not made again.

    Parameters
    ----------
    name : str
        Of their folder; it says all that an example depends on besides its number.
    split : {"train", "val"}
    count : int
        Observations.
    maker : callable
        Prepares to make examples; called where one is missing.

    Returns
    -------
    dict of str to Tensor
        Of all examples, in order.
    """
    place = cache_folder() / "learned-examples" / name
    place.mkdir(parents=True, exist_ok=True)
    make: Make | None = None
    found = []
    for first in range(0, count, CHUNK):
        path = place / f"{split}-{first:05d}.safetensors"
        if not path.is_file():
            make = make or maker()
            made = dict(make(range(first, min(first + CHUNK, count))))
            partial = path.with_suffix(".partial")
            save_file(made, partial)
            partial.replace(path)
            print(f"{path}: {len(next(iter(made.values())))} examples", flush=True)
        found.append(load_file(path))
    return {key: torch.cat([part[key] for part in found]) for key in found[0]}
