"""Intervals for means."""

from __future__ import annotations

import numpy as np
import scipy.stats

RESAMPLES = 2000
SEED = 0


def bootstrap_mean(values: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Mean and percentile bootstrap interval.

    Parameters
    ----------
    values : ndarray, shape (n,), finite
    level : float
        Coverage of the interval.

    Returns
    -------
    mean, low, high : float
        The interval is seeded, so that the same values always give the same; one value alone has
        an interval of no width.
    """
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, mean, mean
    result = scipy.stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(SEED),
    )
    return mean, float(result.confidence_interval.low), float(result.confidence_interval.high)
