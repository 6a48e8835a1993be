"""Published restorations of Levin's photographs score what is known of them."""

from __future__ import annotations

import pytest

import bench
from bench.datasets.levin import Levin
from bench.errors import NotApplicable
from bench.methods.replays.levin import PublishedPhaseOnly, PublishedPMP
from bench.protocol import Sample, Task

TASK = Task("natural", (255, 255), 1, (19, 19), 0.005, "free")


@pytest.fixture
def published() -> None:
    if not (PublishedPMP.place().is_dir() and Levin.location().found):
        pytest.skip(f"{PublishedPMP.place()} or {Levin.location().path} is missing")


@pytest.mark.usefixtures("published")
def test_means_over_the_32_pairs() -> None:
    names = "published-pmp,published-phase-only,published-selfdeblur"
    frame = bench.run(names, "levin")
    assert set(frame["status"]) == {"ok"}
    psnr = frame.groupby("method")["psnr"].mean()
    assert psnr["published-pmp"] == pytest.approx(32.44, abs=0.05)
    assert psnr["published-phase-only"] == pytest.approx(33.72, abs=0.05)
    assert psnr["published-selfdeblur"] == pytest.approx(33.11, abs=0.05)
    # Stored for a convolution and for a correlation: the other way round they fit less.
    similarity = frame.groupby("method")["kernel_similarity"].mean()
    assert similarity["published-pmp"] > 0.75
    assert similarity["published-selfdeblur"] > 0.85


@pytest.mark.usefixtures("published")
def test_another_set_with_the_same_names_has_no_published_outputs() -> None:
    pair = bench.load("levin")[0].sample
    other = Sample(0, pair.name, pair.image, pair.kernel, "k", observation=pair.image)
    with pytest.raises(NotApplicable):
        PublishedPhaseOnly(TASK).replay([other])


def test_nothing_was_published_for_other_sizes() -> None:
    with pytest.raises(NotApplicable):
        PublishedPMP.check_available(Task("natural", (64, 64)))
