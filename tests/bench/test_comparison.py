"""Comparing scores: Holm's correction, pairing, and margins."""

import numpy as np
import pandas as pd
import pytest

from bench.errors import BenchError
from bench.report.comparison import compare
from bench.report.statistics import above, holm


def frame(shift: float = 0.0, images: int = 30, method: str = "dd") -> pd.DataFrame:
    draw = np.random.default_rng(0)
    values = 25 + draw.normal(size=images)
    return pd.DataFrame(
        {
            "dataset": "svhn",
            "condition": "noise 0.01, seed 0",
            "method": method,
            "image": [f"{i:03d}" for i in range(images)],
            "kernel_id": [f"k{i}" for i in range(images)],
            "status": "ok",
            "psnr": values + shift + 0.1 * draw.normal(size=images),
            "ssim": 0.8 + 0 * values,
        }
    )


def test_holm_multiplies_the_smallest_by_the_number_of_questions():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_a_drop_is_found_and_is_for_the_worse():
    result = compare(frame(), frame(-0.3), ["psnr"])
    changes, pairs = result.changes, result.pairs
    (change,) = changes
    assert pairs == 30
    assert change.worse
    assert change.p_value < 0.01
    assert change.difference.mean == pytest.approx(-0.3)


def test_equal_scores_differ_in_nothing():
    changes = compare(frame(), frame(), ["psnr", "ssim"]).changes
    assert all(change.p_value == 1 for change in changes)


def test_only_images_that_both_have_are_paired():
    result = compare(frame(images=30), frame(0.5).iloc[5:20], ["psnr"])
    changes, pairs = result.changes, result.pairs
    assert pairs == 15
    assert changes[0].difference.n == 15


def test_nothing_in_common_is_said():
    with pytest.raises(BenchError, match="no finished cell in common"):
        compare(frame(), frame(method="dp"))


def test_a_margin_has_to_be_exceeded():
    first, second = frame(1.0)["psnr"], frame()["psnr"]
    clusters = frame()["kernel_id"].tolist()
    inside, rank = above(first, second, clusters, margin=0.5)
    assert inside.p_value < 0.01
    assert rank < 0.01
    assert inside.mean == pytest.approx(1.0)
    beyond, _ = above(first, second, clusters, margin=1.5)
    assert beyond.p_value > 0.99
