"""Adversarial training, choosing between generators, and priors that are not the default."""

from typing import Any

import pytest
import torch
from torch import nn

from bench.harness import plan
from bench.methods.deep_deblur.methods import DeepDeblur
from bench.methods.generators import architectures, comparison
from bench.methods.generators import train as training
from bench.methods.generators.adversarial import AdversarialTrainer
from bench.methods.generators.discriminator import Discriminator, cross_entropy, mismatch
from bench.methods.generators.fitting import start_near
from bench.methods.generators.loading import (
    Prior,
    generator_names,
    load_card,
    load_generator,
)
from bench.methods.oracles.range_oracle import RangeOracle
from bench.methods.training.recipe import load_recipe
from bench.methods.training.trainer import Progress, checkpoint_path
from bench.physics.condition import Condition
from bench.protocol import Task
from bench.registry import DATASETS, METHODS

NAMES = ["celeba-adversarial", "shoes-adversarial"]
SHIPPED = {*NAMES} <= {*generator_names()}
needs_weights = pytest.mark.skipif(not SHIPPED, reason="the weights are not trained yet")
TINY = {"start": "random", "steps": 4, "batch": 4, "eval_every": 4}
TINY |= {"discriminator_width": 4, "discriminator_lead": 0}
FACE, SHOE = Task("celeba", (64, 64)), Task("shoes", (64, 64))


@pytest.fixture(scope="module")
def images():
    source = torch.Generator().manual_seed(0)
    coarse = torch.rand(24, 3, 4, 4, generator=source)
    smooth = nn.functional.interpolate(coarse, (64, 64), mode="bilinear")
    return (smooth * 255).to(torch.uint8)


def test_critic_mirrors_the_decoder_and_judges_each_image():
    torch.manual_seed(0)
    critic = Discriminator(64)
    decoder = architectures.DCGANDecoder()
    mirrored = [conv.weight.shape for conv in decoder.convs]
    assert [conv.weight.shape for conv in critic.convs][:0:-1] == mirrored
    assert Discriminator(4)(torch.rand(3, 3, 64, 64)).shape == (3, 16)


def test_critic_loss_has_its_minimum_at_the_label():
    logits = torch.linspace(-6, 6, 121)
    loss = torch.stack([cross_entropy(logit[None], 0.9) for logit in logits])
    assert torch.sigmoid(logits[loss.argmin()]).item() == pytest.approx(0.9, abs=0.01)


def test_mismatch_is_nothing_for_the_same_images_and_grows_with_a_pattern():
    torch.manual_seed(0)
    critic, x = Discriminator(4).train(), torch.rand(6, 3, 64, 64)
    grid = torch.ones(64, 64)
    grid[::2, 1::2] = grid[1::2, ::2] = -1
    (_, plain), (_, weak), (_, strong) = (critic.describe(x + a * grid) for a in (0, 0.2, 0.5))
    assert mismatch(plain, plain) == 0
    assert 0 < mismatch(weak, plain) < mismatch(strong, plain)


def test_whitened_filters_answer_to_fine_patterns_as_to_coarse_ones(images):
    torch.manual_seed(0)
    critic, x = Discriminator(16), 2 * images.float() / 255 - 1
    critic.whiten(x, 0.05)
    answers = critic.convs[0](x + 0.05 * torch.randn(x.shape))
    assert answers.std().item() == pytest.approx(1, abs=0.5)
    grid = torch.ones(64, 64)
    grid[::2, 1::2] = grid[1::2, ::2] = -1
    assert (critic.convs[0](x + 0.2 * grid) - critic.convs[0](x)).std() > 0.5


def test_each_player_gets_better_at_its_own_game(images):
    """The critic learns to tell images from samples; the decoder to fool a critic that rests."""
    settings = {**TINY, "steps": 200, "precision": "float32", "instance_noise": 0.0}
    settings |= {"lr": 2e-3, "discriminator_lr": 2e-3, "matching": 0.0}
    leading = AdversarialTrainer(
        load_recipe(NAMES[0], **{**settings, "discriminator_lead": 99}), images
    )
    before = leading.model.output.weight.clone()
    first, *_, last = [leading.advance() for _ in range(12)]
    assert last < first - 0.02
    assert torch.equal(leading.model.output.weight, before)
    fooling = AdversarialTrainer(
        load_recipe(NAMES[0], **{**settings, "discriminator_lr": 0.0}), images
    )
    told = told_by(fooling)
    for _ in range(8):
        fooling.advance()
    assert told_by(fooling) > told


@torch.no_grad()
def told_by(trainer):
    """Mean logit of samples, of the critic as it stands."""
    return trainer.discriminator(trainer.model(trainer.latents(16, -1))).mean().item()


def test_resumed_training_equals_uninterrupted_training(images, tmp_path):
    recipe = load_recipe(NAMES[0], **TINY)
    whole = AdversarialTrainer(recipe, images, images[:8])
    whole.train(tmp_path / "whole")
    trainer = AdversarialTrainer(recipe, images)
    for _ in range(2):
        trainer.advance()
    trainer.save(checkpoint_path(tmp_path / "cut", recipe.name), Progress())
    again = AdversarialTrainer(recipe, images, images[:8], fresh=False)
    again.train(tmp_path / "cut")
    for part in ("decoder", "average", "critic"):
        expected = whole.parts[part].state_dict()
        for key, value in again.parts[part].state_dict().items():
            assert torch.equal(value, expected[key]), key


