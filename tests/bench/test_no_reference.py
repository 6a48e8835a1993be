"""Measures that need no truth: they fall with blur, and with noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bench.datasets.motion_blur import MotionBlur
from bench.datasets.photos import FOLDER
from bench.metrics import naturalness, sharpness_index
from bench.photo import read_photo
from bench.photo.evidence import Evidence
from bench.photo.kernel_size import search
from bench.photo.measure import through_jpeg
from bench.photo.noise import is_jpeg, measured_noise
from bench.photo.tiles import restore_in_tiles
from bench.physics.forward import add_noise, blur
from bench.physics.intensity import luma
from bench.physics.noise import estimate_noise
from bench.physics.periodic import periodic_component
from bench.physics.texture import most_textured


@pytest.fixture(scope="module")
def sharp() -> torch.Tensor:
    return read_photo(FOLDER / "camera.png", 1)[0][None, :, 40:296, 60:380]


def test_blur_and_noise_are_worse_than_neither(sharp: torch.Tensor) -> None:
    kernel = MotionBlur().kernel(2, seed=5, length=20)
    blurred = blur(sharp, kernel)
    noisy = add_noise(sharp, 0.1, [torch.Generator().manual_seed(0)])
    best, after_blur, after_noise = sharpness_index(torch.cat([sharp, blurred, noisy]))
    assert best > 2 * after_blur
    assert best > 2 * after_noise
    values = naturalness(torch.cat([sharp, blurred]))
    assert values[0] < values[1]


def test_random_phases_have_no_sharpness(sharp: torch.Tensor) -> None:
    draw = torch.Generator().manual_seed(1)
    white = torch.randn(1, 1, 128, 128, generator=draw)
    assert float(sharpness_index(0.5 + 0.1 * white)[0]) < 0.3  # per thousand pixels


def test_a_small_image_has_no_naturalness() -> None:
    assert naturalness(torch.rand(1, 3, 64, 64)).isnan().all()


def test_the_periodic_component_of_a_slope_is_flat() -> None:
    slope = torch.arange(32.0)[:, None].expand(32, 40).double()
    flat = periodic_component(slope)
    assert (flat - flat.roll(1, 0)).abs().max() < 4  # where the slope itself jumps by 31
    whole = torch.rand(32, 40, generator=torch.Generator().manual_seed(0)).double()
    assert periodic_component(whole).mean() == pytest.approx(float(whole.mean()))


def test_evidence_prefers_the_kernel_to_none_and_to_another(sharp: torch.Tensor) -> None:
    kernel, other = (MotionBlur().kernel(index, seed=6, length=18) for index in (0, 1))
    draw = torch.Generator().manual_seed(2)
    evidence = Evidence(add_noise(blur(sharp, kernel), 0.01, [draw])[0, 0], 0.01)
    assert evidence.of(kernel) > evidence.of(other) + 0.01
    assert evidence.of(kernel) > evidence.of(None) + 0.05


@pytest.mark.parametrize(("explaining", "best"), [({9, 11, 13}, 13), ({9, 11}, 11), (set(), 13)])
def test_of_sizes_of_equal_evidence_the_sharpest_that_explains_is_taken(
    sharp: torch.Tensor, explaining: set[int], best: int
) -> None:
    class Equal(Evidence):
        def of(self, kernel: torch.Tensor | None) -> float:
            return 0.0 if kernel is None or len(kernel) > 13 else 1.0

    found = search(
        lambda size: torch.ones(size, size) / size**2,
        Equal(sharp[0, 0], 0.01),
        (9, 11, 13, 17),
        lambda kernel: sharp ** (len(kernel) / 9),  # darker, and sharper by the index
        lambda restored, kernel: len(kernel) in explaining,
    )
    assert [found[0].size, found[-1].size] == [best, 17]


@pytest.mark.parametrize("quality", [None, 98, 95, 85])
def test_noise_is_measured_in_a_jpeg_file_too(quality: int | None) -> None:
    sharp = read_photo(FOLDER / "coffee.png", 3)[0][None]
    draw = torch.Generator().manual_seed(3)
    noisy = add_noise(blur(sharp, MotionBlur().kernel(2, seed=5, length=20)), 0.01, [draw])[0]
    seen = noisy.mul(255).round() / 255 if quality is None else through_jpeg(noisy, quality)
    seen = seen[:, 3:, 5:]  # blocks of a JPEG file may begin anywhere
    assert is_jpeg(luma(seen[None])[0, 0]) == (quality is not None)
    assert 0.006 < measured_noise(seen) < 0.014
    if quality is not None:
        assert estimate_noise(seen[None])[0] < 0.003


def test_tiles_leave_no_seams() -> None:
    image = torch.rand(3, 100, 157, generator=torch.Generator().manual_seed(0))
    shares: list[float] = []
    same = restore_in_tiles(image, 10, lambda piece: piece, shares.append, tile=32)
    assert torch.allclose(same, image, atol=1e-6)
    assert shares[-1] == 1
    assert np.all(np.diff(shares) > 0)


def test_the_window_lies_where_the_texture_is() -> None:
    grey = torch.full((300, 400), 0.5)
    grey[200:260, 300:380] += 0.2 * torch.rand(60, 80, generator=torch.Generator().manual_seed(0))
    rows, cols = most_textured(grey, 96)
    assert rows.start <= 200
    assert rows.stop >= 260
    assert cols.start <= 300
    assert cols.stop >= 380
