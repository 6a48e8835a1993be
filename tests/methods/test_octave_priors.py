"""Sparse gradients, extreme channels, outliers and data fitting, on tiny synthetic images."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.errors import InvalidInput, Unavailable
from bench.files import read_toml
from bench.methods.engineered.dark_channel import DarkChannel
from bench.methods.engineered.data_fitting import LEARNED, DataFitting
from bench.methods.engineered.extreme_channels import ExtremeChannels
from bench.methods.engineered.l0 import SparseGradients
from bench.methods.engineered.octave_prior import (
    OctavePrior,
    functions_reached_from,
    variants,
)
from bench.methods.engineered.octave_session import OctaveSession, session
from bench.methods.engineered.outlier_handling import OutlierHandling, find_impulses
from bench.methods.engineered.train_data_fitting import Log, search, training_pairs
from bench.methods.engineered.tune_octave import moved
from bench.physics.answers import check_restoration
from bench.physics.forward import add_outliers, blur
from bench.protocol import Task

needs_octave = pytest.mark.skipif(
    not (shutil.which("octave-cli") or shutil.which("octave")), reason="GNU Octave is missing"
)
METHODS = [SparseGradients, ExtremeChannels, OutlierHandling, DataFitting]
TASK = Task("celeba", (48, 48), kernel_size=(12, 12))


@pytest.fixture(scope="module")
def octave() -> Iterator[OctaveSession]:
    yield session()
    session().close()


def _blocks(size: tuple[int, int], count: int = 1) -> torch.Tensor:
    """Images of flat blocks, some black and some white."""
    draw = torch.Generator().manual_seed(1)
    coarse = torch.rand(count, 3, 7, 7, generator=draw)
    coarse = torch.where(coarse < 0.3, 0.02, torch.where(coarse > 0.8, 0.99, coarse))
    return torch.nn.functional.interpolate(coarse, size, mode="nearest")


def _observed(task: Task, count: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Blocks blurred along the diagonal, by a kernel with its centroid in the middle."""
    image = _blocks(task.image_size, count)
    kernel = torch.zeros(task.kernel_size)
    middle = task.kernel_size[0] // 2
    for step in range(-3, 3):
        kernel[middle + step, middle + step] = 1 / 6
    kernel = kernel.expand(count, -1, -1)
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(2))
    return image, kernel, (blur(image, kernel) + task.noise * noise).clamp(0, 1)


def _psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(-10 * (a - b).square().mean().log10())


@needs_octave
@pytest.mark.usefixtures("octave")
@pytest.mark.parametrize("method", METHODS)
def test_restores_better_than_the_input(method: type[OctavePrior]) -> None:
    image, _, y = _observed(TASK)
    found = method(TASK, iterations=8, beta_start=0.005, beta_max=0.01).deblur(y)
    assert _psnr(found.image, image) > _psnr(y, image) + 0.5
    assert found.kernel is not None
    pixels = torch.arange(12.0)
    centre = [(found.kernel.sum(axis) * pixels).sum() for axis in (2, 1)]
    torch.testing.assert_close(torch.stack(centre), torch.full((2,), 5.5), atol=0.02, rtol=0)


@needs_octave
@pytest.mark.usefixtures("octave")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("channels", "size", "kernel_size", "boundary"),
    [
        (1, (37, 50), (9, 13), "circular"),
        (1, (41, 40), (9, 9), "free"),
        (3, (12, 12), (3, 4), "circular"),  # smaller than every patch
    ],
)
def test_result_is_valid(method, channels: int, size, kernel_size, boundary) -> None:
    task = Task("shoes", size, channels, kernel_size, boundary=boundary)
    y = _blocks(size, 2)[:, :channels]
    found = method(task, iterations=2).deblur(y)
    check_restoration(found, y)
    assert found.kernel is not None
    assert found.kernel.shape == (2, *kernel_size)
    torch.testing.assert_close(found.kernel.sum((1, 2)), torch.ones(2))


@needs_octave
@pytest.mark.usefixtures("octave")
def test_no_bright_channel_leaves_the_dark_channel_method() -> None:
    _, _, y = _observed(TASK)
    same = {**DarkChannel.tuned(TASK), "iterations": 2}
    dark = DarkChannel(TASK, **same).deblur(y)
    without = ExtremeChannels(TASK, **{**same, "bright": 0.0})
    assert torch.equal(without.deblur(y).image, dark.image)
    both = ExtremeChannels(TASK, **{**same, "bright": 0.01}).deblur(y)
    assert not torch.equal(both.image, dark.image)


