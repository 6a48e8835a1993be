"""The dark channel method through its public doors, on tiny synthetic images."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from bench.errors import InvalidInput, Unavailable
from bench.methods.engineered.benchmark_dark_channel import compare
from bench.methods.engineered.dark_channel import DarkChannel
from bench.methods.engineered.octave_session import OctaveSession, session
from bench.physics.answers import check_restoration
from bench.physics.forward import blur
from bench.protocol import Boundary, Task

needs_octave = pytest.mark.skipif(
    not (shutil.which("octave-cli") or shutil.which("octave")), reason="GNU Octave is missing"
)


@pytest.fixture(scope="module")
def octave() -> Iterator[OctaveSession]:
    yield session()
    session().close()


def _blocks(count: int, channels: int, size: tuple[int, int]) -> torch.Tensor:
    """Images of flat blocks: edges in both directions, and dark pixels."""
    draw = torch.Generator().manual_seed(1)
    coarse = torch.rand(count, channels, 7, 7, generator=draw)
    coarse = torch.where(coarse < 0.4, coarse * 0.05, coarse)
    return torch.nn.functional.interpolate(coarse, size, mode="nearest")


def _streak(size: tuple[int, int]) -> torch.Tensor:
    """A short diagonal streak whose centroid is the grid's middle."""
    kernel = torch.zeros(size)
    rows, columns = ((torch.tensor(n) - 1) / 2 for n in size)
    for step in torch.linspace(-2.5, 2.5, 41):
        row, column = rows + step, columns + step
        r, c = int(row.floor()), int(column.floor())
        a, b = row - r, column - c
        for dr, dc, weight in ((0, 0, (1 - a) * (1 - b)), (1, 1, a * b), (0, 1, (1 - a) * b)):
            kernel[r + dr, c + dc] += weight
        kernel[r + 1, c] += a * (1 - b)
    return kernel / kernel.sum()


def _observed(task: Task, count: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    image = _blocks(count, task.channels, task.image_size)
    kernel = _streak(task.kernel_size).expand(count, -1, -1)
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(2))
    return image, kernel, (blur(image, kernel) + task.noise * noise).clamp(0, 1)


def _psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(-10 * (a - b).square().mean().log10())


@needs_octave
@pytest.mark.usefixtures("octave")
@pytest.mark.parametrize(
    ("channels", "size", "kernel_size", "boundary"),
    [
        (3, (32, 32), (28, 28), "circular"),
        (1, (37, 50), (9, 13), "circular"),
        (1, (41, 40), (9, 9), "free"),
        (3, (12, 12), (3, 4), "circular"),
    ],
)
def test_result_is_valid(channels: int, size, kernel_size, boundary) -> None:
    task = Task("celeba", size, channels, kernel_size, boundary=boundary)
    y = _blocks(2, channels, size)
    found = DarkChannel(task).deblur(y)
    check_restoration(found, y)
    assert found.kernel is not None
    assert found.kernel.shape == (2, *kernel_size)
    assert float(found.kernel.min()) >= 0
    torch.testing.assert_close(found.kernel.sum((1, 2)), torch.ones(2))


@needs_octave
@pytest.mark.usefixtures("octave")
def test_deblurs_and_places_the_kernel_to_a_fraction_of_a_pixel() -> None:
    task = Task("celeba", (64, 64), kernel_size=(28, 28))
    image, _, y = _observed(task)
    found = DarkChannel(task).deblur(y)
    assert _psnr(found.image, image) > _psnr(y, image) + 2
    assert found.kernel is not None
    pixels = torch.arange(28.0)
    centre = torch.stack(
        [(found.kernel.sum(2) * pixels).sum(), (found.kernel.sum(1) * pixels).sum()]
    )
    torch.testing.assert_close(centre, torch.full((2,), 13.5), atol=0.02, rtol=0)


@needs_octave
@pytest.mark.usefixtures("octave")
def test_result_does_not_depend_on_the_batch() -> None:
    task = Task("shoes", (32, 36), kernel_size=(9, 9))
    _, _, y = _observed(task, 3)
    method = DarkChannel(task, iterations=2)
    together, alone = method.deblur(y), method.deblur(y[1:2])
    assert together.kernel is not None
    assert alone.kernel is not None
    # Octave's transforms choose their code by how an array lies in memory: equal up to rounding.
    torch.testing.assert_close(together.kernel[1:2], alone.kernel, atol=1e-6, rtol=0)
    torch.testing.assert_close(together.image[1:2], alone.image, atol=1e-5, rtol=0)


@needs_octave
@pytest.mark.usefixtures("octave")
def test_final_step_takes_any_kernel() -> None:
    task = Task("shoes", (48, 48), kernel_size=(15, 15))
    image, kernel, y = _observed(task)
    restored = DarkChannel(task, tv_weight=0.002).restore(y, kernel)
    assert _psnr(restored, image) > _psnr(y, image) + 5


