"""The fast kernel estimate finds kernels, at its size and at larger ones."""

from __future__ import annotations

import math
from typing import Literal

import pytest
import torch

from bench.datasets.motion_blur import MotionBlur
from bench.datasets.photos import FOLDER
from bench.errors import InvalidInput
from bench.methods.photographs import kernel_mean
from bench.methods.photographs.choice import least_ringing, ringing
from bench.methods.photographs.evidence import (
    Refinement,
    refine_kernel,
    seen,
)
from bench.methods.photographs.kernel_choice import KernelChoice
from bench.methods.photographs.kernel_mean import KernelMean
from bench.methods.photographs.marginal import MarginalNatural
from bench.methods.photographs.method import ChosenEdges, PatchMinimalPixels, SparseEdges
from bench.methods.photographs.minimal_pixels import darkened
from bench.methods.photographs.tile import shrunk, tiled
from bench.methods.selfdeblur.method import SelfDeblur
from bench.metrics import kernel_similarity, psnr
from bench.photo import read_photo
from bench.physics.alignment import align
from bench.physics.forward import add_noise, blur, valid_part
from bench.protocol import Alignment, Task

LENGTH = 14


@pytest.fixture(scope="module")
def pair() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A development photograph, its observation and its kernel."""
    image = read_photo(FOLDER / "camera.png", 1)[0][None, :, 40:296, 100:356]
    kernel = MotionBlur(LENGTH + 1).kernel(4, seed=900, length=LENGTH)
    draw = torch.Generator().manual_seed(0)
    observation = add_noise(blur(image, kernel, "valid"), 0.01, [draw])
    return valid_part(image, (LENGTH + 1, LENGTH + 1)), observation, kernel


@pytest.mark.parametrize(
    ("cls", "size"), [(SparseEdges, 15), (SparseEdges, 25), (PatchMinimalPixels, 15),
                      (ChosenEdges, 15), (MarginalNatural, 15)]
)  # fmt: skip
def test_a_photograph_gains_at_its_kernel_size_and_above(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor], cls: type[SparseEdges], size: int
) -> None:
    truth, y, kernel = pair
    height, width = y.shape[-2:]
    method = cls(Task("natural", (height, width), 1, (size, size), 0.01, "free"))
    found = method.deblur(y)
    assert found.kernel is not None
    assert found.kernel.shape == (1, size, size)
    assert found.kernel.sum() == pytest.approx(1, abs=1e-5)
    assert found.kernel.min() >= 0
    near = Alignment(6, 0.25, 7)
    before, after = (float(psnr(*align(image, truth, near))) for image in (y, found.image))
    assert after > before + 3
    assert kernel_similarity(found.kernel, kernel[None]) > 0.65


def test_parameters_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInput, match="iterations = 0"):
        SparseEdges(Task("natural", (64, 64)), iterations=0)
    with pytest.raises(InvalidInput, match="turns = -1"):
        MarginalNatural(Task("natural", (64, 64)), turns=-1)
    with pytest.raises(InvalidInput, match="dark = 1"):
        PatchMinimalPixels(Task("natural", (64, 64)), dark=1.0)


def test_the_darkest_pixel_of_a_patch_becomes_black_where_it_nearly_is() -> None:
    image = torch.full((6, 6), 0.5)
    image[1, 1], image[1, 4], image[4, 1] = 0.05, 0.3, 0.1  # black, kept, and between
    image[5, 5] = 0.01  # beyond the photograph
    darker = darkened(image, (5, 5), threshold=0.1, side=3)
    assert darker[1, 1] == 0
    assert darker[1, 4] == pytest.approx(0.3)
    assert 0 < darker[4, 1] < 0.1
    assert int((darker != image).sum()) == 2
    assert torch.equal(darkened(image, (5, 5), threshold=0.0, side=3), image)


def test_the_true_kernel_rings_less_than_one_too_long(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    _, y, kernel = pair
    long = torch.nn.functional.interpolate(kernel[None, None], scale_factor=1.6)[0, 0]
    cut = (long.shape[0] - kernel.shape[0]) // 2
    long = long[cut : cut + len(kernel), cut : cut + len(kernel)]
    chosen = least_ringing(y[0, 0], [long / long.sum(), kernel], 0.0011, "free")
    assert torch.equal(chosen, kernel)
    assert ringing(y[0, 0]) < ringing(y[0, 0] + 0.05 * torch.randn(y.shape[-2:]))


def disturbed(kernel: torch.Tensor) -> torch.Tensor:
    """A kernel that is a little too wide, as estimates are."""
    wide = torch.nn.functional.avg_pool2d(kernel[None, None], 3, stride=1, padding=1)[0, 0]
    return wide / wide.sum()


@pytest.mark.parametrize("boundary", ["circular", "free"])
def test_the_marginal_likelihood_sharpens_a_kernel_that_is_too_wide(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor], boundary: Literal["circular", "free"]
) -> None:
    truth, y, kernel = pair
    if boundary == "circular":
        draw = torch.Generator().manual_seed(0)
        y = add_noise(blur(truth, kernel), 0.01, [draw])
    wide = disturbed(kernel)
    found = refine_kernel(y[0, 0], wide, 0.01, boundary)
    assert found.sum() == pytest.approx(1, abs=1e-5)
    assert found.min() >= 0
    near = kernel_similarity(torch.stack([wide, found]), kernel.expand(2, -1, -1))
    assert near[1] > near[0] + 0.02
    assert near[1] > 0.85


def test_no_turns_leave_the_kernel_as_it_is(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    _, y, kernel = pair
    same = refine_kernel(y[0, 0], kernel, 0.01, settings=Refinement(iterations=0))
    assert torch.equal(same, kernel)
    task = Task("natural", (int(y.shape[-2]), int(y.shape[-1])), 1, (15, 15), 0.01, "free")
    plain, unrefined = ChosenEdges(task), MarginalNatural(task, turns=0)
    assert torch.equal(plain.estimate(y[0, 0]), unrefined.estimate(y[0, 0]))


@pytest.mark.parametrize("support", [(5, 5), (4, 7)])
def test_the_canvas_holds_all_that_the_seen_gradients_depend_on(support: tuple[int, int]) -> None:
    draw = torch.Generator().manual_seed(1)
    scene = torch.rand(1, 1, 40, 37, generator=draw)
    kernel = torch.rand(1, *support, generator=draw)
    kernel /= kernel.sum()
    y = blur(scene, kernel, "valid")[0, 0]
    view = seen(y, support, "free")
    down = scene[0, 0].diff(dim=0)[:, :-1]
    canvas = torch.zeros(view.extent)
    canvas[: down.shape[0], : down.shape[1]] = down
    blurred = view.image(view.transfer(kernel[0]) * torch.fft.rfft2(canvas))
    assert torch.allclose(view.mask * blurred, view.gradients[0], atol=1e-5)


class Moved(SparseEdges):
    """Finds the kernel of ``sparse-edges`` three pixels off."""

    def estimate(self, grey: torch.Tensor) -> torch.Tensor:
        return super().estimate(grey).roll((-2, 1), (0, 1))


def _found_alone(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> tuple[Task, torch.Tensor, torch.Tensor]:
    """Return a task, its observation and the kernel that ``sparse-edges`` finds."""
    _, y, _ = pair
    height, width = y.shape[-2:]
    task = Task("natural", (height, width), 1, (21, 21), 0.01, "free")
    return task, y, SparseEdges(task).estimate_kernel(y)


def test_the_mean_of_kernels_is_taken_where_their_images_meet(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    task, y, alone = _found_alone(pair)
    monkeypatch.setattr(kernel_mean, "members", lambda names: [SparseEdges, Moved])
    found = KernelMean(task, "sparse-edges+moved").deblur(y)
    assert found.kernel is not None
    assert kernel_similarity(found.kernel, alone) > 0.99
    assert (found.kernel - alone).abs().max() < 0.1 * alone.max()
    assert found.iterations == 2 * SparseEdges(task).settings.iterations


class Turned(SparseEdges):
    """Finds the kernel of ``sparse-edges`` mirrored."""

    def estimate(self, grey: torch.Tensor) -> torch.Tensor:
        return super().estimate(grey).flip(1)


def test_of_several_kernels_the_one_that_rings_least_is_taken(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    task, y, alone = _found_alone(pair)
    for order in ([SparseEdges, Turned], [Turned, SparseEdges]):
        monkeypatch.setattr(kernel_mean, "members", lambda names, order=order: order)
        found = KernelChoice(task, "sparse-edges+turned").deblur(y)
        assert found.kernel is not None
        assert torch.equal(found.kernel, alone)


def test_rows_that_combine_kernels_share_what_a_member_shares() -> None:
    assert KernelChoice.stage({}) == KernelMean.stage({}) == SelfDeblur.stage({})
    assert KernelMean.stage({"kernels_from": "sparse-edges+pmp"}) == ""


def test_a_mean_of_one_kernel_or_of_an_oracles_is_refused() -> None:
    task = Task("natural", (64, 64))
    with pytest.raises(InvalidInput, match="two names or more"):
        KernelMean(task, "pmp")
    for name in ("known-kernel", "kernel-mean"):
        with pytest.raises(InvalidInput, match=f"{name}' is no blind method"):
            KernelMean(task, f"pmp+{name}")


def test_a_tile_is_periodic_and_shows_the_photograph() -> None:
    picture = torch.rand((20, 31), generator=torch.Generator().manual_seed(2))
    tile = tiled(picture, (28, 40))
    assert torch.equal(tile[4:24, 4:35], picture)
    around = torch.stack([tile.roll(step, axis) for step in (1, -1) for axis in (0, 1)]).mean(0)
    frame = torch.ones(28, 40, dtype=torch.bool)
    frame[4:24, 4:35] = False
    torch.testing.assert_close(tile[frame], around[frame], atol=1e-6, rtol=0)
    waves = torch.cos(2 * torch.pi * (torch.arange(40) / 40))[None].expand(28, -1)
    small = shrunk(waves, (14, 20))
    expected = torch.cos(2 * torch.pi * torch.arange(20) / 20) * math.exp(-1.2 * 0.1**2)
    torch.testing.assert_close(small, expected[None].expand(14, -1), atol=1e-5, rtol=0)
