"""Intervals for means, and comparisons of two methods on the same images.

Images that share a kernel share its difficulty: over sets that do, pass ``clusters`` (kernel ids),
and whole clusters are drawn or flipped instead of single images.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd

from bench.errors import InvalidInput

RESAMPLES = 2000
PERMUTATIONS = 10_000
SEED = 0
LEVEL = 0.95
"""Coverage of all intervals."""


def bootstrap_mean(
    values: np.ndarray, level: float = LEVEL, clusters: Sequence[Hashable] | None = None
) -> tuple[float, float, float]:
    """Return the mean and percentile bootstrap interval.

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
    mean, low, high = bootstrap_means(np.asarray(values, dtype=float)[:, None], clusters, level)
    return float(mean[0]), float(low[0]), float(high[0])


def bootstrap_means(
    values: np.ndarray, clusters: Sequence[Hashable] | None = None, level: float = LEVEL
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the means of several columns and their intervals, all by the same draws.

    Parameters
    ----------
    values : ndarray, shape (n, m), finite
    clusters, level
        As :func:`bootstrap_mean` takes them.

    Returns
    -------
    mean, low, high : ndarray, shape (m,)
    """
    if not len(values):
        raise InvalidInput("There are no values to take a mean of.")
    sums, counts = by_cluster(values, clusters)
    weights = _resamples(len(sums))
    means = weights @ sums / (weights @ counts)[:, None]
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return values.mean(0), low, high


@functools.lru_cache(maxsize=16)
def _resamples(count: int) -> np.ndarray:
    """Return how often each resample holds each cluster: a product with it gives the resamples'
    sums."""
    draw = np.random.default_rng(SEED).integers(0, count, (RESAMPLES, count))
    return np.stack([np.bincount(row, minlength=count) for row in draw]).astype(float)


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
    level: float = LEVEL,
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
    difference = (first - second)[:, None]
    mean, low, high = (float(value[0]) for value in bootstrap_means(difference, clusters, level))
    sums, _ = by_cluster(difference, clusters)
    return Difference(mean, low, high, float(flip_signs(sums)[0]), len(difference), len(sums))


def by_cluster(
    values: np.ndarray, clusters: Sequence[Hashable] | None
) -> tuple[np.ndarray, np.ndarray]:
    """Sum the rows of every cluster.

    Returns
    -------
    sums : ndarray, shape (c, m)
    counts : ndarray, shape (c,)
        Rows of every cluster.
    """
    if clusters is None:
        return values, np.ones(len(values))
    if len(clusters) != len(values):
        raise InvalidInput(f"There are {len(clusters)} labels for {len(values)} values.")
    numbers = {label: number for number, label in enumerate(dict.fromkeys(clusters))}
    which = np.array([numbers[label] for label in clusters])
    sums = np.zeros((len(numbers), values.shape[1]))
    np.add.at(sums, which, values)
    return sums, np.bincount(which).astype(float)


def flip_signs(sums: np.ndarray) -> np.ndarray:
    """Two-sided p-values of totals under flips of the clusters' signs.

    Parameters
    ----------
    sums : ndarray, shape (c, m)
        Of every cluster.

    Returns
    -------
    ndarray, shape (m,)
    """
    # Totals that are equal but for rounding count as equally extreme.
    threshold = np.abs(sums.sum(0)) - 1e-9 * np.abs(sums).sum(0)
    if 2 ** len(sums) <= PERMUTATIONS:
        signs = np.array(list(itertools.product((-1, 1), repeat=len(sums))))
        return np.mean(np.abs(signs @ sums) >= threshold, axis=0)
    signs = np.random.default_rng(SEED).choice((-1.0, 1.0), (PERMUTATIONS, len(sums)))
    extreme = np.count_nonzero(np.abs(signs @ sums) >= threshold, axis=0)
    return (extreme + 1) / (PERMUTATIONS + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for having asked several questions at once (Holm's step-down method).

    Returns
    -------
    list of float
        In the order given, each at most 1.
    """
    order = np.argsort(p_values, kind="stable")
    adjusted, running = np.empty(len(p_values)), 0.0
    for rank, position in enumerate(order):
        running = max(running, (len(p_values) - rank) * p_values[position])
        adjusted[position] = min(1.0, running)
    return adjusted.tolist()


def above(
    first: pd.Series, second: pd.Series, clusters: Sequence[str], margin: float = 0.0
) -> tuple[Difference, float]:
    """Test whether one method's scores are above another's by more than a margin.

    Parameters
    ----------
    first, second : Series
        Scores of the same images in the same order.
    clusters : sequence of str
        Kernel ids.
    margin : float

    Returns
    -------
    difference : Difference
        Of ``first − second``; its p-value is of the permutation test about the margin.
    wilcoxon : float
        p-value of Wilcoxon's signed-rank test about the margin, one-sided.
    """
    from scipy.stats import wilcoxon  # a second to import, for the one claim that needs it

    a, b = first.to_numpy(float), second.to_numpy(float)
    about = paired_difference(a - margin, b, clusters)
    # The permutation test is two-sided; the claim is one-sided.
    one_sided = about.p_value / 2 if about.mean > 0 else 1 - about.p_value / 2
    shifted = a - b - margin
    rank = wilcoxon(shifted, alternative="greater").pvalue if np.any(shifted) else 1.0
    difference = dataclasses.replace(
        about,
        mean=about.mean + margin,
        low=about.low + margin,
        high=about.high + margin,
        p_value=one_sided,
    )
    return difference, float(rank)


def interval(difference: Difference) -> str:
    """Print a mean difference with its interval."""
    return f"{difference.mean:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}]"


def p_value(value: float) -> str:
    """Print a p-value; small ones by their bound."""
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"
