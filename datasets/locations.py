"""Where data lie: the folder that ``BENCH_DATA`` names, else the user's own data folder."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from bench.errors import Unavailable
from bench.protocol import Location

DATA_VARIABLE = "BENCH_DATA"
APPLICATION = "blind-deblurring-bench"
FETCH = "Run 'python -m bench data fetch', or set BENCH_DATA to the folder that has it."
BRING = (
    "It cannot be downloaded from here: put it there, or set BENCH_DATA to the folder that has it."
)


def data_folder() -> Path:
    """Return ``BENCH_DATA``, or the user's data folder where ``data fetch`` puts things."""
    named = os.environ.get(DATA_VARIABLE)
    return Path(named).expanduser() if named else _users_own() / "data"


def cache_folder() -> Path:
    """Return ``BENCH_CACHE``, or the user's cache folder: all in it can be made again."""
    named = os.environ.get("BENCH_CACHE")
    return Path(named).expanduser() if named else _users_own()


def _users_own() -> Path:
    import pooch

    return Path(pooch.os_cache(APPLICATION))


def locate(relative: str, how_to_get: str) -> Location:
    """Look for a file or folder below :func:`data_folder`."""
    path = data_folder() / relative
    return Location(path.exists(), str(path), how_to_get)


def locate_all(*relative: str) -> Location:
    """Look for several files below the data folder; report the first that is missing."""
    places = [locate(name, BRING) for name in relative]
    return next((place for place in places if not place.found), places[0])


def require(relative: str, how_to_get: str) -> Path:
    """Return the path of a file that must be there.

    Raises
    ------
    Unavailable
        Naming the path and what to do.
    """
    place = locate(relative, how_to_get)
    if not place.found:
        raise Unavailable(f"There is no {place.path}. {how_to_get}")
    return Path(place.path)


@dataclasses.dataclass(frozen=True)
class Listing:
    """A row of ``data list``: what it is, where it was looked for, how to get it."""

    name: str
    what: str
    location: Location


def listings() -> list[Listing]:
    """Everything the project can read that is no registered dataset of its own."""
    rows = [
        Listing(f"train/{name}", f"training archive of {what}", locate(f"train/{name}.zip", BRING))
        for name, what in (
            ("svhn", "house numbers"),
            ("shoes", "shoes"),
            ("celeba", "faces"),
        )
    ]
    official = (
        (
            "official/svhn",
            "SVHN's own train_32x32.mat and extra_32x32.mat",
            "From the SVHN site of Stanford University.",
        ),
        (
            "official/celeba",
            "CelebA's img_align_celeba folder or zip",
            "From the CelebA site of the Chinese University of Hong Kong.",
        ),
        (
            "official/ut-zap50k-images",
            "UT-Zappos50K's image folders",
            "From the UT-Zappos50K site of the University of Texas at Austin.",
        ),
    )
    rows += [
        Listing(name, what, locate(name, f"{source} Optional.")) for name, what, source in official
    ]
    return rows
