"""SelfDeblur's kernels, refined by the marginal likelihood, and the fit that rows share."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench.errors import InvalidInput
from bench.methods.learned.method import Learned
from bench.methods.selfdeblur.method import SelfDeblur
from bench.methods.selfdeblur.refined import SelfDeblurRefined
from bench.protocol.stages import Stages
from tests.methods.test_selfdeblur import pair, task  # noqa: F401

BRIEF: dict[str, Any] = {"steps": 4}


def test_without_turns_it_is_selfdeblur(pair) -> None:  # noqa: F811
    _, y, _ = pair
    plain = SelfDeblur(task(y), **BRIEF).deblur(y)
    same = SelfDeblurRefined(task(y), turns=0, weight=1.0, **BRIEF).deblur(y)
    assert torch.equal(plain.image, same.image)
    assert plain.kernel is not None
    assert same.kernel is not None
    assert torch.equal(plain.kernel, same.kernel)
    refined = SelfDeblurRefined(task(y), turns=3, weight=1.0, **BRIEF).deblur(y)
    assert refined.kernel is not None
    assert not torch.equal(plain.kernel, refined.kernel)
    assert refined.kernel.sum().item() == pytest.approx(1, abs=1e-5)


def test_rows_of_one_job_fit_the_networks_once(pair) -> None:  # noqa: F811
    _, y, _ = pair
    first, second = SelfDeblur(task(y), **BRIEF), SelfDeblurRefined(task(y), turns=1, **BRIEF)
    first.stages = second.stages = Stages()
    spent = first.deblur(y).seconds
    calls: list[int] = []
    second._fit_one = lambda *_: calls.append(1) or []  # type: ignore[method-assign, func-returns-value]
    shared = second.deblur(y)
    assert not calls
    # Each row counts what the fit took, whoever computed it.
    assert spent is not None
    assert shared.seconds is not None
    assert shared.seconds > 0.5 * spent


def test_the_learned_step_shares_the_fit_whose_kernel_it_takes() -> None:
    stages = {
        SelfDeblur.stage({}),
        SelfDeblurRefined.stage({}),
        Learned.stage({"kernel_from": "selfdeblur"}),
        Learned.stage({"kernel_from": "selfdeblur-refined"}),
    }
    assert len(stages) == 1
    assert SelfDeblur.stage({"preset": "published"}) not in stages
    assert SelfDeblurRefined.stage({"steps": 3}) not in stages
    assert Learned.stage({}) == ""


def test_counts_out_of_range_are_refused(pair) -> None:  # noqa: F811
    with pytest.raises(InvalidInput, match="turns = -1"):
        SelfDeblurRefined(task(pair[1]), turns=-1)
    for tried in (0, 6):
        with pytest.raises(InvalidInput, match=f"softnesses = {tried}; give 1 to 5"):
            SelfDeblurRefined(task(pair[1]), softnesses=tried)
