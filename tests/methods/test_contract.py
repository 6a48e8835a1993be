"""What every registered method keeps, whoever wrote it.

A new entry in the catalogue is covered at once. Methods that cannot run here are skipped with
their own reason; parameters that make one quick enough for a test stand in ``QUICK``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from bench.errors import InvalidInput, NotApplicable, Unavailable
from bench.physics.answers import check_restoration
from bench.physics.forward import blur
from bench.protocol import (
    Method,
    MethodBase,
    Oracle,
    Replay,
    Restoration,
    Sample,
    Task,
    Truth,
)
from bench.registry import METHODS

TASK = Task("svhn", (32, 32), kernel_size=(16, 16), seed=3)
TOLERANCE = 1e-4
"""Largest difference of a pixel between an image restored alone and in a batch: batched matrix
products and transforms round differently, and nothing else may."""
SAME = 1e-6
"""Two of the project's methods whose images differ by no more are one method under two names."""
BRIEF: dict[str, bool | int | float | str] = {"restarts": 2, "search_steps": 4, "steps": 3}
QUICK: dict[str, dict[str, bool | int | float | str]] = {
    "l0": {"iterations": 2},
    "dp": {"iterations": 2},
    "ep": {"iterations": 2},
    "oh": {"iterations": 2},
    "df": {"iterations": 2},
    "dd": BRIEF,
    "dds": BRIEF,
    "dd-warm": BRIEF,
    "dds-warm": BRIEF,
    "marginal": {"restarts": 2, "search_steps": 4},
    "marginal-tv": {"restarts": 2, "search_steps": 4},
    "marginal-warm": {"restarts": 2, "search_steps": 4},
    "marginal-learned": {"restarts": 2, "search_steps": 4},
    "marginal-both": {"restarts": 2, "search_steps": 4},
    "marginal-refit": {"restarts": 2, "search_steps": 4},
    "selfdeblur": {"restarts": 2, "steps": 3},
    "selfdeblur-refined": {"restarts": 2, "steps": 3, "turns": 2},
    "kernel-mean": {"kernels_from": "sparse-edges+pmp"},
    "refined": {"kernel_from": "sparse-edges", "turns": 2},
    "image-mean": {"kernels_from": "sparse-edges+pmp"},
    "kernel-choice": {"kernels_from": "sparse-edges+pmp"},
    "range-oracle": {"steps": 20},
}


@dataclasses.dataclass(frozen=True)
class Example:
    """Two images, their kernels and observations."""

    image: Tensor
    kernel: Tensor
    observation: Tensor

    def part(self, which: slice | list[int]) -> Example:
        return Example(self.image[which], self.kernel[which], self.observation[which])