def test_evaluation_and_export_make_a_generator_that_loads(images, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "judge", lambda prior, x: {"range_psnr": 0.0})
    monkeypatch.setattr(training, "write_page", lambda *_: None)
    trainer = AdversarialTrainer(load_recipe(NAMES[0], **TINY), images, images[:4])
    trainer.advance()
    assert set(trainer.evaluate()) == {"range", "norm", "distance"}
    card = trainer.export(Progress(), tmp_path)
    prior = load_generator(NAMES[0], folder=tmp_path)
    assert not prior.has_encoder
    with torch.no_grad():
        kept = (trainer.average(prior.latents(0, 4)) + 1) / 2
    assert (prior.sample(0, 4) - kept).abs().mean() < 0.01  # eight bits
    assert card["precision"] == "int8"


def test_a_recipe_has_only_the_keys_of_its_own_training():
    with pytest.raises(TypeError):
        load_recipe("celeba", discriminator_width=8)
    other = load_recipe(NAMES[0], discriminator_width=8).fingerprint()
    assert other != load_recipe(NAMES[0]).fingerprint()


@pytest.mark.parametrize("name", sorted({*NAMES} & {*generator_names()}))
def test_shipped_adversarial_generators_draw_images(name):
    prior = load_generator(name)  # checks the weights' checksum
    samples = prior.sample(7, 3)
    assert samples.isfinite().all()
    assert samples.min() >= 0
    assert samples.max() <= 1
    assert samples.std() > 0.1
    assert prior.image_shape == (3, 64, 64)


def test_adversarial_generators_are_not_the_defaults():
    assert DeepDeblur(FACE).image_prior.name == "celeba"
    assert RangeOracle(FACE).prior.name == "celeba"


@needs_weights
@pytest.mark.parametrize("method", ["dd", "dds", "dd-warm", "dds-warm", "range-oracle"])
def test_another_prior_is_part_of_a_cells_identity_and_the_default_is_not(method):
    key = "generator" if method == "range-oracle" else "prior"
    cls = METHODS.load(method)
    assert dict(cls.assets_for(FACE, {})) == dict(cls.assets(FACE))
    assets = cls.assets_for(FACE, {key: NAMES[0]})
    assert assets[f"generator {NAMES[0]}"] == load_card(NAMES[0])["sha256"]
    assert "generator celeba" not in assets


@needs_weights
def test_plan_puts_the_other_priors_checksum_into_the_cell():
    dataset = plan.load_dataset("celeba-samples")
    specs = plan.parse_methods("range-oracle", [f"range-oracle.generator={NAMES[0]}"])
    (chunk,) = plan.plan(specs, [dataset], [Condition()], images=1)
    assert f"generator {NAMES[0]}" in chunk.cells[0].identity["assets"]


@needs_weights
def test_deep_deblur_takes_the_prior_that_is_asked_for():
    assert DeepDeblur(FACE, prior=NAMES[0]).image_prior.name == NAMES[0]
    assert DeepDeblur(SHOE).image_prior.name == "shoes"


class Linear:
    """G(z) = reshape(A z), without an encoder."""

    has_encoder, latent_size = False, 4

    def __init__(self):
        self.matrix = 3 * torch.linalg.qr(torch.randn(12, 4)).Q

    def __call__(self, z):
        return (z @ self.matrix.T).view(-1, 3, 2, 2)


def test_start_near_an_image_without_an_encoder_is_a_fit():
    torch.manual_seed(0)
    prior: Any = Linear()
    x = prior(torch.randn(2, 4))
    latent, cost = start_near(prior, x)
    assert (prior(latent) - x).square().sum() < 0.05 * x.square().sum()
    assert cost == 61
    coded = Prior(architectures.SVHNDecoder(), architectures.SVHNEncoder())
    assert start_near(coded, torch.rand(2, 3, 32, 32))[1] == 0


def test_linear_model_finds_its_own_images_blurred_or_not(images):
    model = comparison.LinearModel(images.float() / 255, 10)
    z = torch.randn(2, 10, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(model.nearest(model(z)), z, atol=1e-3, rtol=1e-3)
    kernels = torch.rand(2, 5, 5, generator=torch.Generator().manual_seed(2))
    kernels = kernels / kernels.sum((1, 2), keepdim=True)
    y = comparison.observed(model(z).clamp(0, 1), kernels, 0.0)
    near = model.nearest(y, kernels)
    assert (model(near) - model(z).clamp(0, 1)).square().mean() < 1e-3


def test_classifier_tells_noise_from_images_and_not_halves_of_one_set(images):
    source = torch.Generator().manual_seed(3)
    coarse = torch.rand(96, 3, 4, 4, generator=source)
    smooth = nn.functional.interpolate(coarse, (64, 64), mode="bilinear")
    noisy = smooth[:48] + 0.3 * torch.randn(48, 3, 64, 64, generator=source)
    assert comparison.told_apart(noisy.clamp(0, 1), smooth[48:]) > 0.9
    assert 0.2 < comparison.told_apart(smooth[:48], smooth[48:]) < 0.8


@pytest.mark.parametrize("name", ["celeba-samples", "shoes-samples"])
def test_samples_are_drawn_from_the_generator_that_does_not_solve_them(name):
    dataset: Any = DATASETS.load(name)
    assert dataset.generator in NAMES
    assert dataset.version == load_card(dataset.generator)["sha256"][:12]
    assert "another one" in dataset.notice
    image = dataset()[0].image
    assert image.isfinite().all()
    assert image.min() >= 0
    assert image.max() <= 1


def test_missing_weights_are_said_by_the_data_set():
    location = DATASETS.load("pggan-samples").location()
    if location.found:
        pytest.skip("the generator of pggan-samples is trained")
    assert "bench train faces128" in location.how_to_get
