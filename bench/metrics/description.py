"""What tables need to know of a metric, in plain values: reading it imports no PyTorch."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
import json
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class Description:
    """A metric's class attributes, as :class:`bench.metrics.Metric` explains them."""

    name: str
    heading: str
    unit: str
    version: str
    larger_is_better: bool
    digits: int
    table_digits: int
    headline: bool
    of_image: bool
    needs_truth: bool
    place: float

    @property
    def label(self) -> str:
        """The heading with its unit, as ``PSNR (dB)``."""
        return f"{self.heading} ({self.unit})" if self.unit else self.heading

    @property
    def arrow(self) -> str:
        """Which way is better."""
        return "↑" if self.larger_is_better else "↓"


@functools.cache
def own() -> Mapping[str, Description]:
    """Describe the project's own metrics, by name, in the order of the table's columns.

    What their classes say stands in ``described.json``; a test holds it against them.
    """
    text = importlib.resources.files("bench.metrics").joinpath("described.json").read_text("utf-8")
    found = [Description(name=name, **about) for name, about in json.loads(text).items()]
    return {about.name: about for about in sorted(found, key=lambda about: about.place)}
