"""Intervals cover what they should, and comparisons respect pairs and clusters."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from bench.errors import InvalidInput
from bench.report.statistics import bootstrap_mean, paired_difference


def test_interval_is_near_the_normal_one_and_repeats():
    values = np.random.default_rng(1).normal(20, 2, 80)
    mean, low, high = bootstrap_mean(values)
    half = 1.96 * values.std(ddof=1) / 80**0.5
    assert mean == pytest.approx(values.mean())
    assert low == pytest.approx(mean - half, abs=0.1 * half)
    assert high == pytest.approx(mean + half, abs=0.1 * half)
    assert bootstrap_mean(values) == (mean, low, high)


def test_one_value_has_an_interval_of_no_width():
    assert bootstrap_mean(np.array([3.0])) == (3.0, 3.0, 3.0)
    assert bootstrap_mean(np.array([3.0, 5.0]), clusters=["a", "a"]) == (4.0, 4.0, 4.0)


def test_no_values_are_refused():
    with pytest.raises(InvalidInput, match="no values"):
        bootstrap_mean(np.array([]))


def test_clusters_of_one_agree_with_single_draws():
    values = np.random.default_rng(2).normal(0, 1, 60)
    single = bootstrap_mean(values)
    clustered = bootstrap_mean(values, clusters=range(60))
    assert clustered[0] == single[0]
    assert np.allclose(clustered[1:], single[1:], atol=0.04)


def test_shared_kernels_widen_the_interval():
    """Three copies of a value carry the information of one: the interval is √3 times as wide."""
    values = np.random.default_rng(3).normal(0, 1, 80)
    tripled, kernels = np.tile(values, 3), np.tile(np.arange(80), 3).tolist()
    _, low, high = bootstrap_mean(tripled)
    _, clustered_low, clustered_high = bootstrap_mean(tripled, clusters=kernels)
    assert (clustered_high - clustered_low) / (high - low) == pytest.approx(3**0.5, rel=0.1)


def test_pairing_sees_what_separate_means_do_not():
    draw = np.random.default_rng(4)
    difficulty = draw.normal(22, 4, 80)
    first = difficulty + 0.5 + draw.normal(0, 0.5, 80)
    second = difficulty + draw.normal(0, 0.5, 80)
    found = paired_difference(first, second)
    assert found.low > 0
    assert found.p_value < 0.001
    assert (found.n, found.clusters) == (80, 80)
    assert bootstrap_mean(first)[1] < bootstrap_mean(second)[2]


def test_exchange_of_the_methods_changes_the_sign_only():
    first, second = np.random.default_rng(5).normal(0, 1, (2, 40))
    there, back = paired_difference(first, second), paired_difference(second, first)
    assert there.mean == -back.mean
    assert there.p_value == back.p_value


def test_small_samples_use_every_sign_pattern():
    """Scipy's exact test is the reference; five equal signs give 2 of 32 patterns."""
    first, second = np.array([2.0, 3.0, 4.0, 5.0, 6.0]), np.array([1.0, 1.5, 2.0, 2.5, 3.0])
    found = paired_difference(first, second)
    reference = scipy.stats.permutation_test(
        (first - second,), np.mean, permutation_type="samples", n_resamples=np.inf
    )
    assert found.p_value == pytest.approx(reference.pvalue) == pytest.approx(2 / 32)


def test_clusters_flip_together():
    """Twelve images of four kernels are four observations, and 2 of 16 patterns is all they say."""
    kernels = [f"k{number}" for number in range(4)] * 3
    found = paired_difference(np.full(12, 1.0), np.zeros(12), clusters=kernels)
    assert found.clusters == 4
    assert found.p_value == pytest.approx(2 / 16)


def test_p_value_is_uniform_when_nothing_differs():
    draw = np.random.default_rng(6)
    values = [
        paired_difference(*draw.normal(0, 1, (2, 12))).p_value  # 4096 patterns: exact
        for _ in range(200)
    ]
    assert scipy.stats.kstest(values, "uniform").pvalue > 0.01


def test_p_value_is_never_zero():
    found = paired_difference(np.ones(50), np.zeros(50))
    assert 0 < found.p_value < 1e-3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.zeros(3), np.zeros(4)),
        (np.zeros((2, 2)), np.zeros((2, 2))),
        (np.array([1.0, np.nan]), np.zeros(2)),
        (np.array([np.inf, 1.0]), np.array([np.inf, 1.0])),
    ],
)
def test_unpaired_or_infinite_scores_are_refused(first, second):
    with pytest.raises(InvalidInput):
        paired_difference(first, second)


def test_labels_must_match_the_values():
    with pytest.raises(InvalidInput, match="2 labels for 3 values"):
        bootstrap_mean(np.zeros(3), clusters=["a", "b"])
