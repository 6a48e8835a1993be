"""The fast kernel estimate finds kernels, at its size and at larger ones."""

from __future__ import annotations

import pytest
import torch

from bench.datasets.motion_blur import MotionBlur
from bench.datasets.photos import FOLDER
from bench.errors import InvalidInput
from bench.methods.photographs.method import SparseEdges
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


@pytest.mark.parametrize("size", [15, 25])
def test_a_photograph_gains_at_its_kernel_size_and_above(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor], size: int
) -> None:
    truth, y, kernel = pair
    height, width = y.shape[-2:]
    method = SparseEdges(Task("natural", (height, width), 1, (size, size), 0.01, "free"))
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
