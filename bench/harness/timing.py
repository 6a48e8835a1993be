"""Seconds that travel: how fast a machine is, and whether others were at work on it.

A cell's seconds are those of the machine that its run's entry in ``provenance.json`` names. Over
the seconds of a fixed piece of work on the same machine, they can be compared between machines.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import torch

SIDE, REPEATS = 256, 5
CALM = 0.25
"""Load per core, without the run's own processes, up to which seconds are taken as they are."""


def calibrate() -> float:
    """Return the CPU seconds of a fixed piece of work: the least of several tries.

    It is made of Fourier transforms and a convolution in single precision, on one thread, as the
    methods are. CPU seconds hardly depend on what else the machine does.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        image = torch.linspace(0, 1, 3 * SIDE * SIDE).view(1, 3, SIDE, SIDE)
        weight = torch.full((8, 3, 9, 9), 1 / 243)
        return min(_once(image, weight) for _ in range(REPEATS))
    finally:
        torch.set_num_threads(threads)


def _once(image: torch.Tensor, weight: torch.Tensor) -> float:
    started = time.thread_time()
    for _ in range(4):
        torch.fft.irfft2(torch.fft.rfft2(image))
    torch.nn.functional.conv2d(image, weight)
    return time.thread_time() - started


def load() -> float | None:
    """Return the mean load of the last minute per core; None where the system does not say."""
    try:
        return round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)
    except OSError:
        return None


def contended(run: Mapping[str, Any]) -> bool | None:
    """Say whether others were at work on the machine when a run began.

    Parameters
    ----------
    run : Mapping
        An entry of ``provenance.json``; of an older version nothing is known.
    """
    known = run.get("machine", {}).get("load_at_start")
    return None if known is None else known > CALM


def relative(seconds: float, run: Mapping[str, Any]) -> float | None:
    """Return seconds as multiples of the calibration of the machine that a run was computed on.

    Parameters
    ----------
    seconds : float
        Such as the column of that name in ``scores.csv``.
    run : Mapping
        An entry of ``provenance.json``; None is returned for one that has no calibration.
    """
    unit = run.get("machine", {}).get("calibration_seconds")
    return seconds / unit if unit else None
