"""The pages of text that the project draws."""

from __future__ import annotations

import pytest
import torch

from bench.datasets.rendered_text import (
    STYLES,
    LargeRenderedTextDevelopment,
    RenderedTextDevelopment,
    page,
)
from bench.seeds import generator


def test_pages_of_text_are_those_of_the_seed_and_no_two_share_a_kernel() -> None:
    pages = RenderedTextDevelopment()
    samples = [pages[index] for index in (0, 2, 5)]
    for index, sample in zip((0, 2, 5), samples, strict=True):
        style = STYLES[index]
        assert sample.image.shape == (3, *style.size)
        assert torch.equal(sample.image, pages[index].image)
        levels = sample.image * 255
        assert torch.allclose(levels, levels.round(), atol=1e-4)
        share = (levels.permute(1, 2, 0) - torch.tensor(style.paper)).abs().amax(2) <= 6
        assert 0.5 < share.float().mean() < 0.97  # paper, and letters on it
        other = page(style, generator("test", index))
        assert (other - sample.image).abs().mean() > 0.01
    assert len({sample.kernel_id for sample in samples}) == 3
    assert not torch.equal(samples[0].kernel, samples[1].kernel)
    with pytest.raises(IndexError):
        pages[len(pages)]


def test_the_large_kernels_are_large_and_on_other_pages() -> None:
    large = LargeRenderedTextDevelopment()
    assert [large[index].kernel.shape[0] for index in range(5)] == [23, 25, 27, 29, 31]
    assert not torch.equal(large[2].image, RenderedTextDevelopment()[2].image)
