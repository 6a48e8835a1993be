"""What a method returns and a data set yields is checked and converted where it arrives."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.harness.packing import pack, unpack
from bench.harness.plan import MethodSpec
from bench.harness.worker import Job, compute
from bench.physics.answers import check_restoration
from bench.physics.condition import Condition
from bench.physics.observation import observe, take_sample
from bench.protocol import Dataset, Location, Method, Restoration, Sample, Task

Y = torch.linspace(0, 1, 2 * 3 * 16 * 16).view(2, 3, 16, 16)
KERNEL = torch.full((2, 3, 3), 1 / 9)


def test_half_precision_is_converted_and_white_stays_white() -> None:
    for kind in (torch.float16, torch.bfloat16, torch.float64):
        found = check_restoration(Restoration(torch.ones(2, 3, 16, 16, dtype=kind)), Y)
        assert found.image.dtype == torch.float32
        assert unpack(pack(found)).image.min() == 1
    assert unpack(pack(Restoration(torch.ones(1, 3, 4, 4).half()))).image.min() == 1
    half = check_restoration(Restoration(Y, KERNEL.half(), residual=Y[:, 0, 0, 0].half()), Y)
    assert half.kernel is not None
    assert half.residual is not None
    assert half.kernel.dtype == half.residual.dtype == torch.float32


def test_counts_of_other_libraries_are_counts() -> None:
    given = Restoration(Y, generator_evaluations=np.int64(40), restarts=torch.tensor(3))  # type: ignore[arg-type]
    found = check_restoration(given, Y)
    assert (found.generator_evaluations, found.restarts) == (40, 3)
    assert unpack(pack(found)).generator_evaluations == 40


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": (Y * 255).byte()}, "type torch.uint8"),
        ({"image": Y.numpy()}, "type ndarray"),
        ({"image": Y * 255}, r"pixels in \[0, 255\]"),
        ({"image": Y[:, :, 1:]}, r"shape \(2, 3, 15, 16\)"),
        ({"kernel": torch.zeros(2, 0, 0)}, r"shape \(2, 0, 0\)"),
        ({"kernel": torch.full((2, 300, 300), 1 / 90000)}, "300×300 pixels for images of 16×16"),
        ({"kernel": KERNEL[0]}, r"shape \(3, 3\)"),
        ({"kernel": KERNEL * 7}, "sum 7"),
        ({"kernel": torch.zeros(2, 3, 3)}, "sum 0"),
        ({"kernel": KERNEL - torch.eye(3) / 3 + 1 / 9}, "an entry of -0.11"),
        ({"kernel": torch.ones(2, 3, 3, dtype=torch.int64)}, "type torch.int64"),
        ({"residual": torch.zeros(2, 3)}, r"residuals of shape \(2, 3\)"),
        ({"records": {"trace": torch.zeros(5, 2)}}, "record 'trace' of shape"),
        ({"records": {"note": "well"}}, "record 'note'"),
        ({"records": [1]}, "records of type list"),
        ({"iterations": 2.5}, "iterations=2.5"),
        ({"restarts": -1}, "restarts=-1"),
    ],
)
def test_what_cannot_be_scored_is_refused(change: dict[str, Any], message: str) -> None:
    given = dataclasses.replace(Restoration(Y, KERNEL), **change)
    with pytest.raises(InvalidInput, match=message):
        check_restoration(given, Y)


class InPlace(Method):
    """Halves its input where it lies, and can take but one image."""

    def deblur(self, observation: torch.Tensor) -> Restoration:
        observation.mul_(0.5)
        if len(observation) > 1:
            raise RuntimeError("out of memory")
        return Restoration((observation * 2).clamp(0, 1))


def test_a_method_that_writes_into_its_input_is_given_it_whole_again() -> None:
    task = Task("natural", (16, 16))
    job = Job(MethodSpec("in-place"), task, Y.numpy().copy())
    answers = compute(InPlace(task), job)
    for answer, image in zip(answers, Y, strict=True):
        assert answer.restoration is not None
        assert torch.allclose(unpack(answer.restoration).image[0], image, atol=1e-4)


class Given(Dataset):
    """One image, as it is told."""

    name = "given"
    image_size = (16, 16)

    def __init__(self, sample: Any) -> None:
        self.sample = sample

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> Sample:
        if isinstance(self.sample, Exception):
            raise self.sample
        return self.sample

    @classmethod
    def location(cls) -> Location:
        return Location(True, "")


GOOD = Sample(0, "a", Y[0], KERNEL[0], "k")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            dataclasses.replace(GOOD, image=Y[0] * 255),
            r"'a' of the dataset 'given' spans \[0, 127\]",
        ),
        (dataclasses.replace(GOOD, image=Y[0] * float("nan")), "spans"),
        (dataclasses.replace(GOOD, image=Y[0, :1]), r"shape \(1, 16, 16\); \(3, H, W\)"),
        (Sample(0, "a", cast(Tensor, Y[0].numpy()), KERNEL[0], "k"), "shape ndarray"),
        (dataclasses.replace(GOOD, image=(Y[0] * 255).byte()), "type torch.uint8"),
        (dataclasses.replace(GOOD, kernel=KERNEL[0] * 2), "kernel of sum 2"),
        (dataclasses.replace(GOOD, kernel=KERNEL), "kernel of shape"),
        (dataclasses.replace(GOOD, kernel=KERNEL[0] * float("nan")), "kernel of sum nan"),
        (dataclasses.replace(GOOD, observation=Y[0]), "noise = …"),
        (dataclasses.replace(GOOD, name=""), "names its image 0 ''"),
        (dataclasses.replace(GOOD, observation=Y[0, :, 1:]), r"its observation \(3, 15, 16\)"),
        (KeyError("img_01"), "'given' cannot give its image 0: KeyError: 'img_01'"),
        ("a picture", "gave str for its image 0"),
    ],
)
def test_samples_that_make_no_sense_are_refused_by_name(given: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        take_sample(Given(given), 0)


def test_an_observation_hangs_on_nothing_that_others_set() -> None:
    expected = observe(Given(GOOD), 0, Condition(0.05)).observation
    before = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        torch.set_default_device("meta")
        torch.manual_seed(1)
        np.random.seed(1)  # noqa: NPY002 (what a plugin may do)
        found = observe(Given(GOOD), 0, Condition(0.05)).observation
    finally:
        torch.set_default_dtype(before)
        torch.set_default_device(None)
    assert torch.equal(found, expected)
    assert str(Condition(-0.0)) == str(Condition(0.0))


def test_pictures_and_kernels_in_half_precision_are_widened_and_in_double_kept() -> None:
    half = dataclasses.replace(GOOD, image=Y[0].half(), kernel=torch.eye(3)[:1].long())
    found = take_sample(Given(half), 0)
    assert found.image.dtype == found.kernel.dtype == torch.float32
    assert observe(Given(half), 0, Condition(0.05)).observation.isfinite().all()
    double = dataclasses.replace(GOOD, kernel=KERNEL[0].double())
    assert take_sample(Given(double), 0).kernel.dtype == torch.float64
