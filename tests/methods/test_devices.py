"""Every method computes on the device of its task, or says that it computes on the CPU."""

from __future__ import annotations

import argparse
import dataclasses
import functools
from typing import Any

import pytest
import torch

from bench.errors import InvalidInput
from bench.harness.dispatch import make_job
from bench.harness.packing import Answer, unpack
from bench.harness.plan import Chunk, MethodSpec, load_dataset, plan
from bench.harness.worker import build, compute
from bench.methods import device_benchmark
from bench.methods.deep_deblur import solver
from bench.methods.deep_deblur.solver import Solver
from bench.methods.marginal import estimate
from bench.methods.training.recipe import load_recipe
from bench.metrics import kernel_similarity
from bench.physics.condition import Condition
from bench.registry import METHODS
from tests.methods.second_device import DEVICE, SecondDevice

MEMBERS = "sparse-edges+kernel-net"
QUICK: dict[str, dict[str, int | str]] = {
    "dd": {"restarts": 2, "steps": 3, "search_steps": 3},
    "dds": {"restarts": 2, "steps": 3, "search_steps": 3},
    "dd-warm": {"restarts": 2, "steps": 3, "search_steps": 3},
    "dds-warm": {"restarts": 2, "steps": 3, "search_steps": 3},
    "marginal": {"restarts": 2, "search_steps": 3},
    "marginal-tv": {"restarts": 2, "search_steps": 3},
    "marginal-warm": {"restarts": 2, "search_steps": 3},
    "marginal-learned": {"restarts": 2, "search_steps": 3},
    "marginal-both": {"restarts": 2, "search_steps": 3},
    "marginal-refit": {"restarts": 2, "search_steps": 3},
    "selfdeblur": {"restarts": 2, "steps": 3},
    "selfdeblur-refined": {"restarts": 2, "steps": 3, "turns": 2, "softnesses": 2},
    "kernel-mean": {"kernels_from": MEMBERS},
    "refined": {"kernel_from": "sparse-edges", "turns": 2, "softnesses": 2},
    "image-mean": {"kernels_from": MEMBERS},
    "kernel-choice": {"kernels_from": MEMBERS},
    "pmp": {"iterations": 1},
    "marginal-natural": {"iterations": 1, "turns": 2},
    "text-l0": {"iterations": 1},
}
"""Parameters with which a method takes no longer than it must to show where it computes."""
SMALL = ("known-kernel-lmmse",)
"""Methods that solve for all pixels at once, and are given 32×32 instead of 64×64 of them."""


def chunk(name: str, device: str, images: int = 1, samples: str = "celeba-samples") -> Chunk:
    spec = MethodSpec(name, tuple(sorted(QUICK.get(name, {}).items())))
    for dataset in ("svhn-samples" if name in SMALL else samples, "photos"):
        found = next(plan([spec], [load_dataset(dataset)], [Condition()], images, device))
        if isinstance(found, Chunk):
            return found
        reason = found.reason
    pytest.skip(f"{name} cannot be used here: {reason}")


OCTAVE = ("l0", "dp", "ep", "oh", "df")
"""Methods that compute in another program, to which they hand arrays of the CPU."""
SLOW = ("range-oracle", "sparse-edges-chosen")
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


FACES, SHOES = "celeba-samples", "shoes-samples"


@pytest.mark.parametrize(
    ("name", "dataset"),
    [("dd", FACES), ("dds", FACES), ("dds", SHOES), ("marginal-warm", FACES),
     ("marginal-learned", FACES), ("marginal-tv", SHOES)],
)  # fmt: skip
def test_images_and_restarts_go_to_a_device_in_one_batch(
    name: str, dataset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = chunk(name, str(DEVICE), 2, dataset)
    assert len(there) == 2
    assert not there.stage
    assert chunk(name, "cpu", 2, dataset).stage
    deep = name in ("dd", "dds")
    descended = watch(monkeypatch, Solver, "_descend", 1)
    searched = watch(
        monkeypatch, *((solver, "search", 3) if deep else (estimate, "search_halving", 4))
    )
    sparse = watch(monkeypatch, solver if deep else estimate, "search_sparse", 2)
    with SecondDevice():
        answers = compute(build(there.method, there.task), make_job(there))
    assert [answer.status for answer in answers] == ["ok", "ok"], answers[0].reason
    rows = 2 * QUICK[name]["restarts"]
    assert searched == [rows]
    assert sparse == [rows] * (dataset == SHOES)
    assert descended[:1] == [rows] * deep
    with SecondDevice():
        agree(answers, there, str(DEVICE))
    agree(answers, there, "cpu")


def watch(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, place: int) -> list[int]:
    """Note how many rows a function of an owner is given at a place among its arguments."""
    rows: list[int] = []
    watched = getattr(owner, name)

    def counted(*given: Any, **options: Any) -> Any:
        rows.append(len(given[place]))
        return watched(*given, **options)

    monkeypatch.setattr(owner, name, counted)
    return rows


def agree(answers: list[Answer], there: Chunk, device: str) -> None:
    """Hold what was found for a chunk against its images one by one on a device."""
    task = dataclasses.replace(there.task, device=device)
    job = dataclasses.replace(make_job(there), task=task)
    for position, answer in enumerate(answers):
        (apart,) = compute(build(there.method, task), job.only(position))
        assert answer.restoration is not None
        assert apart.restoration is not None
        one, other = unpack(answer.restoration), unpack(apart.restoration)
        assert one.kernel is not None
        assert other.kernel is not None
        assert (kernel_similarity(one.kernel, other.kernel) > 0.99).all()
        assert (one.image - other.image).abs().max() < 0.02


def benchmark(words: str) -> int:
    parser = argparse.ArgumentParser()
    device_benchmark.add_arguments(parser)
    return device_benchmark.run(parser.parse_args(words.split()))


FEW = "--images 2 --cpu-images 1 --published-steps 2 --training-steps 1"


def test_the_benchmark_measures_methods_and_training_on_both_devices(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_benchmark, "REPEATS", 1)
    small = functools.partial(load_recipe, width=8, batch=2)
    monkeypatch.setattr(device_benchmark, "load_recipe", small)
    with SecondDevice():
        assert benchmark(f"--device lazy --only kernel-net,dd-published,training {FEW}") == 0
    _, _, *lines = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert [cell[:2] for cell in cells] == [
        ["`kernel-net`", "s/image"],
        ["`dd-published`, 2 steps", "s/image"],
        ["training of `unet`", "s/step"],
    ]
    assert all(float(number) > 0 for cell in cells for number in cell[2:4])
    assert [cell[5] for cell in cells] == ["1.0000", "1.0000", "none"]


def test_the_benchmark_fails_where_kernels_differ_and_refuses_what_it_cannot_measure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device_benchmark, "kernel_similarity", lambda *_: torch.tensor([0.98]))
    assert benchmark(f"--device cpu --only kernel-net {FEW}") == 1
    with pytest.raises(InvalidInput, match="no line 'oh'"):
        benchmark("--device cpu --only oh")
    with pytest.raises(InvalidInput, match="at least 1"):
        benchmark("--device cpu --images 0")


def test_tensors_of_two_devices_do_not_meet() -> None:
    with SecondDevice():
        away, here = torch.ones(2, device=DEVICE), torch.ones(2)
        assert away.device == DEVICE
        assert (away + here.to(DEVICE)).cpu().tolist() == [2.0, 2.0]
        with pytest.raises(RuntimeError, match="two devices"):
            away + here
