"""Signs that a photograph was not restored: no kernel explains it, or too much is left."""

from __future__ import annotations

from torch import Tensor

from bench.photo.kernel_size import Candidate
from bench.physics.forward import blur, valid_part

LEAST_GAIN = 0.01
"""Evidence per pixel that a kernel needs beyond the one that blurs nothing."""
LOUD_RESIDUAL = 1.5
"""A residual of so many times the noise is not explained."""


def unexplained(window: Tensor, restored: Tensor, kernel: Tensor) -> float:
    """Root mean square of what a restored window leaves of the observed; NaN if it is too small."""
    kh, kw = int(kernel.shape[0]), int(kernel.shape[1])
    if kh >= window.shape[-2] or kw >= window.shape[-1]:
        return float("nan")
    difference = blur(restored, kernel, "valid") - valid_part(window, (kh, kw))
    return float(difference.square().mean().sqrt())


def explained(residual: float, noise: float) -> bool:
    """Return whether a residual is no louder than noise; one that nobody knows is."""
    return not residual > LOUD_RESIDUAL * noise


def doubts(
    best: Candidate,
    residual: float,
    gain: float,
    noise: float,
    known_size: bool,
    candidates: list[Candidate],
) -> list[str]:
    """Say in sentences why a result may be wrong; nothing if there is no sign of it."""
    size = f"a kernel of {best.size} pixels"
    advice = (
        "try --kernel-size with twice the blur's extent" if known_size else "look at it closely"
    )
    if gain < LEAST_GAIN:
        return [
            f"no kernel explains the photograph better than none (evidence {gain:+.3f} per pixel "
            f"for {size}): it may not be blurred by motion, or not alike everywhere; {advice}"
        ]
    if not explained(residual, noise):
        return [
            f"{size} leaves a residual of {residual:.4f} where the noise is {noise:.4f}: it does "
            f"not explain the photograph; {advice}"
        ]
    return []
