"""Intervals for means, and comparisons of two methods on the same images.

Images that share a kernel share its difficulty: over sets that do, pass ``clusters`` (kernel ids),
and whole clusters are drawn or flipped instead of single images.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Hashable, Sequence

import numpy as np
import scipy.stats

from bench.errors import InvalidInput

RESAMPLES = 2000
PERMUTATIONS = 10_000
SEED = 0


def bootstrap_mean(
    values: np.ndarray, level: float = 0.95, clusters: Sequence[Hashable] | None = None
) -> tuple[float, float, float]:
    """Mean and percentile bootstrap interval.

    Parameters
    ----------
    values : ndarray, shape (n,), finite
    level : float
        Coverage of the interval.
    clusters : sequence of length n, optional
        Label of every value; values of one label are drawn together. None draws them singly.

    Returns
    -------
    mean, low, high : float
        The interval is seeded, so that the same values always give the same; one value (or one
        cluster) alone has an interval of no width.

    Raises
    ------
    InvalidInput
        If there is no value or not one label per value.
    """
    values = np.asarray(values, dtype=float)
    if not len(values):
        raise InvalidInput("There are no values to take a mean of.")
    mean = float(np.mean(values))
    if clusters is not None:
        return mean, *_clustered_interval(*_by_cluster(values, clusters), level)
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


@dataclasses.dataclass(frozen=True)
class Difference:
    """How much one method is above another on the same images.

    Attributes
    ----------
    mean, low, high : float
        Mean of the paired differences and its bootstrap interval.
    p_value : float
        Of the two-sided permutation test that the sign of a difference is chance. It is never 0.
    n, clusters : int
        Pairs, and the independent groups they fall in.
    """

    mean: float
    low: float
    high: float
    p_value: float
    n: int
    clusters: int


def paired_difference(
    first: np.ndarray,
    second: np.ndarray,
    clusters: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> Difference:
    """Compare two methods by image: the mean of ``first − second``.

    Parameters
    ----------
    first, second : ndarray, shape (n,), finite
        Scores of the same images in the same order.
    clusters : sequence of length n, optional
        Kernel ids, where images share kernels.
    level : float
        Coverage of the interval.

    Returns
    -------
    Difference

    Raises
    ------
    InvalidInput
        If the scores are not paired, not finite or none.

    Notes
    -----
    The permutation test flips the signs of whole clusters: of all sign patterns where they are
    at most :data:`PERMUTATIONS`, else of that many drawn by a fixed seed with the observed one
    added, which keeps the p-value valid.
    """
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if first.shape != second.shape or first.ndim != 1:
        raise InvalidInput(
            f"Scores of shapes {first.shape} and {second.shape} are not paired; "
            "give one of each per image."
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise InvalidInput("A score is NaN or infinite; leave images without a score out of both.")
    difference = first - second
    mean, low, high = bootstrap_mean(difference, level, clusters)
    labels = range(len(difference)) if clusters is None else clusters
    sums, _ = _by_cluster(difference, labels)
    return Difference(mean, low, high, _flip_signs(sums), len(difference), len(sums))


def _by_cluster(
    values: np.ndarray, clusters: Sequence[Hashable] | range
) -> tuple[np.ndarray, np.ndarray]:
    """Sum and count of the values of every cluster."""
    if len(clusters) != len(values):
        raise InvalidInput(f"There are {len(clusters)} labels for {len(values)} values.")
    numbers = {label: number for number, label in enumerate(dict.fromkeys(clusters))}
    which = np.array([numbers[label] for label in clusters])
    return np.bincount(which, weights=values), np.bincount(which)


def _clustered_interval(sums: np.ndarray, counts: np.ndarray, level: float) -> tuple[float, float]:
    draw = np.random.default_rng(SEED).integers(0, len(sums), (RESAMPLES, len(sums)))
    means = sums[draw].sum(1) / counts[draw].sum(1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _flip_signs(sums: np.ndarray) -> float:
    """Two-sided p-value of the total under flips of the clusters' signs."""
    # Totals that are equal but for rounding count as equally extreme.
    threshold = abs(sums.sum()) - 1e-9 * np.abs(sums).sum()
    if 2 ** len(sums) <= PERMUTATIONS:
        signs = np.array(list(itertools.product((-1, 1), repeat=len(sums))))
        return float(np.mean(np.abs(signs @ sums) >= threshold))
    signs = np.random.default_rng(SEED).choice((-1.0, 1.0), (PERMUTATIONS, len(sums)))
    extreme = np.count_nonzero(np.abs(signs @ sums) >= threshold)
    return float((extreme + 1) / (PERMUTATIONS + 1))
