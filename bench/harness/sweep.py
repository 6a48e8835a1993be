"""Sweeps: methods against noise, blur length, outliers or kernel size, as ``sweeps.toml`` says."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.errors import UnknownName
from bench.files import read_toml
from bench.harness import plan
from bench.harness.session import Part
from bench.physics.condition import Condition
from bench.registry import DATASETS, METHODS

SETTINGS = Path(__file__).with_name("sweeps.toml")


def sweeps() -> dict[str, Any]:
    """Read the sweeps there are, by name."""
    return read_toml(SETTINGS)


def parts(
    name: str,
    methods: str = "*",
    datasets: str = "*",
    values: Sequence[float] | None = None,
    images: int | None = None,
) -> list[Part]:
    """Lay out a sweep.

    Parameters
    ----------
    name : {"noise", "blur-length", "outliers", "kernel-size"}
    methods, datasets : str
        Patterns by commas that narrow what the settings name.
    values : sequence of float, optional
        Only these of the settings' values, or others for all groups; those with a gain of their own
        vary nothing else and are left out then.
    images : int, optional
        At most so many images per point.

    Returns
    -------
    list of Part

    Raises
    ------
    UnknownName
        For an unknown sweep, or if nothing is left.
    """
    known = sweeps()
    if name not in known:
        raise UnknownName(f"There is no sweep {name!r}; there are: {', '.join(known)}.")
    sweep, found = known[name], []
    for group in sweep["groups"]:
        chosen = [
            m for m in group["methods"].split(",") if m in METHODS.entries and _in(m, methods)
        ]
        sets = [
            d for d in group["datasets"].split(",") if d in DATASETS.entries and _in(d, datasets)
        ]
        if not (chosen and sets) or (values and "gain" in group):
            continue
        conditions = [
            condition(name, value, group.get("gain", 1.0))
            for value in values or group.get("values", sweep["values"])
        ]
        count = group["images"] if images is None else min(images, group["images"])
        found.append(Part(plan.parse_methods(",".join(chosen)), sets, conditions, count))
    if not found:
        raise UnknownName(
            f"The sweep {name!r} has no method {methods!r} on {datasets!r}; see {SETTINGS.name}."
        )
    return found


def condition(name: str, value: float, gain: float = 1.0) -> Condition:
    """Return the condition of a sweep's value, under the gain of its group."""
    match name:
        case "noise":
            return Condition(noise=value, gain=gain)
        case "outliers":
            return Condition(outliers=value, gain=gain)
        case "kernel-size":
            return Condition(bound=value, gain=gain)
        case _:
            return Condition(blur_length=int(value), gain=gain)


def _in(name: str, patterns: str) -> bool:
    return any(fnmatch.fnmatch(name, pattern.strip()) for pattern in patterns.split(","))
