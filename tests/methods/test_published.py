"""The authors' own outputs: replayed as they are, and scored as the recomputed table says."""

from __future__ import annotations

import functools

import pytest
import torch

from bench.errors import NotApplicable
from bench.harness.plan import load_dataset
from bench.methods.replays.published import PublishedDD, PublishedDDS
from bench.metrics import psnr, ssim
from bench.protocol import Dataset, MethodBase, Sample, Task
from bench.registry import DATASETS

METHODS = {"dd": PublishedDD, "dds": PublishedDDS}
RECOMPUTED = {
    ("svhn", "dd"): (24.473, 0.8019),
    ("shoes", "dd"): (21.204, 0.8313),
    ("shoes", "dds"): (26.983, 0.9317),
    ("celeba", "dd"): (21.109, 0.7987),
    ("celeba", "dds"): (26.603, 0.9257),
}
"""Means over all images: PSNR in dB, SSIM on the volume."""
RANGE_COLUMN = {"svhn": (30.131, 0.8945), "shoes": (23.934, 0.8742), "celeba": (25.486, 0.9121)}
BLURRY = {"svhn": 20.16, "shoes": 18.38, "celeba": 19.72}


@functools.lru_cache(maxsize=3)
def _dataset(name: str) -> Dataset:
    location = DATASETS.load(name).location()
    if not location.found:
        pytest.skip(f"no published test set at {location.path}; set BENCH_DATA")
    return load_dataset(name)


def _samples(name: str) -> list[Sample]:
    dataset = _dataset(name)
    return [dataset[index] for index in range(len(dataset))]


def _task(name: str) -> Task:
    return Task(name, (32, 32) if name == "svhn" else (64, 64))


def _means(image: torch.Tensor, truth: torch.Tensor) -> tuple[float, float]:
    return psnr(image, truth).mean().item(), ssim(image, truth).mean().item()


def _published(samples: list[Sample], key: str) -> torch.Tensor:
    return torch.stack([sample.published[key] for sample in samples])


@pytest.mark.parametrize(("name", "method"), RECOMPUTED)
def test_scores_are_the_recomputed_table(name, method):
    samples = _samples(name)
    restoration = METHODS[method](_task(name)).replay(samples)
    found = _means(restoration.image, torch.stack([sample.image for sample in samples]))
    expected_psnr, expected_ssim = RECOMPUTED[name, method]
    assert found[0] == pytest.approx(expected_psnr, abs=0.01)
    assert found[1] == pytest.approx(expected_ssim, abs=0.002)


@pytest.mark.parametrize("name", RANGE_COLUMN)
def test_range_column_scores_a_blurred_range_image(name):
    samples = _samples(name)
    found = _means(_published(samples, "dd_range_image"), _published(samples, "range_image"))
    assert found[0] == pytest.approx(RANGE_COLUMN[name][0], abs=0.01)
    assert found[1] == pytest.approx(RANGE_COLUMN[name][1], abs=0.002)


@pytest.mark.parametrize("name", BLURRY)
def test_blurry_input_of_the_authors(name):
    samples = _samples(name)
    truth = torch.stack([sample.image for sample in samples])
    assert psnr(_published(samples, "dd_blurry"), truth).mean().item() == pytest.approx(
        BLURRY[name], abs=0.02
    )


def test_no_slack_output_was_published_for_house_numbers():
    with pytest.raises(NotApplicable, match="no DDS output"):
        PublishedDDS(_task("svhn")).replay(_samples("svhn")[:1])


def _sample(**published: torch.Tensor) -> Sample:
    image = torch.full((3, 32, 32), 0.5)
    return Sample(0, "000", image, torch.ones(5, 5) / 25, "k", published=published)


def test_replay_returns_what_the_sample_holds():
    image, kernel = torch.rand(3, 32, 32), torch.rand(5, 5)
    restoration = PublishedDD(_task("svhn")).replay([_sample(dd_image=image, dd_kernel=kernel)])
    assert torch.equal(restoration.image, image[None])
    assert restoration.kernel is not None
    assert torch.equal(restoration.kernel, kernel[None])


@pytest.mark.parametrize("cls", METHODS.values())
def test_samples_without_outputs_are_not_applicable(cls):
    with pytest.raises(NotApplicable, match="published no"):
        cls(_task("svhn")).replay([_sample()])


@pytest.mark.parametrize("cls", METHODS.values())
def test_other_noise_levels_are_not_applicable(cls: type[MethodBase]):
    cls.check_available(Task("svhn", (32, 32), noise=0.01))
    with pytest.raises(NotApplicable, match=r"noise 0\.01, not 0\.02"):
        cls.check_available(Task("svhn", (32, 32), noise=0.02))
