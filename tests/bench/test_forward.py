"""The forward model against its definition, and the half pixel that its centring hides."""

from __future__ import annotations

import pytest
import torch

from bench.errors import InvalidInput
from bench.physics.alignment import centroid, recentre
from bench.physics.forward import (
    add_noise,
    apply_transfer,
    blur,
    seen_part,
    shift,
    transfer_function,
    valid_part,
)


def _rand(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _smooth(size: int = 32, seed: int = 0) -> torch.Tensor:
    """An image without frequencies near Nyquist, so that a Fourier shift is exact."""
    spectrum = torch.fft.rfft2(_rand(1, 3, size, size, seed=seed))
    rows, cols = torch.fft.fftfreq(size), torch.fft.rfftfreq(size)
    spectrum[..., (rows[:, None] ** 2 + cols**2).sqrt() > 0.2] = 0
    return torch.fft.irfft2(spectrum, s=(size, size))


def _direct(image: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """``y(p) = Σ_q k(q) x(p − q + origin)``, coordinates modulo the image's size."""
    kh, kw = kernel.shape
    result = torch.zeros_like(image)
    for row in range(kh):
        for col in range(kw):
            moved = image.roll((row - kh // 2, col - kw // 2), (-2, -1))
            result += kernel[row, col] * moved
    return result


@pytest.mark.parametrize("size", [(5, 5), (4, 4), (6, 3), (9, 8)])
@pytest.mark.parametrize("image_size", [(9, 8), (12, 11)])
def test_blur_is_the_direct_circular_sum(size, image_size):
    image, kernel = _rand(1, 2, *image_size), _rand(*size, seed=1)
    assert torch.allclose(blur(image, kernel), _direct(image, kernel), atol=1e-12)


@pytest.mark.parametrize("size", [(5, 5), (4, 6), (1, 3)])
def test_other_boundaries_are_the_direct_sum_over_an_image_that_goes_on(size):
    image, kernel = _rand(1, 2, 9, 8), _rand(*size, seed=1)
    rows, cols = size
    beyond = torch.nn.functional.pad(image, (cols, cols, rows, rows), mode="replicate")
    expected = _direct(beyond, kernel)[..., rows : rows + 9, cols : cols + 8]
    assert torch.allclose(blur(image, kernel, "replicate"), expected, atol=1e-12)
    inside = blur(image, kernel, "valid")
    assert inside.shape == (1, 2, 9 - rows + 1, 8 - cols + 1)
    assert torch.allclose(inside, valid_part(expected, size), atol=1e-12)
    # What it needs is inside: whatever is beyond the border changes nothing.
    other = torch.nn.functional.pad(image, (cols, cols, rows, rows))
    dark = _direct(other, kernel)[..., rows : rows + 9, cols : cols + 8]
    assert torch.allclose(valid_part(dark, size), inside, atol=1e-12)


def test_padded_is_the_published_correlation_with_the_turned_kernel():
    torch.manual_seed(0)
    image, kernel = torch.rand(2, 3, 40, 44), torch.rand(8, 7)
    weight = kernel.flip(0, 1).expand(3, 1, 8, 7)
    expected = torch.nn.functional.conv2d(image, weight, padding=1, groups=3)
    found = blur(image, kernel, "padded")
    assert found.shape == expected.shape == (2, 3, 35, 40)
    assert torch.allclose(found, expected, atol=1e-4)
    # A point blurs to itself: what is seen of the image is where the observation is.
    point = torch.zeros(8, 7)
    point[4, 3] = 1
    assert torch.allclose(
        blur(image, point, "padded"), seen_part(image, (8, 7), "padded"), atol=1e-5
    )


def test_a_boundary_that_nobody_can_make_is_refused():
    with pytest.raises(InvalidInput, match="'free'"):
        blur(_rand(1, 1, 8, 8), _rand(3, 3), "free")


def test_every_image_has_its_own_kernel():
    images, kernels = _rand(3, 3, 16, 16), _rand(3, 6, 6, seed=1)
    for image, kernel, blurred in zip(images, kernels, blur(images, kernels), strict=True):
        assert torch.allclose(blurred, _direct(image, kernel), atol=1e-12)


def test_origin_of_the_published_kernels_is_pixel_14():
    image, delta = _rand(2, 3, 32, 32), torch.zeros(28, 28, dtype=torch.float64)
    delta[14, 14] = 1
    assert torch.allclose(blur(image, delta), image, atol=1e-12)


def test_symmetric_even_kernel_moves_the_image_by_half_a_pixel():
    """Its centroid is (13.5, 13.5), its origin (14, 14): the content moves up and left."""
    image = _smooth()
    box = torch.zeros(1, 28, 28, dtype=torch.float64)
    box[:, 13:15, 13:15] = 0.25
    assert centroid(box).tolist() == [[13.5, 13.5]]
    odd = torch.tensor([[1.0, 2.0, 1.0]], dtype=torch.float64) / 4
    # Blurring twice by the box moves by a whole pixel and blurs by the odd kernel [1, 2, 1] / 4.
    twice = blur(blur(image, box), box)
    assert torch.allclose(twice, blur(image, odd.T * odd).roll((-1, -1), (-2, -1)), atol=1e-12)


def test_opposite_shifts_leave_the_observation_alone_and_recentring_undoes_them():
    image = _smooth()
    kernel = torch.zeros(1, 28, 28, dtype=torch.float64)
    rows = torch.arange(28, dtype=torch.float64)
    for centre, weight in (((10.0, 12.0), 0.6), ((18.75, 15.75), 0.4)):
        blob = torch.exp(-((rows[:, None] - centre[0]) ** 2 + (rows - centre[1]) ** 2) / 4)
        kernel[0] += weight * blob / blob.sum()
    offset = torch.tensor([[0.5, -1.25]], dtype=torch.float64)
    moved_image, moved_kernel = shift(image, offset), shift(kernel, -offset)
    assert torch.allclose(blur(moved_image, moved_kernel), blur(image, kernel), atol=1e-6)
    expected, found = recentre(image, kernel), recentre(moved_image, moved_kernel)
    assert torch.allclose(found[0], expected[0], atol=1e-3)
    assert torch.allclose(centroid(found[1]), torch.full((1, 2), 13.5).double(), atol=1e-4)


def test_whole_shifts_are_rolls():
    for size in ((8, 8), (7, 9), (8, 7)):
        images = _rand(2, 3, *size)
        moved = shift(images, torch.tensor([[2.0, -1.0], [0.0, 3.0]], dtype=torch.float64))
        assert torch.allclose(moved[0], images[0].roll((2, -1), (-2, -1)), atol=1e-12)
        assert torch.allclose(moved[1], images[1].roll((0, 3), (-2, -1)), atol=1e-12)


def test_fractional_shifts_compose():
    image, part = _smooth(), torch.tensor([[0.3, -0.7]], dtype=torch.float64)
    assert torch.allclose(shift(shift(image, part), -part), image, atol=1e-12)
    assert torch.allclose(shift(shift(image, part), part), shift(image, 2 * part), atol=1e-12)


def test_gradients_are_right():
    image, kernel = _rand(2, 2, 6, 5).requires_grad_(), _rand(2, 4, 3, seed=1).requires_grad_()
    assert torch.autograd.gradcheck(blur, (image, kernel))
    offset = torch.tensor([[0.3, -1.2], [0.0, 0.5]], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda array: shift(array, offset), (image,))


@pytest.mark.parametrize("size", [(9, 3), (3, 9), (28, 28)])
def test_kernel_larger_than_the_image_is_refused(size):
    with pytest.raises(InvalidInput, match="does not fit"):
        blur(_rand(1, 3, 8, 8), _rand(*size))


def test_transfer_function_serves_many_images():
    images, kernel = _rand(3, 3, 12, 10), _rand(5, 5, seed=1)
    transfer = transfer_function(kernel, (12, 10))
    assert transfer.shape == (12, 6)
    assert torch.allclose(apply_transfer(images, transfer), blur(images, kernel), atol=1e-14)


def test_brightness_and_dtype_are_kept():
    image, kernel = _rand(1, 3, 16, 16).float(), _rand(1, 7, 7, seed=1).float()
    blurred = blur(image, kernel / kernel.sum())
    assert blurred.dtype == torch.float32
    assert torch.allclose(blurred.mean((2, 3)), image.mean((2, 3)), atol=1e-6)


def test_noise_has_its_level_and_is_clipped():
    grey = torch.full((1, 3, 64, 64), 0.5)
    noisy = add_noise(grey, 0.04, [torch.Generator().manual_seed(1)])
    assert (noisy - grey).std().item() == pytest.approx(0.04, rel=0.03)
    loud = add_noise(grey, 1.0, [torch.Generator().manual_seed(1)])
    assert (loud.min(), loud.max()) == (0, 1)


def test_noise_of_an_image_is_its_own():
    def generators(*seeds: int) -> list[torch.Generator]:
        return [torch.Generator().manual_seed(seed) for seed in seeds]

    images = _rand(2, 3, 8, 8).float()
    both = add_noise(images, 0.01, generators(7, 8))
    assert torch.equal(add_noise(images[1:], 0.01, generators(8)), both[1:])