@needs_octave
@pytest.mark.usefixtures("octave")
def test_no_dark_channel_leaves_the_sparse_gradients() -> None:
    _, _, y = _observed(TASK)
    same = {**SparseGradients.tuned(TASK), "iterations": 2}
    core = SparseGradients(TASK, **same).deblur(y).image
    assert torch.equal(DarkChannel(TASK, **{**same, "dark": 0.0}).deblur(y).image, core)
    assert not torch.equal(DarkChannel(TASK, **{**same, "dark": 0.01}).deblur(y).image, core)


@needs_octave
def test_the_bright_channel_is_the_dark_one_of_the_inverse(octave: OctaveSession) -> None:
    """Swapping black and white swaps the two channels, so the latent image turns over."""
    y = np.random.default_rng(0).random((16, 18))
    kernel = np.zeros((3, 3))
    kernel[1] = 1 / 3
    weights = {**ExtremeChannels.tuned(TASK), "patch": 5, "dark": 0.02, "bright": 0.0}
    dark = octave.call("latent_image", 1 - y, kernel, weights)
    bright = octave.call("latent_image", y, kernel, {**weights, "dark": 0.0, "bright": 0.02})
    np.testing.assert_allclose(bright, 1 - dark, atol=1e-9)


@needs_octave
@pytest.mark.usefixtures("octave")
def test_without_outliers_the_robust_method_is_least_squares() -> None:
    y = _observed(TASK)[2].clamp(0.01, 0.99)  # no impulses, nothing saturated
    squares = OutlierHandling(TASK, iterations=3, outlier=math.inf)
    reference = squares.deblur(y)
    plain = {**squares.settings, "dark": 0.0, "bright": 0.0}
    for name in ("outlier", "sharpness", "reweights"):
        plain.pop(name)
    least = DarkChannel(TASK, **plain)
    assert reference.kernel is not None
    # One solver multiplies in another order, and thresholds amplify that; nothing else differs.
    once = OutlierHandling(TASK, iterations=3, outlier=math.inf, reweights=1)
    torch.testing.assert_close(once.estimate_kernel(y), least.estimate_kernel(y), atol=1e-4, rtol=0)
    # Gaussian noise of 1 % does not come near an outlier's scale: the same result, nearly.
    robust = OutlierHandling(TASK, iterations=3, outlier=1.0).deblur(y)
    assert robust.kernel is not None
    assert _psnr(robust.image, reference.image) > 40
    assert _psnr(robust.kernel, reference.kernel) > 60


@needs_octave
def test_weights_fall_from_one_to_zero(octave: OctaveSession) -> None:
    residual = np.array([[0.0, 0.01, 0.2, 1.0, -1.0]])
    weight = octave.call("outlier_weight", residual, 0.2, 4.0)
    np.testing.assert_allclose(weight[0, 0], 1)
    assert weight[0, 1] > 0.999
    np.testing.assert_allclose(weight[0, 2], (1 + math.exp(-4)) / 2)
    assert weight[0, 3] == weight[0, 4] < 1e-12


@needs_octave
@pytest.mark.usefixtures("octave")
def test_outliers_cost_the_robust_method_less() -> None:
    image, kernel, y = _observed(TASK)
    draw = torch.Generator().manual_seed(3)
    hit = torch.rand(y.shape[-2:], generator=draw) < 0.01
    # Short of black and white, where they are not taken for impulses.
    dirt = 0.05 + 0.9 * (torch.rand(y.shape[-2:], generator=draw) < 0.5).float()
    salted = torch.where(hit, dirt, y)
    scores = {}
    for outlier in (0.1, math.inf):
        method = OutlierHandling(TASK, iterations=6, outlier=outlier)
        known = _psnr(method.restore(salted, kernel), image)
        blind = _psnr(method.deblur(salted).image, image)
        scores[outlier] = known, blind
    assert scores[0.1][0] > scores[math.inf][0] + 1
    assert scores[0.1][1] > scores[math.inf][1]


