"""Compare the vectorised dark-channel step with a loop over pixels, as a ratio in one run.

``python -m bench benchmark dark-channel`` runs both in the same Octave, in
turns, checks that they agree, and prints the ratio of their times. A ratio carries from machine to
machine; the seconds do not.
"""

from __future__ import annotations

import argparse

import numpy as np

from bench.methods.engineered.octave_session import OctaveSession, session

EXAMPLES = """\
examples:
  python -m bench benchmark dark-channel --size 128
"""


def compare(octave: OctaveSession, size: int = 64, patch: int = 35, turns: int = 3) -> float:
    """Return how many times longer the loop takes.

    Parameters
    ----------
    octave : OctaveSession
    size : int
        Side of the square test image in pixels.
    patch : int
        Side of the dark channel's patch in pixels.
    turns : int
        Both are timed this often, alternating; the fastest of each counts.
    """
    image = np.random.default_rng(0).random((size, size))
    times = octave.call("benchmark_dark_pixels", image, patch, turns)
    return float(times[0, 1] / times[0, 0])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--size", type=int, default=64, help="side of the image in pixels")
    parser.add_argument("--patch", type=int, default=35, help="side of the patch in pixels")


def run(options: argparse.Namespace) -> int:
    """Print the ratio."""
    ratio = compare(session(), options.size, options.patch)
    session().close()
    print(
        f"Dark channel of {options.size}×{options.size} pixels, patch {options.patch}: "
        f"the loop takes {ratio:.0f} times as long as the vectorised step."
    )
    return 0
