"""Tune the weight of the total variation on development pairs and write ``tv.toml``.

For every class and noise level the weight with the best mean PSNR, the true kernel given, is found
by golden-section search on its logarithm.
"""

from __future__ import annotations

import argparse
import math

from scipy.optimize import minimize_scalar

from bench.files import write_atomically
from bench.methods.deconvolution.tv import PARAMETERS, tv_deconvolve
from bench.methods.tuning import SETS, development_pairs

NOISES = (0.005, 0.01, 0.02, 0.04, 0.1)
IMAGES = 40
EXAMPLES = """\
examples:
  python -m bench tune tv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare nothing: all classes are tuned."""


def run(options: argparse.Namespace) -> int:
    """Tune all classes and write the file."""
    lines = [
        "# Weights of the total variation by class and noise level: those with the best mean PSNR",
        f"# on at most {IMAGES} development pairs, the true kernel given.",
        "# Written by: python -m bench tune tv",
    ]
    for name in (*SETS, "free"):
        lines.append(f"\n[weights.{'natural-free' if name == 'free' else name}]")
        for noise in NOISES:
            weight, score = tune(name, noise)
            lines.append(f'"{noise:g}" = {weight:.3g}  # {score:.2f} dB')
            print(name, lines[-1], flush=True)
    write_atomically(PARAMETERS, "\n".join(lines) + "\n")
    return 0


def tune(name: str, noise: float) -> tuple[float, float]:
    """Return the best weight and its mean PSNR in dB."""
    pairs = development_pairs(name, IMAGES, noise)

    def loss(logarithm: float) -> float:
        weight, boundary = math.exp(logarithm), pairs.task.boundary
        restored = tv_deconvolve(pairs.observation, pairs.kernel, weight, boundary)
        return -float(pairs.psnr(restored).mean())

    best = minimize_scalar(
        loss,
        bracket=(math.log(0.05 * noise), math.log(0.3 * noise)),
        method="golden",
        options={"xtol": 0.02, "maxiter": 14},
    )
    return math.exp(best.x), -best.fun
