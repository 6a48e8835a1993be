"""What a method, a dataset and their results are.

A method sees a :class:`Task` (what a blind method may know) and observations, and answers with a
:class:`Restoration`. A dataset is a sequence of :class:`Sample`. Nothing here knows a concrete
method or dataset.
"""

from __future__ import annotations

import warnings
from typing import Any

from bench.protocol.dataset import (
    Alignment,
    Dataset,
    Formation,
    KernelSource,
    Location,
    NoiseModel,
    Sample,
)
from bench.protocol.method import Kind, Knowledge, Method, MethodBase, Oracle, Replay
from bench.protocol.restoration import Restoration, Truth
from bench.protocol.status import Status
from bench.protocol.task import Boundary, Task, check_observation

__all__ = [
    "Alignment",
    "Boundary",
    "Dataset",
    "Formation",
    "KernelSource",
    "Kind",
    "Knowledge",
    "Location",
    "Method",
    "MethodBase",
    "NoiseModel",
    "Oracle",
    "Replay",
    "Restoration",
    "Sample",
    "Status",
    "Task",
    "Truth",
    "check_observation",
]


def __getattr__(name: str) -> Any:
    if name == "Scene":
        warnings.warn(
            "bench.protocol.Scene is called Sample since version 0.3; the old name goes with 0.4.",
            DeprecationWarning,
            stacklevel=2,
        )
        return Sample
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
