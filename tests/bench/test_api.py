"""The Python API: what a notebook does."""

from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from pathlib import Path
from pkgutil import iter_modules

import numpy as np
import pytest
import torch

import bench
from bench import api, photo, registry
from bench.errors import BenchError, InvalidInput, UnknownName


def test_the_examples_in_the_docstrings_hold() -> None:
    names = [f"{api.__name__}.{module.name}" for module in iter_modules(api.__path__)]
    parts = [api, *map(importlib.import_module, names)]
    results = [doctest.testmod(part) for part in parts]
    assert sum(found.attempted for found in results) >= 6
    assert not any(found.failed for found in results)


def test_importing_bench_is_light_and_its_names_are_there() -> None:
    code = "import sys, bench; assert not {'torch', 'pandas'} & set(sys.modules); print(bench.run)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with pytest.raises(AttributeError, match="walk"):
        _ = bench.walk
    for name in bench.__all__:
        assert getattr(bench, name)


def test_observations_are_those_of_a_run(tmp_path: Path) -> None:
    frame = bench.run("blurry", "photos", images=2, noise=[0.01, 0.05], workers=1, out=tmp_path)
    assert len(frame) == 4
    assert (tmp_path / "scores.csv").is_file()
    observations = bench.load("photos", noise=0.05)
    for index, row in enumerate(frame[frame["noise"] == 0.05].itertuples()):
        observed = observations[index]
        assert bench.score(observed.observation, observed.sample.image)["psnr"] == pytest.approx(
            row.psnr, abs=1e-3
        )
    assert len(observations[:2]) == 2


def test_arrays_files_and_tensors_are_the_same_image(tmp_path: Path) -> None:
    tensor = bench.load("photos")[1].sample.image.mul(255).round().div(255)
    array = tensor.permute(1, 2, 0).numpy()
    eight = (array * 255).round().astype(np.uint8)
    photo.write_photo(tmp_path / "x.png", tensor)
    for image in (array, eight, tmp_path / "x.png", str(tmp_path / "x.png")):
        assert torch.allclose(api.as_image(image), tensor, atol=1e-6)
    scores = bench.score(eight, tensor, kernel=np.eye(5), true_kernel=torch.eye(5))
    assert scores["kernel_similarity"] == pytest.approx(1)


def test_a_photograph_is_deblurred() -> None:
    observed = bench.load("photos")[0]
    restored = bench.deblur(observed.observation, "blurry")
    assert restored.image.shape == (1, *observed.observation.shape)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: bench.load("photo"), "did you mean 'photos'"),
        (lambda: bench.run("blury", "photos"), "did you mean 'blurry'"),
        (lambda: bench.deblur(np.zeros((8, 8, 2)), "blurry"), r"shape \(2, 8, 8\)"),
        (lambda: bench.deblur(np.full((8, 8), 7.0), "blurry"), r"spans \[7, 7\]"),
        (lambda: bench.deblur(np.full((8, 8), np.nan), "blurry"), "spans"),
        (lambda: bench.deblur(np.zeros((32, 32)), "known-kernel"), "needs the truth"),
        (lambda: bench.deblur(np.zeros((32, 32)), "blurry", speed=3), "no parameter 'speed'"),
        (lambda: bench.deblur("nowhere.png", "blurry"), "nowhere.png"),
        (lambda: bench.score(np.zeros((8, 8)), np.zeros((9, 9))), r"the truth \(1, 9, 9\)"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message: str) -> None:
    with pytest.raises((BenchError, InvalidInput, UnknownName), match=message):
        call()


def test_a_function_and_a_class_of_the_session_are_measured_here() -> None:
    truth = bench.load("photos")

    def halves(observation: torch.Tensor) -> torch.Tensor:
        if len(observation) > 1:
            raise RuntimeError("one at a time, please")
        return observation * 0.5

    frame = bench.evaluate(halves, "photos", images=2)
    assert list(frame["status"]) == ["ok", "ok"]
    first = truth[0]
    expected = bench.score(first.observation * 0.5, first.sample.image)["psnr"]
    assert frame["psnr"][0] == pytest.approx(expected, abs=1e-3)
    assert "halves" not in bench.METHODS.entries
    with pytest.raises(BenchError, match="'blurry' is taken by bench"):
        bench.METHODS.register("blurry")(bench.METHODS.load("blurry"))
    assert doctest.testmod(registry).failed == 0


def test_a_function_that_fails_costs_its_cells_with_the_reason() -> None:
    def broken(observation: torch.Tensor) -> torch.Tensor:
        raise ValueError("out of ideas")

    frame = bench.evaluate(broken, "photos", images=1)
    assert list(frame["status"]) == ["failed"]
    assert "out of ideas" in frame["reason"][0]
