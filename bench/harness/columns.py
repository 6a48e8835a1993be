"""The columns of the score table, and the versions of what computes them.

Reading a table needs no PyTorch, and a metric of an installed package is asked what it is in a
process of its own (:mod:`bench.harness.guest_metrics`) when somebody first wants to know.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

from bench.harness.cells import Row
from bench.harness.guest_metrics import GuestMetric, installed
from bench.metrics.description import Description, own

FIRST = (
    *("dataset", "condition", "method", "kind", "image", "kernel_id"),
    *("noise", "blur_length", "kernel_spread", "seed"),
)
LAST = (
    *("error_ratio", "residual", "generator_evaluations", "iterations", "restarts", "seconds"),
    *("status", "reason", "parameters", "prior", "method_version", "metric_version", "origin"),
)
OTHER_VERSIONS = {"kernel_spread": "1"}
OTHER_DIGITS = {"kernel_spread": 3, "error_ratio": 3, "residual": 6, "seconds": 3}


class Metrics(Mapping[str, Description]):
    """All metrics by name, in the order of the table's columns: the project's own, then others'."""

    @functools.cached_property
    def guests(self) -> Mapping[str, GuestMetric]:
        """Those of installed packages."""
        return installed((*own(), *FIRST, *LAST))

    @functools.cached_property
    def _described(self) -> Mapping[str, Description]:
        return {**own(), **{name: guest.description for name, guest in self.guests.items()}}

    def __getitem__(self, name: str) -> Description:
        return self._described[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._described)

    def __len__(self) -> int:
        return len(self._described)


METRICS = Metrics()


def columns() -> list[str]:
    """Return the names of the table's columns."""
    return [*FIRST, *METRICS, *LAST]


def digits() -> dict[str, int]:
    """Return the decimals that are kept of a column."""
    return {**{name: metric.digits for name, metric in METRICS.items()}, **OTHER_DIGITS}


@functools.cache
def versions() -> Mapping[str, str]:
    """Return the version of every column that is computed from a restoration and the truth."""
    return {**{name: metric.version for name, metric in METRICS.items()}, **OTHER_VERSIONS}


def stated(versions: Mapping[str, str]) -> str:
    """Write versions as a text; :func:`read` reads it."""
    return ",".join(f"{name}={version}" for name, version in versions.items())


@functools.lru_cache(maxsize=64)
def read(text: str) -> Mapping[str, str]:
    """Read versions by metric from a text such as ``psnr=1,ssim=2``."""
    return dict(part.split("=", 1) for part in text.split(",") if "=" in part)


def current(row: Row) -> dict[str, float]:
    """Return those of a row's scores that today's metrics would give again."""
    known, today = read(row.score_version), versions()
    return {
        name: value
        for name, value in row.scores.items()
        if name not in today or known.get(name) == today[name]
    }
