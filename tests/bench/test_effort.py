"""What ``bench deblur`` says of the time that is left."""

from __future__ import annotations

import pytest
import torch

from bench.photo.deblurring import SEARCHER, Request, deblur, estimates_kernels
from bench.photo.effort import Effort
from bench.protocol import Restoration
from bench.registry import METHODS

ESTIMATORS = [name for name in METHODS.entries if estimates_kernels(name)]


def shares(searcher: str, sizes: tuple[int, ...], method: str) -> list[float]:
    """What is told of a photograph of 1000×1000 pixels."""
    told: list[float] = []
    effort = Effort(lambda share, what: told.append(share), 448**2, 1000**2)
    effort.plan(searcher, sizes, method)
    for _ in sizes:
        effort.size_done()
    effort.kernel_done()
    for part in (0.25, 1.0):
        effort.image_done(part)
    return told


@pytest.mark.parametrize("method", ESTIMATORS)
def test_shares_rise_to_all_of_the_work(method: str) -> None:
    for found in (shares(method, (21,), method), shares(SEARCHER, (9, 21, 45), method)):
        assert found == sorted(found)
        assert 0 < found[0] < 1
        assert found[-1] == pytest.approx(1)


def test_the_slower_of_two_methods_has_the_larger_part() -> None:
    quick, slow = (shares(method, (21,), method)[0] for method in ("sparse-edges", "oh"))
    assert quick < 0.3 < 0.9 < slow  # the rest is the photograph's own restoration
    assert shares(SEARCHER, (9, 21, 45), "oh")[2] < 0.05  # the slow one's kernel is yet to come


def test_a_photograph_is_told_of_in_order() -> None:
    told: list[tuple[float, str]] = []

    def whole(*_: object) -> Restoration:
        raise AssertionError("it estimates kernels apart")

    image = torch.rand(1, 40, 40, generator=torch.Generator().manual_seed(0))
    request = Request("sparse-edges", {"iterations": 1}, 5, noise=0.01)
    deblur(image, request, whole, lambda share, what: told.append((share, what)))
    assert [what for _, what in told] == ["kernel", "kernel", "image"]
    assert [share for share, _ in told] == sorted(share for share, _ in told)
    assert told[-1][0] == pytest.approx(1)
