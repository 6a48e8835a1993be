"""The evidence of a kernel: equal to the dense Gaussian, differentiable, and it finds kernels."""

import json
import math

import pytest
import torch

from bench.checksums import checksum
from bench.errors import Unavailable
from bench.methods.deconvolution.lmmse import from_opponent, to_opponent
from bench.methods.marginal.likelihood import MarginalLikelihood, _Evidence, evidence_at_once
from bench.methods.marginal.model import (
    GaussianModel,
    learn_model,
    load_model,
    save_model,
    truncate,
)
from bench.methods.marginal.search import Annealing, search
from bench.methods.marginal.sparse import search_sparse
from bench.physics.forward import blur

SIZE, NOISE = 8, 0.05


def cast(model, dtype):
    return GaussianModel(
        model.mean.to(dtype),
        tuple(part.to(dtype) for part in model.components),
        model.spectrum.to(dtype),
    )


@pytest.fixture(scope="module")
def model():
    coarse = torch.rand(300, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    images = torch.nn.functional.interpolate(coarse, (SIZE, SIZE), mode="bicubic")
    images = images + 0.02 * torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    return cast(learn_model(images, ranks=(6, 3, 3)), torch.float64)


@pytest.fixture(scope="module")
def kernel():
    draw = torch.rand(3, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    return draw / draw.sum((1, 2), keepdim=True)


@pytest.fixture(scope="module")
def observation():
    draw = torch.Generator().manual_seed(3)
    return torch.rand(1, 3, SIZE, SIZE, dtype=torch.float64, generator=draw)


def dense(model, kernel, colour, scales):
    """Mean and covariance of an observation's pixels in one opponent colour, and the blur."""
    count = SIZE * SIZE
    basis = torch.eye(count, dtype=torch.float64).view(count, 1, SIZE, SIZE)
    blurring = blur(basis, kernel.expand(count, -1, -1)).view(count, count).T
    transform = torch.fft.fft2(basis[:, 0], norm="ortho").view(count, count).T
    half = model.spectrum[colour]
    rows = torch.arange(SIZE)
    full = torch.empty(SIZE, SIZE, dtype=torch.float64)
    full[:, : SIZE // 2 + 1] = half
    for col in range(SIZE // 2 + 1, SIZE):
        full[:, col] = half[(-rows) % SIZE, SIZE - col]
    rest = (transform.conj().T @ torch.diag(full.flatten() + 0j) @ transform).real
    drawn = model.components[colour].flatten(1)
    first, second = scales[2 * colour].exp(), scales[2 * colour + 1].exp()
    prior = first**2 * drawn.T @ drawn + second**2 * rest
    return model.mean[colour].flatten(), prior, blurring


@pytest.mark.parametrize("scaled", [False, True])
def test_evidence_and_posterior_mean_equal_the_dense_gaussian(model, kernel, observation, scaled):
    likelihood = MarginalLikelihood(model, NOISE)
    spectrum = likelihood.observe(observation)[0]
    scales = torch.linspace(-0.3, 0.4, 6, dtype=torch.float64).expand(len(kernel), -1)
    given = scales if scaled else None
    used = scales if scaled else torch.zeros_like(scales)
    found = likelihood(spectrum, kernel, given)
    means = to_opponent(likelihood.posterior_mean(spectrum, kernel, given))
    pixels = to_opponent(observation)[0].flatten(1)
    expected = []
    for row, one in enumerate(kernel):
        total = 0.0
        for colour in range(3):
            mean, prior, blurring = dense(model, one, colour, used[row])
            covariance = blurring @ prior @ blurring.T + NOISE**2 * torch.eye(SIZE * SIZE)
            normal = torch.distributions.MultivariateNormal(blurring @ mean, covariance)
            total -= normal.log_prob(pixels[colour]).item()
            gain = prior @ blurring.T @ torch.linalg.inv(covariance)
            restored = mean + gain @ (pixels[colour] - blurring @ mean)
            assert torch.allclose(means[row, colour].flatten(), restored, atol=1e-8)
        expected.append(total - 3 * SIZE * SIZE / 2 * math.log(2 * math.pi))
    assert torch.allclose(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-7)


def test_gradient_by_kernel_and_scales_is_that_of_the_value(model, kernel, observation):
    likelihood = MarginalLikelihood(model, NOISE)
    spectrum = likelihood.observe(observation)[0]
    scales = torch.full((len(kernel), 6), 0.1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda k, s: likelihood(spectrum, k, s, 2.0), (kernel.clone().requires_grad_(), scales)
    )


def test_saved_model_is_read_back_and_a_changed_file_is_refused(model, tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_model(cast(model, torch.float32), path)
    card = {"file": path.name, "sha256": checksum(path)}
    (tmp_path / "tiny.json").write_text(json.dumps(card))
    again = load_model("tiny", tmp_path)
    assert torch.allclose(again.mean.double(), model.mean)
    assert torch.allclose(total_power(again), total_power(cast(model, torch.float32)), rtol=1e-2)
    load_model.cache_clear()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(Unavailable, match="do not match"):
        load_model("tiny", tmp_path)


def total_power(model):
    """Expected power of an image about its mean, per colour and frequency."""
    drawn = [torch.fft.rfft2(part, norm="ortho").abs().square().sum(0) for part in model.components]
    return torch.stack(drawn) + model.spectrum


@pytest.mark.parametrize("name", ["svhn", "shoes", "celeba"])
def test_shipped_models_are_positive_and_cheap(name):
    model = load_model(name)
    assert (model.spectrum >= 0).all()
    likelihood = MarginalLikelihood(model, 0.01)
    entries = 2 * model.spectrum[0].numel()
    assert all(part.shape[1] < 0.8 * entries for part in likelihood.components)


def test_truncation_keeps_the_power_at_every_frequency(model):
    cut = truncate(model, share=0.5)
    assert torch.allclose(total_power(cut), total_power(model))
    sizes = [
        sum(part.shape[1] for part in MarginalLikelihood(m, NOISE).components) for m in (cut, model)
    ]
    assert sizes[0] < sizes[1]


class LineKernels:
    """A kernel prior with one latent: the length of a horizontal line, softly."""

    def __call__(self, latent):
        place = torch.arange(28.0) - 13.5
        half = 2 + 5 * torch.sigmoid(latent[:, :1])
        row = torch.sigmoid(3 * (half - place.abs()))
        kernel = torch.zeros(len(latent), 28, 28)
        kernel[:, 13] = row / 2
        kernel[:, 14] = row / 2
        return (kernel / kernel.sum((1, 2), keepdim=True))[:, None]


@pytest.fixture(scope="module")
def blurred_face():
    """An image drawn from the faces' model, blurred by a line, and the line's latent."""
    model, draw = load_model("celeba"), torch.Generator().manual_seed(4)
    colours = [
        torch.einsum("rhw,r->hw", part, torch.randn(len(part), generator=draw))
        for part in model.components
    ]
    image = from_opponent((model.mean + torch.stack(colours))[None])
    latent = torch.tensor([[0.8]])
    y = blur(image, LineKernels()(latent)[:, 0])
    return y + 0.01 * torch.randn(y.shape, generator=draw), latent


def test_search_by_evidence_finds_the_kernel(blurred_face):
    y, latent = blurred_face
    likelihood = MarginalLikelihood(load_model("celeba"), 0.01)
    spectrum = likelihood.observe(y)[0]
    starts = torch.tensor([[-2.0], [2.5]])
    found, _, values = search(
        likelihood, spectrum, LineKernels(), starts, Annealing(steps=30, rate=0.3, penalty=0.0)
    )
    assert (found[values.argmin()] - latent[0]).abs() < 0.3


def test_sparse_search_improves_its_objective_and_stays_finite(blurred_face):
    y, _ = blurred_face
    grey = to_opponent(y)[0, 0]
    start = torch.tensor([[-1.5], [2.0]])
    settings = {"noise": 0.01, "hot": 4.0, "cold": 4.0, "penalty": 0.0}
    _, first = search_sparse(grey, LineKernels(), start, steps=15, rate=0.0, **settings)
    latent, last = search_sparse(grey, LineKernels(), start, steps=15, rate=0.2, **settings)
    assert torch.isfinite(latent).all()
    assert (last < first).all()


def test_sparse_search_of_several_observations_is_that_of_each_by_itself(blurred_face) -> None:
    grey = to_opponent(blurred_face[0])[0, 0]
    several = torch.stack([grey, grey.flip(0)])
    starts = torch.tensor([[-1.5], [2.0], [1.0], [0.5]])
    noise = torch.tensor([0.01, 0.01, 0.02, 0.02])
    rows = several.repeat_interleave(2, 0)
    found, values = search_sparse(rows, LineKernels(), starts, noise, steps=12)
    for place, part in enumerate((slice(0, 2), slice(2, 4))):
        level = float(noise[2 * place])
        apart = search_sparse(several[place], LineKernels(), starts[part], level, steps=12)
        assert torch.allclose(found[part], apart[0], atol=1e-3)
        assert torch.allclose(values[part], apart[1], rtol=1e-3)


def test_rows_of_several_observations_have_the_evidence_of_each_by_itself() -> None:
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 64, 64, generator=draw)
    kernel = torch.rand(4, 9, 9, generator=draw)
    kernel /= kernel.sum((1, 2), keepdim=True)
    scales = 0.1 * torch.randn(4, 6, generator=draw)
    model = load_model("celeba")
    noise = torch.tensor([0.01, 0.01, 0.03, 0.03])
    together = MarginalLikelihood(model, noise)
    rows = together.observe(images).repeat_interleave(2, 0)
    found, mean = together(rows, kernel, scales), together.posterior_mean(rows, kernel, scales)
    for place, part in enumerate((slice(0, 2), slice(2, 4))):
        alone = together.at(float(noise[2 * place]))
        spectrum = alone.observe(images)[place]
        assert torch.allclose(found[part], alone(spectrum, kernel[part], scales[part]), rtol=1e-5)
        apart = alone.posterior_mean(spectrum, kernel[part], scales[part])
        assert torch.allclose(mean[part], apart, atol=1e-4)


def test_small_systems_in_one_batch_give_what_they_give_one_by_one() -> None:
    draw = torch.Generator().manual_seed(0)
    components = torch.randn(7, 40, generator=draw)
    gain = torch.rand(5, 20, generator=draw).requires_grad_()
    pulled = torch.randn(5, 40, generator=draw).requires_grad_()
    value = _Evidence.apply(components, gain, pulled)
    by_gain, by_pulled = torch.autograd.grad(value.sum(), (gain, pulled))
    found = evidence_at_once(components, gain.detach(), pulled.detach())
    for one, other in zip(found, (value, by_gain, by_pulled), strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-4)
