"""Where each of the project's data sets lies, said without importing it."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path

from bench.datasets.locations import BRING, FETCH, locate, locate_all
from bench.protocol import Dataset, Location

LEVIN = f"It holds imNN_kerNN.mat files. {BRING}"
LEVIN_KERNELS = "natural/kernels.npz"
BSD68 = "natural/bsd68.zip"
GENERATORS = Path(__file__).parent.parent / "methods" / "generators" / "weights"


def place(name: str) -> Location:
    """Say where one of the project's data sets was looked for, and whether it is there.

    Parameters
    ----------
    name : str
        As it is registered.
    """
    return PLACES[name]()


def place_of(kind: type[Dataset]) -> Location:
    """Say the same of a data set's class, or of that of the project's own on which it is built."""
    names = (vars(base).get("name") for base in kind.__mro__)
    return next(place(name) for name in names if name in PLACES)


def photographs() -> Location:
    """Look for the photographs that scikit-image brings."""
    found = importlib.util.find_spec("skimage")
    folder = Path(found.origin).parent / "data" if found and found.origin else Path("skimage/data")
    how = "Run: python -m pip install scikit-image"
    return Location((folder / "astronaut.png").is_file(), str(folder), how)


def samples(generator: str) -> Location:
    """Look for the weights of a generator, which come with the package or are fetched."""
    from bench.methods.training.store import ModelStore

    how = f"Set BENCH_WEIGHTS, or run 'python -m bench train {generator}'."
    found = ModelStore(GENERATORS, "generator").reachable(generator)
    return Location(found, f"methods/generators/weights/{generator}.safetensors", how)


def _published(name: str) -> Callable[[], Location]:
    return functools.partial(locate, f"paper/{name}.npz", FETCH)


def _training(name: str) -> Callable[[], Location]:
    return functools.partial(locate, f"train/{name}.zip", BRING)


PLACES: dict[str, Callable[[], Location]] = {
    **{name: _published(name) for name in ("svhn", "shoes", "celeba", "pggan")},
    "pggan-padded": _published("pggan"),
    "faces128": _training("faces128"),
    "levin": functools.partial(locate, "levin/im01_ker01.mat", LEVIN),
    "lai": functools.partial(locate_all, "lai/sharp/manmade_01.webp", "lai/kernels/kernel_01.png"),
    "lai-real": functools.partial(locate_all, "lai/real/kernel_sizes.csv"),
    "text": functools.partial(locate_all, "text/sharp/im01.png", LEVIN_KERNELS),
    "bsd68-levin": functools.partial(locate_all, BSD68, LEVIN_KERNELS),
    "bsd68-motion": functools.partial(locate_all, BSD68),
    "photos": photographs,
    **{f"{name}-range": _published(name) for name in ("svhn", "shoes", "celeba")},
    "svhn-samples": functools.partial(samples, "svhn"),
    "shoes-samples": functools.partial(samples, "shoes-adversarial"),
    "celeba-samples": functools.partial(samples, "celeba-adversarial"),
    "pggan-samples": functools.partial(samples, "faces128"),
    **{f"{name}-val": _training(name) for name in ("svhn", "shoes", "celeba", "faces128")},
    "photos-val": photographs,
    "rendered-text-val": photographs,
    "large-rendered-text-val": photographs,
    "shaken-photos-val": _training("natural"),
    "soft-photos-val": _training("natural"),
    "trembling-photos-val": _training("natural"),
    "whole-photos-val": _training("natural"),
}