@needs_octave
@pytest.mark.usefixtures("octave")
@pytest.mark.parametrize("boundary", ["circular", "free"])
def test_louder_noise_weighs_more_and_only_for_its_own_image(boundary: Boundary) -> None:
    task = Task("shoes", (48, 48), kernel_size=(15, 15), boundary=boundary)
    _, kernel, quiet = _observed(task)
    draw = torch.Generator().manual_seed(3)
    loud = (quiet + 0.1 * torch.randn(quiet.shape, generator=draw)).clamp(0, 1)
    method = DarkChannel(task, tv_weight=0.008)
    both = method.restore(torch.cat([quiet, loud]), torch.cat([kernel, kernel]))
    torch.testing.assert_close(both[:1], method.restore(quiet, kernel), atol=1e-5, rtol=0)
    error = (both[1] - both[0]).square().mean().sqrt()
    assert error < 0.1  # the noise is damped, not amplified


@needs_octave
@pytest.mark.parametrize("patch", [1, 5, 9, 99])
def test_dark_pixels_equal_a_loop_over_patches(octave: OctaveSession, patch: int) -> None:
    image = np.random.default_rng(0).random((12, 17, 2))
    dark, minima = octave.call("dark_pixels", image, patch, outputs=2)
    half = (min(patch, 12) - 1) // 2
    expected = np.zeros(image.shape, bool)
    for n in range(2):
        for row in range(12):
            for column in range(17):
                rows = np.arange(row - half, row + half + 1) % 12
                columns = np.arange(column - half, column + half + 1) % 17
                values = image[np.ix_(rows, columns)][..., n]
                assert minima[row, column, n] == values.min()
                r, c = np.unravel_index(values.argmin(), values.shape)
                expected[rows[r], columns[c], n] = True
    np.testing.assert_array_equal(np.asarray(dark, bool), expected)


@needs_octave
@pytest.mark.parametrize("size", [9, 12])
def test_placing_moves_the_centroid_by_a_fraction(octave: OctaveSession, size: int) -> None:
    kernel = np.zeros((9, 9))
    kernel[3:6, 4] = (0.2, 0.5, 0.3)
    placed = octave.call("place_kernel", kernel, size, size, np.ones(2))
    assert placed.sum() == pytest.approx(1)
    pixels = np.arange(size)
    assert placed.sum(1) @ pixels == pytest.approx((size - 1) / 2)
    assert placed.sum(0) @ pixels == pytest.approx((size - 1) / 2)


@needs_octave
def test_small_components_are_pruned(octave: OctaveSession) -> None:
    kernel = np.zeros((9, 9))
    kernel[1:4, 1:4] = 1
    kernel[7, 7] = 0.5  # 5 % of the mass
    kernel[5, 1] = -1
    pruned = octave.call("prune_kernel", kernel, 0.05, 0.1)
    assert pruned[7, 7] == 0
    assert pruned.min() == 0
    np.testing.assert_allclose(pruned[1:4, 1:4], 1 / 9)


def test_refuses_what_it_cannot_do() -> None:
    task = Task("svhn", (20, 20), kernel_size=(28, 28))
    with pytest.raises(InvalidInput, match="larger than the image"):
        DarkChannel(task).deblur(torch.rand(1, 3, 20, 20))
    with pytest.raises(InvalidInput, match="'darkness' is no parameter"):
        DarkChannel(task, darkness=1)


def test_missing_octave_is_reported_without_starting_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("OCTAVE_EXECUTABLE", raising=False)
    with pytest.raises(Unavailable, match="apt-get install octave"):
        DarkChannel.check_available(Task("svhn", (32, 32)))


def test_assets_name_every_file_that_decides() -> None:
    assets = DarkChannel.assets(Task("svhn", (32, 32)))
    assert set(assets) == {"octave_prior.toml", "octave/*.m"}
    assert all(len(checksum) == 64 for checksum in assets.values())


def tuned(task: Task, parameter: str) -> float:
    value = DarkChannel.tuned(task)[parameter]
    assert isinstance(value, float)
    return value


def test_every_class_has_complete_settings() -> None:
    for name in ("svhn", "shoes", "celeba", "natural", "never-heard-of"):
        assert tuned(Task(name, (64, 64)), "ridge") > 0
    assert tuned(Task("natural", (255, 255), 1, boundary="free"), "tv_weight") < 0.005


@needs_octave
def test_the_loop_agrees_and_takes_longer(octave: OctaveSession) -> None:
    # The benchmark raises if loop and vectorised step disagree; the ratio is of one run.
    assert compare(octave, size=32, patch=9) > 1
