"""The page of costs: published procedures are set against ours on the same images."""

import pandas as pd

from bench.methods.deep_deblur.speed import counts, published_evaluations, replayed


def frame(rows):
    columns = ["dataset", "method", "image", "psnr", "generator_evaluations", "status", "seed"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(seconds=1.0)


OURS = frame(
    [
        ("svhn", "dd", "a", 24.0, 180, "ok", 0),
        ("svhn", "dd", "b", 30.0, 180, "ok", 0),
        ("svhn", "dd", "a", 99.0, 180, "ok", 1),
        ("svhn", "dd-warm", "a", 25.0, 180, "ok", 0),
        ("svhn", "published-dd", "a", 22.0, float("nan"), "ok", 0),
    ]
)


def test_a_published_image_is_compared_with_ours_of_the_same_image_and_seed():
    theirs = frame([("svhn", "dd[preset=published]", "a", 21.0, 60_000, "ok", 0)])
    row = ["svhn", "dd", 1, "60,000", "21.00", "180", "24.00", "25.00"]
    assert replayed(OURS, theirs) == [row]


def test_counts_are_those_of_the_published_procedure():
    assert published_evaluations("svhn", slack=False) == 60_000
    assert published_evaluations("celeba", slack=True) == 100_000
    cold, warm = counts(OURS)
    assert cold[:5] == ["svhn", "dd", "60,000", "180", "333×"]
    assert warm[6:8] == ["22.00", "25.00"]
