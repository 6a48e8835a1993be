"""An honest benchmark for blind image deconvolution, ``y = x ⊗ k + n``.

>>> import bench
>>> bench.load("photos")[0].observation.shape  # doctest: +SKIP
>>> bench.run("dp,unet", "photos", images=2)  # doctest: +SKIP
>>> bench.deblur("photo.jpg", "dp").image  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.api import deblur, evaluate, load, merge, run, score
    from bench.registry import DATASETS, METHODS

__version__ = "0.3.0"

_PLACES = {
    **dict.fromkeys(("run", "merge", "deblur", "evaluate", "load", "score"), "bench.api"),
    **dict.fromkeys(("METHODS", "DATASETS"), "bench.registry"),
}
__all__ = ["DATASETS", "METHODS", "deblur", "evaluate", "load", "merge", "run", "score"]


def __getattr__(name: str) -> Any:
    """Import what is asked for: ``import bench`` alone brings neither PyTorch nor pandas."""
    if name not in _PLACES:
        raise AttributeError(f"module 'bench' has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)
