"""SelfDeblur: networks of the published shape, and fits that find what blurred a photograph."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import pytest
import torch

from bench.datasets.motion_blur import MotionBlur
from bench.datasets.photos import FOLDER
from bench.errors import InvalidInput
from bench.methods.selfdeblur.method import SelfDeblur
from bench.methods.selfdeblur.networks import CODE, PLANES, ImageNetwork, KernelNetwork
from bench.methods.selfdeblur.settings import FAST, PUBLISHED
from bench.methods.selfdeblur.solver import Similarity, fit
from bench.metrics import kernel_similarity, psnr, ssim
from bench.photo import read_photo
from bench.physics.alignment import align
from bench.physics.forward import add_noise, blur, valid_part
from bench.physics.intensity import luma
from bench.protocol import Alignment, Task

SIDE, LENGTH = 96, 8
SIZE = (LENGTH + 1, LENGTH + 1)
NOISE = 0.004


@pytest.fixture(scope="module")
def pair() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A detail of a development photograph, its observation and its kernel."""
    image = read_photo(FOLDER / "camera.png", 1)[0][None, :, 60 : 68 + SIDE, 160 : 168 + SIDE]
    kernel = MotionBlur(LENGTH + 1).kernel(4, seed=900, length=LENGTH)
    draw = torch.Generator().manual_seed(0)
    observation = add_noise(blur(image, kernel, "valid"), NOISE, [draw])
    return valid_part(image, SIZE), observation, kernel


def task(y: torch.Tensor, boundary: Literal["circular", "free"] = "free", seed: int = 0) -> Task:
    height, width = y.shape[-2:]
    return Task("natural", (height, width), y.shape[1], SIZE, NOISE, boundary, seed=seed)