@needs_octave
def test_thresholds_are_no_steps(octave: OctaveSession) -> None:
    """A value at a threshold may fall on either side of it, and nothing jumps."""
    kernel = np.zeros((7, 7))
    kernel[1:3, 1:3] = 0.2
    kernel[5, 5] = 0.05  # a component of its own, at both thresholds
    edge = np.full((12, 12), 0.25)
    edge[5] = 0.75  # its gradient is 0.5
    point = np.full((12, 12), 0.5)
    point[5, 5] = 0.1  # the darkest
    tuned = SparseGradients.tuned(TASK)  # several kernels have several settings: take the first's
    weights = {key: value[0] if isinstance(value, list) else value for key, value in tuned.items()}
    weights = {**weights, "patch": 5, "gradient": 0.002, "alpha_max": 0.004}
    weights |= {"bright": 0.0, "beta_start": 1.0, "beta_max": 1.0}
    point_alone = {**weights, "gradient": 1e-9, "dark": 0.01}
    cases: list[tuple[str, np.ndarray, list[object]]] = [
        ("prune_kernel", kernel, [0.25, 0.0]),
        ("prune_kernel", kernel, [0.0, 0.05 / 0.85]),
        ("strong_gradients", edge, [3.0, np.array(0.25)]),
        ("latent_image", 0.25 + (edge - 0.25) * 2**0.5, [np.ones((1, 1)), weights]),
        ("latent_image", point, [np.ones((1, 1)), point_alone]),
    ]
    for function, value, rest in cases:
        step = np.zeros_like(value)
        step[5] = 1e-7
        below, above = (octave.call(function, value + side * step, *rest) for side in (-1, 1))
        np.testing.assert_allclose(below, above, rtol=0, atol=2e-6, err_msg=function)


