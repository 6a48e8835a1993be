"""The benchmark from Python: what the command line does, in a notebook.

>>> import bench
>>> observed = bench.load("photos")[0]
>>> tuple(observed.observation.shape)
(3, 64, 64)
>>> scores = bench.score(observed.observation, observed.sample.image)
>>> f"{scores['psnr']:.1f} dB"
'14.9 dB'
"""

from __future__ import annotations

from bench.api._deblur import deblur, restore_photograph, whole
from bench.api._images import ImageLike, as_image
from bench.api._load import Observations, load
from bench.api._run import evaluate, merge, run
from bench.api._score import score

__all__ = [
    "ImageLike",
    "Observations",
    "as_image",
    "deblur",
    "evaluate",
    "load",
    "merge",
    "restore_photograph",
    "run",
    "score",
    "whole",
]
