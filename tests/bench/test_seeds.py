"""Generators of random numbers that rounding does not change."""

from __future__ import annotations

import torch

from bench.seeds import generators_per_image, stable_generators_per_image


def first(generators):
    return [torch.rand((), generator=one).item() for one in generators]


def test_last_digits_draw_the_same_and_other_images_and_seeds_do_not():
    images = torch.rand(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    rounded = images + 1e-6 * torch.randn(images.shape)
    drawn = first(stable_generators_per_image(images, 0))
    assert first(stable_generators_per_image(rounded, 0)) == drawn
    assert first(generators_per_image(rounded, 0)) != first(generators_per_image(images, 0))
    assert first(stable_generators_per_image(images[1:], 0)) == drawn[1:]
    assert len(set(drawn)) == 3
    assert not set(first(stable_generators_per_image(images, 1))) & set(drawn)
