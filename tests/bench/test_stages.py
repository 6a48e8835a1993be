from __future__ import annotations

import pytest
import torch

from bench.harness import worker
from bench.harness.dispatch import make_job
from bench.harness.packing import unpack
from bench.harness.plan import Chunk, load_dataset, parse_methods, plan
from bench.methods.deep_deblur.solver import Solver
from bench.physics.condition import Condition
from bench.protocol.stages import ALONE, Stages

FEW = [f"{name}.{key}=2" for name in ("dd", "dds") for key in ("restarts", "search_steps", "steps")]


def chunks(names: str, settings: list[str], images: int) -> list[Chunk]:
    specs = parse_methods(names, settings)
    laid_out = list(plan(specs, [load_dataset("svhn-samples")], [Condition()], images))
    assert all(isinstance(item, Chunk) for item in laid_out), laid_out
    return laid_out  # type: ignore[return-value]


def test_a_stage_is_computed_once_by_what_determines_it() -> None:
    calls: list[float] = []

    def compute() -> int:
        calls.append(1.0)
        return len(calls)

    stages, y = Stages(), torch.ones(3)
    first, seconds = stages.once(compute, "search", 3, y)
    assert stages.once(compute, "search", 3, y.clone()) == (first, seconds)
    others = [("search", 4, y), ("search", 3, y * 2), ("search", 3, y.double()), ("search", 3)]
    assert [stages.once(compute, *what)[0] for what in others] == [2, 3, 4, 5]
    assert [ALONE.once(compute, 1)[0] for _ in range(2)] == [6, 7]
    assert Stages().once(compute, "search", 3, y)[0] == 8  # nothing is left of another job's


def test_cells_whose_methods_share_a_stage_are_one_job_for_each_image() -> None:
    laid_out = chunks("blurry,dd,dds,dd-warm", [], 2)
    cells = [[(str(cell.method), cell.index) for cell in chunk.cells] for chunk in laid_out]
    assert sorted(cells) == [
        [("blurry", 0), ("blurry", 1)],
        [("dd", 0), ("dds", 0)],
        [("dd", 1), ("dds", 1)],
        [("dd-warm", 0)],
        [("dd-warm", 1)],
    ]


def test_methods_of_other_parameters_share_nothing() -> None:
    laid_out = chunks("dd,dds", ["dd.restarts=2"], 1)
    assert [len(chunk) for chunk in laid_out] == [1, 1]
    published = ["dd.preset=published", "dds.preset=published"]
    assert [len(chunk) for chunk in chunks("dd,dds", published, 1)] == [1, 1]


def test_a_job_computes_its_stage_once_and_finds_what_each_method_finds_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    descents: list[int] = []
    descend = Solver.descend

    def counted(self: Solver, *arguments: object, **named: object) -> object:
        descents.append(1)
        return descend(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Solver, "descend", counted)
    (chunk,) = chunks("dd,dds", FEW, 1)
    job = make_job(chunk)
    assert len(job) == len(chunk) == 2
    built: worker.Built = {}
    stages = Stages()
    together = [
        answer for part in job.by_method() for answer in worker._answer(part, built, stages)
    ]
    assert len(descents) == 1
    alone = [worker._answer(part, {}, Stages())[0] for part in job.by_method()]
    assert len(descents) == 3
    spent = []
    for one, other in zip(together, alone, strict=True):
        assert one.restoration is not None
        assert other.restoration is not None
        first, second = unpack(one.restoration), unpack(other.restoration)
        assert torch.equal(first.image, second.image)
        assert torch.equal(first.records["kernel_latent"], second.records["kernel_latent"])
        spent.append(first.seconds or 0.0)
    assert min(spent) > 0.5 * max(spent)  # each counts the descent
