"""The kernel estimate on pictures of text: either polarity, colours, and nearly exact kernels."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from bench.datasets.rendered_text import Style, page
from bench.datasets.shaken_photos import thickened, tremor
from bench.errors import InvalidInput
from bench.methods.photographs.text import TextSettings, tones, two_toned
from bench.methods.photographs.text_method import TextL0
from bench.methods.photographs.text_search import Again, Search, search_kernel
from bench.metrics import kernel_similarity, psnr
from bench.physics.alignment import align
from bench.physics.forward import blur
from bench.protocol import Alignment, Task
from bench.seeds import generator

NAVY, WHITE, YELLOW, BLACK = (18, 32, 96), (255, 255, 255), (250, 214, 40), (0, 0, 0)
SIDE = 13


@pytest.mark.parametrize(("paper", "ink"), [(WHITE, NAVY), (NAVY, WHITE), (BLACK, YELLOW)])
def test_the_paper_is_at_0_and_the_letters_at_1(
    paper: tuple[int, int, int], ink: tuple[int, int, int]
) -> None:
    picture = page(Style((96, 128), paper, (ink,), "DejaVuSans", (30,)), generator("test", 1))
    plane, span = tones(picture)
    assert float(plane.median()) == pytest.approx(0, abs=0.02)
    assert float(plane.max()) == pytest.approx(1, abs=0.02)
    distance = (torch.tensor(ink) - torch.tensor(paper)).square().sum().float().sqrt() / 255
    assert span == pytest.approx(float(distance), rel=0.05)


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_a_picture_without_letters_is_not_stretched_without_end(value: float) -> None:
    plane, span = tones(torch.full((3, 32, 32), value))
    assert plane.isfinite().all()
    assert span == pytest.approx(1e-3)


def test_what_is_near_a_tone_becomes_it() -> None:
    pulled = two_toned(torch.tensor([-0.05, 0.05, 0.4, 0.6, 0.95, 1.05]), 0.1)
    assert pulled.tolist() == pytest.approx([0, 0, 0.4, 0.6, 1, 1])


@pytest.mark.parametrize(("paper", "ink"), [(WHITE, BLACK), (NAVY, YELLOW)])
def test_text_without_noise_gives_its_kernel_back(
    paper: tuple[int, int, int], ink: tuple[int, int, int]
) -> None:
    style = Style((200, 260), paper, (ink,), "DejaVuSans-Bold", (36,))
    truth = page(style, generator("test", 2))[None]
    kernel = thickened(tremor(SIDE, generator("test", 3)), 0.7)
    y = (blur(truth, kernel, "replicate") * 255).round() / 255
    found = TextL0(Task("natural", (200, 260), 3, (SIDE, SIDE), 0.00113, "free")).deblur(y)
    assert found.kernel is not None
    assert found.kernel.sum() == pytest.approx(1, abs=1e-5)
    assert found.kernel.min() >= 0
    assert kernel_similarity(found.kernel, kernel[None]) > 0.97
    near = Alignment(6, 0.25, 7)
    before, after = (float(psnr(*align(image, truth, near))) for image in (y, found.image))
    assert after > before + 10


def test_beginning_again_finds_more_of_a_kernel_than_one_climb() -> None:
    style = Style((200, 260), WHITE, (BLACK,), "DejaVuSans-Bold", (36,))
    kernel = thickened(tremor(21, generator("test", 5)), 0.7)
    y = blur(page(style, generator("test", 2))[None], kernel, "replicate")
    seen = tones((y[0] * 255).round() / 255)
    once = Search(windows=((128,),), again=(), refined=())
    more = dataclasses.replace(once, again=(Again(160, 0.5, 1.0), Again(160, 1.0, 4.0)))
    first, second = (
        float(kernel_similarity(found[None], kernel[None]))
        for search in (once, more)
        for found in [search_kernel(seen, (21, 21), 0.00113, "free", TextSettings(), search)]
    )
    assert second > first + 0.02
    assert second > 0.96


def test_iterations_below_1_are_refused() -> None:
    with pytest.raises(InvalidInput, match="iterations = 0"):
        TextL0(Task("natural", (64, 64)), iterations=0)
