"""How loud noise is, compared with what the weights of the objectives were chosen at.

The weights of the objectives are chosen at 1 % of noise, in development. Where an observation is
louder its residual says less, and a weight that does not know it lets the image fit the noise.
"""

from __future__ import annotations

from torch import Tensor

from bench.physics.noise import estimate_noise

CHOSEN_NOISE = 0.0125
"""The largest noise level measured on a development image that has 1 %."""


def loudness(observation: Tensor) -> Tensor:
    """Measure the noise in units of what the weights were chosen at.

    Parameters
    ----------
    observation : Tensor, shape (N, C, H, W), in [0, 1]

    Returns
    -------
    Tensor, shape (N,)
        1 up to :data:`CHOSEN_NOISE`, and the measured noise over it beyond.
    """
    return (estimate_noise(observation) / CHOSEN_NOISE).clamp_min(1.0)