@pytest.fixture(scope="module")
def example() -> Example:
    draw = torch.Generator().manual_seed(0)
    coarse = torch.rand(2, 3, 6, 6, generator=draw)
    image = torch.nn.functional.interpolate(coarse, (32, 32), mode="bilinear")
    kernel = torch.zeros(2, 16, 16)
    for number, length in enumerate((3, 7)):
        kernel[number, 8, 8 - length // 2 : 9 + length // 2] = 1 / length
    noise = torch.randn(image.shape, generator=draw)
    return Example(image, kernel, (blur(image, kernel) + TASK.noise * noise).clamp(0, 1))


def _load(name: str, task: Task = TASK) -> type[MethodBase]:
    try:
        cls = METHODS.load(name)
        cls.check_available(task)
    except (Unavailable, NotApplicable) as reason:
        pytest.skip(f"{name}: {reason}")
    return cls


@pytest.fixture(params=METHODS.names())
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def method(name: str) -> Iterator[MethodBase]:
    instance = _build(name)
    yield instance
    instance.close()


def _build(name: str, task: Task = TASK) -> MethodBase:
    return _load(name, task)(task, **QUICK.get(name, {}))


def _samples(example: Example) -> list[Sample]:
    outputs = zip(example.image, example.kernel, example.observation, strict=True)
    return [
        Sample(
            index,
            f"{index:03d}",
            image,
            kernel,
            f"kernel-{index}",
            published={f"{p}_image": y for p in ("dd", "dds")}
            | {f"{p}_kernel": kernel for p in ("dd", "dds")},
        )
        for index, (image, kernel, y) in enumerate(outputs)
    ]


def _restore(method: MethodBase, example: Example) -> Restoration:
    if isinstance(method, Replay):
        return method.replay(_samples(example))
    if isinstance(method, Oracle):
        return method.deblur(example.observation, Truth(example.image, example.kernel))
    assert isinstance(method, Method)
    return method.deblur(example.observation)


def test_declares_what_tables_print(name):
    cls = METHODS.load(name)
    assert issubclass(cls, Method | Oracle | Replay)
    assert cls.kind in ("method", "oracle", "replay")
    assert issubclass(cls, {"method": Method, "oracle": Oracle, "replay": Replay}[cls.kind])
    assert cls.version
    assert cls.batch_size >= 1
    assert str(cls.knows)
    assert cls.knows.truth == (cls.kind == "oracle")


@pytest.fixture(scope="module")
def restored() -> dict[str, Tensor]:
    """Images of the methods tested so far, by name."""
    return {}


def test_restoration_can_be_scored_and_is_no_other_methods(name, method, example, restored):
    before = example.observation.clone()
    restoration = check_restoration(_restore(method, example), example.observation)
    if not isinstance(method, Replay):  # which all give what they are given
        for other, image in restored.items():
            if (restoration.image - image).abs().max() <= SAME:
                assert method.equals == other or METHODS.load(other).equals == name
        restored[name] = restoration.image
    assert torch.equal(example.observation, before)  # the input is the caller's
    assert restoration.image.dtype == torch.float32
    assert torch.isfinite(restoration.image).all()
    assert restoration.image.min() >= 0
    assert restoration.image.max() <= 1
    assert not restoration.image.requires_grad
    for record in restoration.records.values():
        assert len(record) == 2
    if restoration.residual is not None:
        assert restoration.residual.shape == (2,)
        assert torch.isfinite(restoration.residual).all()
    if restoration.kernel is not None:
        assert restoration.kernel.shape == (2, *TASK.kernel_size)
        assert torch.isfinite(restoration.kernel).all()
        assert restoration.kernel.min() >= 0
        if not isinstance(method, Replay):  # the authors' kernels are what they are
            sums = restoration.kernel.sum((1, 2))
            assert torch.allclose(sums, torch.ones(2), atol=1e-3)


def test_same_seed_gives_the_same_result(name, method, example):
    other = _build(name)
    try:
        one = example.part([0])
        first, second = _restore(method, one), _restore(other, one)
    finally:
        other.close()
    assert torch.equal(first.image, second.image)
    if first.kernel is not None:
        assert second.kernel is not None
        assert torch.equal(first.kernel, second.kernel)


def test_image_does_not_depend_on_its_batch(method, example):
    together = _restore(method, example)
    alone = _restore(method, example.part([1]))
    turned = _restore(method, example.part([1, 0]))
    for image, kernel in (
        (alone.image[0], None if alone.kernel is None else alone.kernel[0]),
        (turned.image[0], None if turned.kernel is None else turned.kernel[0]),
    ):
        assert (image - together.image[1]).abs().max() <= TOLERANCE
        if together.kernel is not None:
            assert kernel is not None
            assert (kernel - together.kernel[1]).abs().max() <= TOLERANCE


@pytest.mark.parametrize("bad", ["nan", "infinite", "too bright", "integer", "small", "no batch"])
def test_bad_observations_are_refused(method, example, bad):
    if isinstance(method, Replay):
        pytest.skip("a replay sees no observation")
    y = example.observation.clone()
    if bad == "nan":
        y[1, 0, 3, 4] = float("nan")
    elif bad == "infinite":
        y[1, 0, 3, 4] = float("inf")
    else:
        y = {
            "too bright": y * 255,
            "integer": (y * 255).to(torch.uint8),
            "small": y[..., :16, :],
            "no batch": y[0],
        }[bad]
    with pytest.raises(InvalidInput):
        _restore(method, dataclasses.replace(example, observation=y))


def test_kernel_larger_than_the_image_is_refused(name, example):
    if issubclass(_load(name), Replay):
        pytest.skip("a replay has the kernels that were published")
    large = torch.full((2, 40, 40), 1 / 1600)
    too_large = dataclasses.replace(example, kernel=large)

    def attempt() -> None:
        method = _build(name, dataclasses.replace(TASK, kernel_size=(40, 40)))
        try:
            _restore(method, too_large)
        finally:
            method.close()

    with pytest.raises(InvalidInput):
        attempt()


def test_nothing_published_is_not_applicable(name, example):
    cls = _load(name)
    if not issubclass(cls, Replay):
        pytest.skip("not a replay")
    bare = [dataclasses.replace(sample, published={}) for sample in _samples(example)]
    with pytest.raises(NotApplicable):
        cls(TASK).replay(bare)
