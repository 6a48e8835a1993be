"""Observations go out, restored images come back and are scored."""

import json

import cv2
import numpy as np
import pytest
import torch

from bench import exchange
from bench.errors import BenchError, InvalidInput, UnknownName
from bench.observation import Condition, observe
from bench.packing import unpack
from bench.plan import load_dataset


@pytest.fixture(scope="module")
def dataset():
    return load_dataset("svhn-samples")


@pytest.fixture
def exported(dataset, tmp_path):
    path = exchange.export(dataset, Condition(noise=0.02), tmp_path, images=3)
    return tmp_path, exchange.read_manifest(path)


def test_an_observation_survives_the_way_out_and_back(dataset, exported):
    folder, manifest = exported
    assert len(manifest["images"]) == 3
    found = exchange.outcomes(folder, manifest, dataset, "elsewhere", "a test")
    for outcome in found:
        assert outcome.cell.origin == "a test"
        image = unpack(outcome.restoration).image
        y = observe(dataset, outcome.cell.index, Condition(noise=0.02)).observation
        assert (image[0] - y).abs().max() < 1e-4


def test_kernels_come_back_normalised(dataset, exported):
    folder, manifest = exported
    name = next(iter(manifest["images"]))
    kernel = np.zeros((28, 28), np.uint8)
    kernel[10:14, 14] = 200
    cv2.imwrite(str(folder / f"{name}_kernel.png"), kernel)
    outcome = exchange.outcomes(folder, manifest, dataset, "elsewhere", "")[0]
    found = unpack(outcome.restoration).kernel
    assert found.shape == (1, 28, 28)
    assert torch.isclose(found.sum(), torch.tensor(1.0))
    assert found[0, 10, 14] == pytest.approx(0.25)


def test_a_missing_image_is_a_failed_cell_and_none_at_all_is_refused(dataset, exported):
    folder, manifest = exported
    first, *others = manifest["images"]
    (folder / f"{first}.png").unlink()
    found = exchange.outcomes(folder, manifest, dataset, "elsewhere", "")
    assert [outcome.status for outcome in found] == ["failed", "ok", "ok"]
    for name in others:
        (folder / f"{name}.png").unlink()
    with pytest.raises(InvalidInput, match="none of the images"):
        exchange.outcomes(folder, manifest, dataset, "elsewhere", "")


def test_names_and_sizes_that_cannot_be_are_refused(dataset, exported):
    folder, manifest = exported
    with pytest.raises(UnknownName, match="is a method of this project"):
        exchange.outcomes(folder, manifest, dataset, "dd", "")
    name = next(iter(manifest["images"]))
    cv2.imwrite(str(folder / f"{name}.png"), np.zeros((20, 32, 3), np.uint8))
    with pytest.raises(InvalidInput, match="32×20"):
        exchange.outcomes(folder, manifest, dataset, "elsewhere", "")


def test_a_broken_manifest_is_no_manifest(tmp_path):
    with pytest.raises(BenchError, match="with a manifest"):
        exchange.read_manifest(tmp_path / "manifest.json")
    (tmp_path / "manifest.json").write_text(json.dumps({"images": {}}))
    with pytest.raises(BenchError, match="is no manifest"):
        exchange.read_manifest(tmp_path / "manifest.json")
