"""Other methods' kernels, refined by the marginal likelihood, and the mean of images."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.methods.learned.method import Learned
from bench.methods.photographs import kernel_mean, refined
from bench.methods.photographs.image_mean import ImageMean
from bench.methods.photographs.method import PatchMinimalPixels, SparseEdges
from bench.methods.photographs.refined import Refined
from bench.methods.selfdeblur.method import SelfDeblur
from bench.metrics import kernel_similarity, psnr
from bench.physics.alignment import align
from bench.protocol import Alignment, Restoration, Task
from tests.methods.test_photographs import Moved, disturbed, pair  # noqa: F401

Pair = tuple[Tensor, Tensor, Tensor]
NEAR = Alignment(6, 0.25, 7)


def task(y: Tensor) -> Task:
    return Task("natural", (int(y.shape[-2]), int(y.shape[-1])), 1, (15, 15), 0.01, "free")


def test_without_turns_it_restores_with_the_other_methods_kernel(pair: Pair) -> None:  # noqa: F811
    _, y, _ = pair
    plain = SparseEdges(task(y))
    found = plain.deblur(y)
    same = Refined(task(y), kernel_from="sparse-edges", turns=0, weight=1.0).deblur(y)
    assert found.kernel is not None
    assert same.kernel is not None
    assert torch.allclose(found.kernel, same.kernel)
    assert torch.allclose(found.image, same.image, atol=1e-5)


class Wide(SparseEdges):
    """Knows the kernel, but for its width."""

    true: Tensor

    def estimate(self, grey: Tensor) -> Tensor:
        return disturbed(self.true)


def test_a_kernel_that_is_too_wide_comes_nearer_to_the_true_one(
    pair: Pair,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, y, kernel = pair
    Wide.true = kernel
    monkeypatch.setattr(refined, "estimator", lambda *_: Wide)
    method = Refined(task(y), softnesses=1)
    found = method.deblur(y)
    assert found.kernel is not None
    both = torch.cat([disturbed(kernel)[None], found.kernel])
    near = kernel_similarity(both, kernel.expand(2, -1, -1))
    assert near[1] > near[0] + 0.02
    assert torch.equal(method.estimate_kernel(y), found.kernel)


class Silent(SparseEdges):
    """Restores, and says of no kernel."""

    def deblur(self, observation: Tensor) -> Restoration:
        return Restoration(observation)


def test_what_cannot_be_refined_is_refused(
    pair: Pair,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, y, _ = pair
    for name in ("known-kernel", "refined", "published-pmp"):
        with pytest.raises(InvalidInput, match=f"{name}' is no blind method"):
            Refined(task(y), kernel_from=name)
    with pytest.raises(InvalidInput, match="softnesses = 6; give 1 to 5"):
        Refined(task(y), kernel_from="sparse-edges", softnesses=6)
    with pytest.raises(InvalidInput, match="weight = 0"):
        Refined(task(y), kernel_from="sparse-edges", weight=0)
    monkeypatch.setattr(refined, "estimator", lambda *_: Silent)
    with pytest.raises(InvalidInput, match="Silent returned no kernel"):
        Refined(task(y)).deblur(y)


def test_what_a_refined_kernel_knows_and_shares_is_its_methods() -> None:
    known = Refined.knowledge({"kernel_from": "kernel-net"})
    assert known.image_class
    assert "refinement chosen" in known.training
    assert Refined.stage({"kernel_from": "selfdeblur"}) == SelfDeblur.stage({})
    assert Learned.stage({"kernel_from": "image-mean"}) == SelfDeblur.stage({})
    assert ImageMean.stage({}) == SelfDeblur.stage({})


def test_the_mean_of_images_is_taken_where_they_meet(
    pair: Pair,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, y, _ = pair
    monkeypatch.setattr(kernel_mean, "members", lambda _: [SparseEdges, Moved])
    alone, moved = (method(task(y)).deblur(y).image for method in (SparseEdges, Moved))
    found = ImageMean(task(y), "a+b").deblur(y)
    assert found.kernel is not None
    assert found.kernel.shape == (1, 15, 15)
    inner = (..., slice(24, -24), slice(24, -24))
    as_it_is = (alone + moved) / 2
    met, missed = (float(psnr(one[inner], alone[inner])) for one in (found.image, as_it_is))
    assert met > missed + 6


def test_an_average_of_two_images_is_nearer_than_they_are_on_average(
    pair: Pair,  # noqa: F811
) -> None:
    truth, y, _ = pair
    names = ("sparse-edges", "pmp")
    mean = ImageMean(task(y), "+".join(names))
    each = [method.deblur(y).image for method in mean.inner]
    one, two, both = (
        float((torch.sub(*align(image, truth, NEAR))).square().mean())
        for image in (*each, mean.deblur(y).image)
    )
    assert both < (one + two) / 2


def test_minimal_pixels_take_more_turns_where_there_is_little_noise() -> None:
    little, much = (
        PatchMinimalPixels(Task("natural", (64, 64), 1, (9, 9), noise)) for noise in (0.004, 0.01)
    )
    assert little.settings.iterations == 2 * much.settings.iterations
