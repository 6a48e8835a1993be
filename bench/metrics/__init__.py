"""How a restoration is scored: one module per metric, found by looking.

All metrics take batches of images in [0, 1] and return one number per image. To add one, put a
module next to the others whose name begins with an underscore, define a subclass of
:class:`Metric` in it and write ``described.json`` again (``python -m tests.bench.test_listing``),
or name the class of an installed package under the entry points ``bench.metrics``: the score table
gains its column.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.metrics._base import Comparison, Metric
    from bench.metrics._gmsd import gmsd
    from bench.metrics._kernel_similarity import kernel_similarity
    from bench.metrics._naturalness import naturalness
    from bench.metrics._psnr import psnr
    from bench.metrics._sharpness import sharpness_index
    from bench.metrics._ssim import ssim, ssim_rgb
    from bench.metrics.scoring import score

_PLACES = {
    **dict.fromkeys(("Comparison", "Metric"), "_base"),
    "gmsd": "_gmsd",
    "kernel_similarity": "_kernel_similarity",
    "naturalness": "_naturalness",
    "psnr": "_psnr",
    "score": "scoring",
    "sharpness_index": "_sharpness",
    **dict.fromkeys(("ssim", "ssim_rgb"), "_ssim"),
}
__all__ = [
    "Comparison",
    "Metric",
    "gmsd",
    "kernel_similarity",
    "naturalness",
    "psnr",
    "score",
    "sharpness_index",
    "ssim",
    "ssim_rgb",
]


def __getattr__(name: str) -> Any:
    """Import what is asked for: who only wants to know what metrics are called needs no PyTorch."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
