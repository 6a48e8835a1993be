"""How white a residual is tells kernels apart, and weighs images in their mean."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.methods.deconvolution.tv import tuned_weight
from bench.methods.photographs import kernel_mean
from bench.methods.photographs.image_mean import ImageMean
from bench.methods.photographs.kernel_choice import KernelChoice
from bench.methods.photographs.method import SparseEdges
from bench.methods.photographs.whiteness import residual_colour
from bench.physics.forward import blur
from bench.protocol import Restoration, Task
from bench.protocol.stages import Stages
from tests.methods.test_photographs import disturbed, pair  # noqa: F401
from tests.methods.test_refined import task

Pair = tuple[Tensor, Tensor, Tensor]
WEIGHT = tuned_weight("natural", 0.01, "free")


def test_a_wrong_kernel_leaves_a_residual_that_is_less_white(pair: Pair) -> None:  # noqa: F811
    _, y, kernel = pair
    line = torch.zeros_like(kernel)
    line[7] = 1 / 15
    wide = disturbed(kernel)
    true, broad, other = residual_colour(
        y[0, 0], torch.stack([kernel, wide, line]), WEIGHT, "free"
    ).tolist()
    assert true < broad < other


@pytest.mark.parametrize("boundary", ["free", "circular"])
def test_white_noise_is_as_white_as_can_be(boundary) -> None:
    noise = 0.5 + 0.01 * torch.randn(96, 80, generator=torch.Generator().manual_seed(1))
    dot = torch.zeros(1, 9, 9)
    dot[0, 4, 4] = 1
    smooth = residual_colour(noise, dot, 1000 * WEIGHT, boundary)
    correlated = blur(noise[None, None], torch.full((1, 3, 3), 1 / 9))[0, 0]
    assert smooth.item() == pytest.approx(440 / (96 * 80), rel=0.25)
    assert residual_colour(correlated, dot, 1000 * WEIGHT, boundary).item() > 20 * smooth.item()


def test_of_nothing_left_the_kernels_are_level() -> None:
    flat, dots = torch.full((64, 64), 0.5), torch.zeros(2, 9, 9)
    dots[:, 4, 4] = 1
    first, second = residual_colour(flat, dots, WEIGHT, "free").tolist()
    assert first == second
    assert math.isfinite(first)


class Same(SparseEdges):
    """Returns a kernel of its own and the observation."""

    kernel: Tensor
    runs = 0

    def deblur(self, observation: Tensor) -> Restoration:
        type(self).runs += 1
        return Restoration(observation, self.kernel.expand(len(observation), -1, -1))


@pytest.fixture
def two(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> list[type[Same]]:  # noqa: F811
    line = torch.zeros(15, 15)
    line[7] = 1 / 15
    found = [type("True", (Same,), {"kernel": pair[2]}), type("Wrong", (Same,), {"kernel": line})]
    monkeypatch.setattr(kernel_mean, "members", lambda _: found)
    return found


def test_the_better_kernel_has_the_larger_share(pair: Pair, two) -> None:  # noqa: F811
    _, y, _ = pair
    kernels = torch.stack([one.kernel for one in two])
    shares = ImageMean(task(y), "a+b").shares(y[0], kernels)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] > 0.7
    assert torch.equal(ImageMean(task(y), "a+b", power=0).shares(y[0], kernels), torch.ones(2) / 2)
    mean = ImageMean(task(y), "a+b").deblur(y)
    assert torch.allclose(mean.image, y, atol=1e-5)  # of what is the same twice, whatever the share
    assert mean.kernel is not None
    assert mean.kernel.sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("power", [-1.0, math.inf, math.nan])
def test_a_power_out_of_range_is_refused(power: float) -> None:
    with pytest.raises(InvalidInput, match="power = "):
        ImageMean(Task("natural", (64, 64)), "sparse-edges+pmp", power=power)


def test_rows_of_a_job_run_a_member_once(pair: Pair, two) -> None:  # noqa: F811
    _, y, _ = pair
    shared = Stages()
    for row in (ImageMean(task(y), "a+b"), KernelChoice(task(y), "a+b")):
        row.stages = shared
        row.deblur(y)
    assert [one.runs for one in two] == [1, 1]