def weights(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def convolutions(module: torch.nn.Module) -> list[torch.nn.Conv2d]:
    return [part for part in module.modules() if isinstance(part, torch.nn.Conv2d)]


def test_the_published_networks_have_the_published_shape() -> None:
    network = ImageNetwork(PUBLISHED.channels, PUBLISHED.skips, PUBLISHED.attentive)
    channels, skips = 128, 16
    # Per scale: around, two down, the join, two up; weights, offsets and normalisation.
    each = skips * (channels + 3) + 2 * channels * (9 * channels + 3)
    each += 2 * (skips + channels) + channels * (9 * (skips + channels) + 3 + channels + 3)
    first = (channels - PLANES) * (skips + 9 * channels)  # the finest scale sees 8 planes
    attention = 3 * (channels // 2) * (channels + 1) + channels * (channels // 2 + 3)
    assert weights(network) == 5 * each - first + 3 * attention + channels + 1
    assert weights(KernelNetwork((21, 23))) == 200 * 1000 + 1000 + 1000 * 483 + 483
    halving = [part for part in convolutions(network) if part.stride == (2, 2)]
    assert [part.in_channels for part in halving] == [PLANES, *[channels] * 4]
    drawn = network(0.1 * torch.rand(1, PLANES, 71, 64))
    assert drawn.shape == (1, 1, 71, 64)
    assert 0 < drawn.min() <= drawn.max() < 1
    assert (PUBLISHED.steps, PUBLISHED.squares * PUBLISHED.steps) == (5000, 1000)
    assert [share * PUBLISHED.steps for share in PUBLISHED.halvings] == [2000, 3000, 4000]


def test_the_kernel_network_begins_where_it_is_told() -> None:
    torch.manual_seed(0)
    network, code = KernelNetwork((5, 7)), 0.1 * torch.rand(CODE)
    drawn = network(code)
    assert drawn.shape == (5, 7)
    assert float(drawn.detach().sum()) == pytest.approx(1)
    kernel = torch.zeros(5, 7)
    kernel[2, 3:5] = 0.5
    network.begin_at(kernel, code, spread=0.1)
    assert torch.allclose(network(code), 0.9 * kernel + 0.1 / 35, atol=1e-6)


def test_the_similarity_is_the_usual_one_away_from_the_border() -> None:
    draw = torch.Generator().manual_seed(0)
    x, y = torch.rand(2, 1, 1, 60, 50, generator=draw)
    frame = (8, 8, 8, 8)
    x, y = (torch.nn.functional.pad(plane, frame) for plane in (x, y))
    own, usual = float(Similarity(y[0, 0])(x)), float(ssim(x, y))
    assert own == pytest.approx(usual, abs=1e-5)
    assert float(Similarity(y[0, 0])(y)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("boundary", ["circular", "free"])
def test_a_fit_explains_the_observation_and_improves_the_kernel(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor], boundary: Literal["circular", "free"]
) -> None:
    truth, y, kernel = pair
    if boundary == "circular":
        y = add_noise(blur(truth, kernel), NOISE, [torch.Generator().manual_seed(0)])
    begun, found = (SelfDeblur(task(y, boundary), steps=steps).deblur(y) for steps in (1, 80))
    assert begun.kernel is not None
    assert found.kernel is not None
    kernels = torch.cat([begun.kernel, found.kernel])
    before, after = kernel_similarity(kernels, kernel.expand(2, -1, -1)).tolist()
    # Eighty steps of a high rate end elsewhere on every processor: what holds on all is less.
    assert after > before + 0.01
    near = Alignment(4, 0.25, 5)
    qualities = [float(psnr(*align(image, truth, near))) for image in (y, begun.image, found.image)]
    assert qualities[2] > qualities[1] + 1.5
    assert qualities[2] > qualities[0] + 1.5
    trace = found.records["loss_trace"][0, 0]
    assert trace.shape == (81,)
    assert trace[-1] < 0.15 * trace[0]
    assert float(found.records["restart_objective"][0, 0]) == float(trace[-1])
    assert (found.iterations, found.generator_evaluations, found.restarts) == (80, 80, 1)


def test_the_restart_that_leaves_least_is_kept(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    _, y, _ = pair
    method = SelfDeblur(task(y), restarts=3, steps=4)
    found = method.deblur(y)
    residuals, chosen = found.records["restart_objective"][0], int(found.records["chosen"][0])
    assert len(residuals.unique()) == 3
    assert int(residuals.argmin()) == chosen
    assert found.kernel is not None
    assert torch.equal(found.kernel[0], found.records["restart_kernel"][0, chosen])
    assert torch.equal(method.estimate_kernel(y), found.kernel)
    assert torch.allclose(method.restore(y, found.kernel), found.image, atol=1e-3)
    assert (found.restarts, found.iterations, found.generator_evaluations) == (3, 4, 12)
    other = SelfDeblur(task(y, seed=1), restarts=3, steps=4).deblur(y)
    assert not torch.equal(other.records["restart_objective"], residuals[None])


def test_a_fit_stops_at_the_noise(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    _, y, _ = pair
    settings = dataclasses.replace(FAST, steps=40)
    whole = fit(y[0, 0], SIZE, "free", settings, torch.Generator().manual_seed(0))
    assert whole.steps == 40
    enough = float(whole.trace[20:].min()) + 1e-6
    stopped = fit(y[0, 0], SIZE, "free", settings, torch.Generator().manual_seed(0), enough)
    assert stopped.steps < 40 or whole.residual <= enough
    assert stopped.residual <= enough
    assert torch.equal(stopped.trace[: stopped.steps + 1], whole.trace[: stopped.steps + 1])
    assert stopped.trace[stopped.steps + 1 :].isnan().all()


def test_the_network_restores_the_luma_and_leaves_the_chroma(
    pair: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
) -> None:
    _, grey, _ = pair
    y = torch.cat([0.3 + 0.4 * grey, 0.2 + 0.5 * grey, 0.4 + 0.2 * grey], 1)
    found = SelfDeblur(task(y), final_step="network", steps=3).deblur(y)
    inside = (found.image > 0).all(1) & (found.image < 1).all(1)
    before, after = ((image - luma(image))[0][:, inside[0]] for image in (y, found.image))
    assert inside.float().mean() > 0.9
    assert torch.allclose(before, after, atol=1e-5)
    assert not torch.allclose(luma(found.image), luma(y), atol=0.01)


def test_a_large_photograph_is_fitted_in_a_window_and_restored_whole() -> None:
    draw = torch.Generator().manual_seed(0)
    y = torch.rand(1, 1, 40, 400, generator=draw)
    method = SelfDeblur(Task("natural", (40, 400), 1, (5, 5), NOISE, "circular"), steps=1)
    window, boundary = method.window(y[0, 0])
    assert tuple(window.shape) == (40, FAST.window)
    assert boundary == "free"
    assert method.deblur(y).image.shape == y.shape
    whole = SelfDeblur(method.task, final_step="network").window(y[0, 0])
    assert torch.equal(whole[0], y[0, 0])
    assert whole[1] == "circular"


def test_the_published_preset_is_told_no_noise_and_nothing_that_was_chosen_here() -> None:
    assert SelfDeblur.knowledge({}) == SelfDeblur.knows
    assert "sparse-edges" in SelfDeblur.knows.training
    assert "sparse-edges" not in SelfDeblur.knowledge({"start": "none"}).training
    published = SelfDeblur.knowledge({"preset": "published"})
    assert not published.noise
    assert published.training == ""
    y = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    small = Task("natural", (40, 40), 1, (5, 5), 1.0, "free")
    found = SelfDeblur(small, preset="published", steps=2).deblur(y)
    assert found.iterations == 2  # though the residual is below the noise


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"preset": "levin"}, "no preset 'levin'; there are: default, published"),
        ({"start": "l0"}, "no start 'l0'; there are: sparse-edges, none"),
        ({"final_step": "epll"}, "no final step 'epll'; there are: tv, network"),
        ({"restarts": 0}, "restarts = 0"),
        ({"steps": -1}, "steps = -1"),
    ],
)
def test_parameters_out_of_range_are_refused(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        SelfDeblur(Task("natural", (64, 64)), **parameters)
