"""Soft photographs keep their softness from the kernel, and in their image."""

from __future__ import annotations

from typing import Literal

import pytest
import torch

from bench.datasets.motion_blur import MotionBlur
from bench.datasets.photos import FOLDER
from bench.datasets.shaken_photos import softened
from bench.methods.photographs.evidence import Refinement, bell_spectrum, refine_kernel, seen
from bench.methods.photographs.method import SparseEdges
from bench.methods.photographs.softness import (
    SOFTNESSES,
    likely,
    refine_on_window,
    refine_softly_on_window,
    restore_softly,
)
from bench.metrics import kernel_similarity, psnr
from bench.photo import read_photo
from bench.physics.alignment import align
from bench.physics.forward import add_noise, blur, valid_part
from bench.protocol import Alignment, Task
from tests.methods.test_photographs import disturbed

SIZE = (15, 15)
NOISE = 0.004


@pytest.mark.parametrize("boundary", ["circular", "free"])
def test_a_soft_photograph_keeps_its_softness(boundary: Literal["circular", "free"]) -> None:
    image = softened(read_photo(FOLDER / "camera.png", 1)[0][None, :, 40:296, 100:356], 1.0)
    kernel = MotionBlur(SIZE[0]).kernel(4, seed=900, length=14)
    blurred = blur(image, kernel, "valid" if boundary == "free" else "circular")
    y = add_noise(blurred, NOISE, [torch.Generator().manual_seed(0)])
    problem = y[0, 0], disturbed(kernel), NOISE, boundary, Refinement()
    sharp = refine_on_window(*problem)
    (same,) = refine_softly_on_window(*problem, tried=1)
    assert torch.equal(sharp, same)
    assert torch.equal(sharp, refine_kernel(*problem))  # it is no larger than the window
    kernels = refine_softly_on_window(*problem)
    soft = likely(kernels)
    near = kernel_similarity(torch.stack([sharp, soft]), kernel.expand(2, -1, -1))
    assert near[1] > near[0] + 0.02
    assert sharp.square().sum() < soft.square().sum() < 1.2 * kernel.square().sum()

    height, width = (int(side) for side in y.shape[-2:])
    restore = SparseEdges(Task("natural", (height, width), 1, SIZE, NOISE, boundary)).restore
    truth = image if boundary == "circular" else valid_part(image, SIZE)

    def quality(found: torch.Tensor) -> float:
        return float(psnr(*align(found[None], truth, Alignment(6, 0.25, 7))))

    alone = [quality(restore(y, each[None])[0]) for each in (sharp, soft)]
    assert quality(restore_softly(y[0], kernels, restore, boundary)) > max(alone) + 0.2


def test_a_photograph_that_is_taken_for_sharp_is_restored_as_ever() -> None:
    y = read_photo(FOLDER / "camera.png", 1)[0][None, :, 40:104, 100:164]
    kernel = torch.zeros(SIZE)
    kernel[7, 4:11] = 1 / 7
    restore = SparseEdges(Task("natural", (64, 64), 1, SIZE, NOISE, "free")).restore
    assert torch.equal(restore_softly(y[0], [kernel], restore, "free"), restore(y, kernel[None])[0])


@pytest.mark.parametrize(
    ("size", "off"),
    [((5, 5), 1e-3), ((31, 30), 1e-5), ((32, 32), 1e-5)],  # with room, tails are cut off
)
def test_a_lens_is_periodic_where_a_kernel_fills_the_image(
    size: tuple[int, int], off: float
) -> None:
    draw = torch.Generator().manual_seed(3)
    y = 0.2 + 0.6 * torch.rand(1, 32, 32, generator=draw)
    kernels = [kernel / kernel.sum() for kernel in torch.rand(2, *size, generator=draw)]

    def blurred(image: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
        return blur(image, kernel, "circular")

    found = restore_softly(y, kernels, blurred, "circular")
    lens = bell_spectrum(y, SOFTNESSES[1]).square()  # of the kernel, and of the image
    soft = torch.fft.irfft2(lens * torch.fft.rfft2(blurred(y[None], kernels[1][None])))
    expected = (blurred(y[None], kernels[0][None]) + soft)[0] / 2
    assert torch.allclose(found, expected, atol=off)


def test_no_border_sees_the_opposite_one_through_the_lens() -> None:
    y = torch.rand(40, 36, generator=torch.Generator().manual_seed(1))
    view = seen(y, (5, 4), "free", softness=1.0)
    transfer = view.transfer(torch.full((5, 4), 1 / 20))
    middle = view.extent[0] // 2
    rows = view.mask.sum(1).nonzero().flatten()
    for row, opposite in ((rows[0], slice(middle, None)), (rows[-1], slice(middle))):
        border = torch.zeros_like(view.mask)
        border[row] = view.mask[row]
        depends = view.image(transfer.conj() * torch.fft.rfft2(border)).abs()
        assert depends[opposite].max() < 0.01 * depends.max()
