"""The fast kernel estimate finds kernels, at its size and at larger ones."""

from __future__ import annotations

import pytest
import torch

from bench.datasets.motion_blur import MotionBlur
from bench.datasets.photos import FOLDER
from bench.errors import InvalidInput
from bench.methods.photographs.choice import least_ringing, ringing
from bench.methods.photographs.method import ChosenEdges, PatchMinimalPixels, SparseEdges
from bench.methods.photographs.minimal_pixels import darkened
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
                      (ChosenEdges, 15)]
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
    assert kernel_similarity(found.kernel, kernel[None]) > 0.7


def test_parameters_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidInput, match="iterations = 0"):
        SparseEdges(Task("natural", (64, 64)), iterations=0)
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