def _features(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(4).standard_normal((size, size, count, 6))


@needs_octave
@pytest.mark.parametrize("per_equation", [False, True])
def test_kernel_step_equals_dense_least_squares(octave: OctaveSession, per_equation: bool) -> None:
    features, targets = _features(1, 9), _features(2, 9)[:, :, 1:]
    weights = np.array([0.5, 1, 2, 0, 0.3, 0.1]).reshape(1, 1, 1, 6)
    if per_equation:
        weights = weights * np.random.default_rng(5).random((9, 9, 1, 6))
    found = octave.call(
        "kernel_from_features", features, targets, weights, np.zeros((4, 3)), 0.7, 60
    )
    columns = []
    for row in range(4):
        for column in range(3):  # the origin is pixel (2, 1)
            columns.append(np.roll(features, (row - 2, column - 1), (0, 1)).ravel())
    matrix = np.stack(columns, 1)
    root = np.sqrt(np.broadcast_to(weights, features.shape)).ravel()
    stacked = np.vstack([root[:, None] * matrix, math.sqrt(0.7) * np.eye(12)])
    right = np.concatenate([root * targets.ravel(), np.zeros(12)])
    dense = np.linalg.lstsq(stacked, right)[0].reshape(4, 3)
    np.testing.assert_allclose(found, dense, atol=1e-8)


def test_a_search_of_weights_resumes_from_its_log(tmp_path: Path) -> None:
    calls = []

    def loss(point: tuple[float, ...]) -> float:
        calls.append(point)
        return (math.log(point[0]) - math.log(5)) ** 2 + point[1]

    def searched(most: int) -> tuple[float, ...]:
        return search(Log(tmp_path / "log.jsonl", images=3), loss, [(1.0, 0.0), (1.0, 1.0)], most)

    assert searched(3) == (3.0, 0.0)  # one step of 3 towards 5
    assert len(calls) == 3
    best = searched(40)
    assert len(calls) == len(set(calls))  # what the log knew was not computed again
    assert best[0] == pytest.approx(5, rel=0.3)
    assert best[1] == 0.0


def test_training_and_held_out_pairs_share_neither_kernels_nor_photographs() -> None:
    first, second = (training_pairs("natural", 4, part) for part in ("data fitting", "held out"))
    assert len(first.image) == len(second.image) == 4
    assert not torch.equal(first.kernel, second.kernel)
    assert not torch.equal(first.image, second.image)


def test_learned_weights_are_loaded() -> None:
    for name in ("svhn", "shoes", "celeba", "natural", "never-heard-of"):
        settings = DataFitting.tuned(Task(name, (64, 64)))
        fitting, restoring = (np.asarray(settings[key]) for key in ("fitting", "restoring"))
        assert fitting.shape == (6,)
        assert restoring.shape == (3,)
        assert min(fitting) >= 0 < max(fitting)
    learned = read_toml(LEARNED)["svhn"]
    settings = DataFitting.tuned(Task("svhn", (32, 32)))
    assert settings["fitting"] == learned["fitting"]
    assert settings["restoring"] == learned["restoring"]


@pytest.mark.parametrize("method", METHODS)
def test_refuses_unknown_parameters_and_reports_missing_octave(
    method: type[OctavePrior], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InvalidInput, match=f"'darkness' is no parameter of {method.__name__}"):
        method(TASK, darkness=1)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("OCTAVE_EXECUTABLE", raising=False)
    with pytest.raises(Unavailable, match="apt-get install octave"):
        method.check_available(TASK)


def test_impulses_are_found_and_edges_are_not() -> None:
    _, _, y = _observed(TASK)
    assert find_impulses(y)[0].float().mean() < 0.003  # corners of blocks, which images lack
    hit = add_outliers(y[0], 0.05, torch.Generator().manual_seed(4))[None]
    found, median = find_impulses(hit)
    changed = (hit - y).abs() > 0.2
    assert (found & changed).sum() > 0.9 * changed.sum()
    assert (found & ((hit - y).abs() < 0.01)).float().mean() < 0.003
    assert (median - y).abs()[found].median() < 0.05


@needs_octave
@pytest.mark.usefixtures("octave")
def test_impulses_cost_the_robust_method_little_and_the_others_much() -> None:
    image, _, y = _observed(TASK)
    hit = add_outliers(y[0], 0.05, torch.Generator().manual_seed(4))[None]
    short = {"iterations": 8, "edges": 2.0, "alpha_growth": 4.0}
    robust = OutlierHandling(TASK, **short).deblur(hit).image
    plain = SparseGradients(TASK, **short).deblur(hit).image
    assert _psnr(robust, image) > _psnr(plain, image) + 3
    assert _psnr(robust, image) > _psnr(y, image)


@needs_octave
@pytest.mark.usefixtures("octave")
def test_of_several_kernels_the_one_is_kept_that_explains_the_image_best() -> None:
    _, _, y = _observed(TASK, 2)
    short = {"iterations": 3, "alpha_growth": 4.0}
    alone = [SparseGradients(TASK, **short, edges=edges) for edges in (1.0, 8.0)]
    kernels = torch.stack([each.estimate_kernel(y) for each in alone])
    misfits = torch.stack([alone[0].misfit(y, kernel) for kernel in kernels])
    kept = SparseGradients(TASK, **short, edges=[1.0, 8.0]).estimate_kernel(y)
    assert torch.equal(kept, kernels[misfits.argmin(0), torch.arange(2)])


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(InvalidInput, match="lists of 2 and 3 values"):
        variants({"edges": [1.0, 2.0], "iterations": [1.0, 2.0, 3.0], "alpha_growth": 2.0})


def test_assets_cover_what_a_method_reaches_and_nothing_else() -> None:
    reached = functions_reached_from("outlier_kernel", "restore_image")
    assert {"outlier_weight", "latent_image", "kernel_from_features", "deconvolve_tv"} < set(
        reached
    )
    assert not {"data_fitting_kernel", "benchmark_dark_pixels"} & set(reached)
    checksums = {method.assets(TASK)["octave/*.m"] for method in [DarkChannel, *METHODS]}
    assert len(checksums) == 5
    assert OutlierHandling.assets(TASK) != OutlierHandling.assets(Task("svhn", (32, 32)))


def test_tuning_moves_what_a_method_has() -> None:
    settings = {"ridge": 2.0, "iterations": 3, "dark": 0.0, "beta_start": 0.1, "beta_max": 0.4}
    assert moved(settings, "ridge", 2.0) == {**settings, "ridge": 4.0}
    assert moved(settings, "iterations", 1.5) == {**settings, "iterations": 4}
    assert moved(settings, "dark", 2.0) is None
    assert moved(settings, "beta", 0.5) == {**settings, "beta_start": 0.05, "beta_max": 0.2}
