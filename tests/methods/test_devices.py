"""Every method computes on the device of its task, or says that it computes on the CPU."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from bench.harness.dispatch import make_job
from bench.harness.packing import unpack
from bench.harness.plan import Chunk, MethodSpec, load_dataset, plan
from bench.harness.worker import build, compute
from bench.methods.deep_deblur import solver
from bench.methods.deep_deblur.solver import Solver
from bench.metrics import kernel_similarity
from bench.physics.condition import Condition
from bench.registry import METHODS
from tests.methods.second_device import DEVICE, SecondDevice

QUICK = {
    "dd": {"restarts": 2, "steps": 3, "search_steps": 3},
    "dds": {"restarts": 2, "steps": 3, "search_steps": 3},
    "dd-warm": {"restarts": 2, "steps": 3, "search_steps": 3},
    "dds-warm": {"restarts": 2, "steps": 3, "search_steps": 3},
}
"""Parameters with which a method takes no longer than it must to show where it computes."""
SMALL = ("known-kernel-lmmse",)
"""Methods that solve for all pixels at once, and are given 32×32 instead of 64×64 of them."""


def chunk(name: str, device: str, images: int = 1) -> Chunk:
    spec = MethodSpec(name, tuple(sorted(QUICK.get(name, {}).items())))
    for dataset in ("svhn-samples" if name in SMALL else "celeba-samples", "photos"):
        found = next(plan([spec], [load_dataset(dataset)], [Condition()], images, device))
        if isinstance(found, Chunk):
            return found
        reason = found.reason
    pytest.skip(f"{name} cannot be used here: {reason}")


OCTAVE = ("l0", "dp", "ep", "oh", "df")
"""Methods that compute in another program, to which they hand arrays of the CPU."""
SLOW = (
    *("marginal", "marginal-tv", "marginal-warm", "marginal-learned"),
    *("range-oracle", "sparse-edges-chosen"),
)
OWN = [
    pytest.param(name, marks=pytest.mark.long if name in SLOW else ())
    for name, entry in METHODS.entries.items()
    if entry.origin == "bench" and name not in OCTAVE and not name.startswith("published")
]


@pytest.mark.parametrize("name", OWN)
def test_a_method_computes_on_the_device_of_its_task(name: str) -> None:
    there = chunk(name, str(DEVICE))
    with SecondDevice():
        (answer,) = compute(build(there.method, there.task), make_job(there))
    assert answer.status == "ok", answer.reason


@pytest.mark.parametrize("name", ["dd", "dds"])
def test_images_and_restarts_go_to_a_device_in_one_batch(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = chunk(name, str(DEVICE), images=2)
    assert len(there) == 2
    assert not there.stage
    assert len(chunk(name, "cpu", images=2)) == 1
    rows: list[int] = []
    descend = Solver._descend

    def counted(self: Solver, y: torch.Tensor, *rest: Any, **options: Any) -> Any:
        rows.append(len(y))
        return descend(self, y, *rest, **options)

    monkeypatch.setattr(Solver, "_descend", counted)
    searched: list[int] = []
    search = solver.search

    def watched(likelihood: Any, spectrum: Any, prior: Any, starts: torch.Tensor, plan: Any) -> Any:
        searched.append(len(starts))
        return search(likelihood, spectrum, prior, starts, plan)

    monkeypatch.setattr(solver, "search", watched)
    job = make_job(there)
    with SecondDevice():
        answers = compute(build(there.method, there.task), job)
    assert [answer.status for answer in answers] == ["ok", "ok"], answers[0].reason
    assert rows[0] == searched[0] == 2 * QUICK[name]["restarts"]
    here = dataclasses.replace(there.task, device="cpu")
    job = dataclasses.replace(job, task=here)
    for answer, position in zip(answers, (0, 1), strict=True):
        (apart,) = compute(build(there.method, here), job.only(position))
        assert answer.restoration is not None
        assert apart.restoration is not None
        one, other = unpack(answer.restoration), unpack(apart.restoration)
        assert one.kernel is not None
        assert other.kernel is not None
        assert (kernel_similarity(one.kernel, other.kernel) > 0.99).all()
        assert (one.image - other.image).abs().max() < 0.02


def test_tensors_of_two_devices_do_not_meet() -> None:
    with SecondDevice():
        away, here = torch.ones(2, device=DEVICE), torch.ones(2)
        assert away.device == DEVICE
        assert (away + here.to(DEVICE)).cpu().tolist() == [2.0, 2.0]
        with pytest.raises(RuntimeError, match="two devices"):
            away + here
