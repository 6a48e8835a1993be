"""The 128×128 experiment: framing, blurs of up to 30 pixels, and the published forward model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.datasets.motion_blur import (
    LARGE_LENGTHS,
    LARGE_SIZE,
    MotionBlur,
    large_blur_sample,
    motion_blur_batch,
)
from bench.errors import InvalidInput
from bench.harness.plan import load_dataset
from bench.physics.condition import Condition
from bench.physics.observation import observe


def test_large_blurs_are_drawn_by_seed_and_fill_their_grid() -> None:
    lengths = motion_blur_batch(400, 3, size=LARGE_SIZE, lengths=LARGE_LENGTHS).lengths
    assert (lengths.min(), lengths.max()) == LARGE_LENGTHS
    image = torch.rand(3, 128, 128)
    sample, again = (large_blur_sample(7, image, seed=1) for _ in range(2))
    assert torch.equal(sample.kernel, again.kernel)
    assert sample.kernel.shape == (32, 32)
    assert sample.kernel.sum() == pytest.approx(1.0, abs=1e-5)
    assert sample.blur_length == MotionBlur(LARGE_SIZE, LARGE_LENGTHS).length(7, seed=1)
    longest = large_blur_sample(7, image, seed=1, length=30)
    assert longest.blur_length == 30
    assert longest.kernel_id != sample.kernel_id


def test_kernels_of_the_paper_are_what_they_were() -> None:
    with pytest.raises(InvalidInput, match="trajectory length is"):
        motion_blur_batch(1, 0, lengths=(0, 3))
    drawn = motion_blur_batch(2, 5)
    assert torch.equal(drawn.kernels, motion_blur_batch(2, 5, lengths=(5, 28)).kernels)


def test_published_samples_and_held_out_faces_are_of_one_class(data: Path) -> None:
    faces, samples = load_dataset("faces128"), load_dataset("pggan")
    assert (len(faces), len(samples)) == (210, 13)
    for dataset in (faces, samples):
        assert dataset[0].image.shape == (3, 128, 128)
        assert dataset[0].kernel.shape == (32, 32)
        assert dataset.image_class == "faces128"
    assert len(load_dataset("faces128-val")) == 80


def test_the_published_model_observes_99_pixels_of_128(data: Path) -> None:
    dataset = load_dataset("pggan-padded")
    found = observe(dataset, 0, Condition())
    assert found.observation.shape == found.sample.image.shape == (3, 99, 99)
    whole = load_dataset("pggan")[0].image
    assert torch.equal(found.sample.image, whole[:, 14:113, 14:113])
    assert found.task(dataset, Condition(), "cpu").scene_size == (128, 128)
