"""Networks trained end to end: layouts, that they learn, that training resumes exactly."""

import dataclasses
from typing import cast

import pytest
import torch

from bench.errors import InvalidInput, NotApplicable, Unavailable
from bench.methods.feedforward import losses, networks
from bench.methods.feedforward.circular import CircularPad
from bench.methods.feedforward.features import rotated
from bench.methods.feedforward.loading import FEATURES, STORE, WEIGHTS, build, load_network
from bench.methods.feedforward.methods import CNN, MARGIN, CNNNoise, DeblurGAN, UNet, wrapped
from bench.methods.feedforward.photographs.network import NAME as PHOTOGRAPHS
from bench.methods.feedforward.train import FeedForwardTrainer, restored
from bench.methods.training.checkpoint import read_state
from bench.methods.training.recipe import load_recipe, recipe_names
from bench.methods.training.trainer import Progress, checkpoint_path
from bench.metrics import psnr
from bench.protocol import Task

TINY = {"batch": 4, "steps": 6, "eval_every": 3, "save_every": 100, "start": ""}
NAMES = [name for name in recipe_names("feedforward") if name not in (FEATURES, PHOTOGRAPHS)]
WIDTHS = {"cnn": 0.125, "deblurgan": 4, "unet": 6}


@pytest.fixture(scope="module")
def images():
    draw = torch.Generator().manual_seed(0)
    coarse = torch.rand(12, 3, 8, 8, generator=draw)
    fine = torch.nn.functional.interpolate(coarse, (32, 32), mode="bilinear")
    return (255 * fine).to(torch.uint8)


def test_faces_of_128_pixels_are_restored_by_the_network_of_64():
    task = Task("faces128", (128, 128), kernel_size=(32, 32))
    assert UNet.weights(task) == "unet-celeba"
    draw = torch.Generator().manual_seed(0)
    y = torch.rand(1, 3, 8, 8, generator=draw)
    y = torch.nn.functional.interpolate(y, (128, 128), mode="bilinear")
    shifted = UNet(task).deblur(y.roll((32, 64), (2, 3))).image
    expected = UNet(task).deblur(y).image.roll((32, 64), (2, 3))
    torch.testing.assert_close(shifted, expected, atol=1e-4, rtol=0)


def test_l15_has_the_published_layers():
    convs = [layer for layer in networks.L15(1.0).modules() if isinstance(layer, torch.nn.Conv2d)]
    shapes = [(c.kernel_size[0], c.out_channels, c.groups) for c in convs]
    assert len(convs) == 15
    assert shapes[0] == (19, 128, 1)
    assert [s[1] for s in shapes[1:4]] == [320] * 3
    assert shapes[-1] == (7, 3, 1)
    # 64×64 at full width: the 18 GFLOP that the paper's network needs
    products = sum(c.weight.numel() * 64 * 64 for c in convs)
    assert 15e9 < 2 * products < 21e9


def test_l15_is_linear_before_training():
    torch.manual_seed(0)
    network = build("cnn", 0.25).eval()
    last = [p for name, p in network.named_parameters() if name.endswith("weight")][-1].data
    last.normal_(std=0.1)
    last[:, 1::2] = -last[:, 0::2]
    x, y, grey = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32), torch.full((1, 3, 32, 32), 0.5)
    with torch.no_grad():
        middle = network((x + y) / 2)
        assert torch.allclose(middle, (network(x) + network(y)) / 2, atol=1e-5)
        assert (network(x) - network(grey)).std() > 0.1  # and the image gets through


def test_pixels_reach_deblurgans_last_layer_before_training():
    torch.manual_seed(0)
    network = build("deblurgan", 24).eval()
    assert isinstance(network, networks.DeblurGANGenerator)
    seen: list[torch.Tensor] = []
    network.exit.register_forward_pre_hook(lambda layer, inputs: seen.append(inputs[0]))
    noise = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        network(noise)
    carried = seen[0][:, 0:6:2] - seen[0][:, 1:6:2]
    for colour in range(3):
        pair = torch.stack([carried[0, colour].flatten(), noise[0, colour].flatten()])
        assert torch.corrcoef(pair)[0, 1] > 0.99


def test_circular_padding_is_pytorchs():
    x = torch.rand(2, 3, 7, 9, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.pad(x, (3, 3, 3, 3), mode="circular")
    padded = CircularPad.apply(x, 3)
    assert torch.equal(padded, expected)
    assert padded.is_contiguous(memory_format=torch.channels_last)
    weights = torch.rand_like(expected)
    first, second = (torch.autograd.grad((weights * p).sum(), x)[0] for p in (padded, expected))
    assert torch.allclose(first, second)


@pytest.mark.parametrize("name", sorted(networks.NETWORKS))
def test_networks_commute_with_circular_shifts(name):
    torch.manual_seed(0)
    network = build(name, WIDTHS[name]).eval()
    for layer in network.modules():  # the last layers start at zero
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.normal_(layer.weight, std=0.1)
    x = torch.rand(1, 3, 32, 48)
    step = int(cast(int, network.multiple))
    with torch.no_grad():
        shifted = network(x.roll((step, 2 * step), (2, 3)))
        expected = network(x).roll((step, 2 * step), (2, 3))
    assert shifted.shape == x.shape
    if name == "deblurgan":  # its transposed convolutions, as published, pad with zeros
        inner = (slice(None), slice(None), slice(16, -8), slice(24, -8))
        assert (shifted - expected)[inner].abs().mean() < 0.02
    else:
        assert torch.allclose(shifted, expected, atol=1e-4)


@pytest.mark.parametrize("name", ["cnn-svhn", "deblurgan-content-svhn", "unet-svhn"])
def test_a_tiny_set_is_overfitted(name, images, monkeypatch):
    recipe = load_recipe(name)
    recipe = dataclasses.replace(
        recipe, **{**TINY, "loss": "squared", "augment": (), "width": 2 * WIDTHS[recipe.network]}
    )
    trainer = FeedForwardTrainer(recipe, images[:4])
    sharp, observation, _ = trainer.batches.batch(0)
    same = (sharp, observation, None)  # the same four, every step
    monkeypatch.setattr(trainer.batches, "batch", lambda step: same)
    trainer.recipe = dataclasses.replace(recipe, steps=400, lr=3e-3)
    first = trainer.advance()
    assert any(trainer.advance() < 0.2 * first for _ in range(220))


@pytest.mark.parametrize("name", ["unet-svhn", "deblurgan-svhn", "cnn-svhn"])
def test_an_interrupted_training_ends_at_the_same_weights(name, images, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.methods.feedforward.train.load_features", networks.Features)
    network = load_recipe(name).network
    recipe = load_recipe(name, **TINY, width=WIDTHS[network])
    torch.manual_seed(5)
    whole = FeedForwardTrainer(recipe, images, images)
    whole.train(tmp_path / "whole")
    torch.manual_seed(5)
    half = FeedForwardTrainer(recipe, images)
    for _ in range(3):
        half.advance()
    half.save(checkpoint_path(tmp_path / "half", name), Progress())
    torch.manual_seed(5)
    again = FeedForwardTrainer(recipe, images, images)
    again.train(tmp_path / "half")
    for left, right in zip(
        whole.average.state_dict().values(), again.average.state_dict().values(), strict=True
    ):
        assert torch.equal(left, right)
    if whole.adversary is not None:
        assert again.adversary is not None
        assert torch.equal(whole.adversary.share, again.adversary.share)


@pytest.mark.parametrize("field", ["loss", "optimiser"])
def test_an_unknown_loss_or_optimiser_is_refused(field):
    with pytest.raises(InvalidInput, match=f"{field} = 'guess'; it may be"):
        load_recipe("cnn-svhn", **{field: "guess"})


def test_the_critic_learns_to_tell_restored_from_sharp(images):
    torch.manual_seed(0)
    adversary = losses.Adversary(1e-3)
    sharp = images[:8].float() / 255
    blurry = torch.nn.functional.avg_pool2d(sharp, 5, 1, 2)
    source = torch.Generator().manual_seed(1)
    before = adversary.critic(sharp).mean() - adversary.critic(blurry).mean()
    for _ in range(30):
        adversary.learn(blurry, sharp, source)
    after = adversary.critic(sharp).mean() - adversary.critic(blurry).mean()
    assert after > before + 0.01


def test_gradient_share_is_of_the_first_term():
    x = torch.rand(2, 3, 4, 4, requires_grad=True)
    assert losses.gradient_share(3 * x.sum(), -x.sum(), x) == pytest.approx(0.75)


def test_the_penalty_is_for_slopes_other_than_one(monkeypatch):
    adversary = losses.Adversary(1e-3)
    slope = torch.full((3, 4, 4), 2 / 48**0.5)  # of length 2
    monkeypatch.setattr(adversary.critic, "forward", lambda image: (image * slope).sum((1, 2, 3)))
    x, y = torch.rand(2, 2, 3, 4, 4)
    penalty = adversary._penalty(x, y, torch.Generator().manual_seed(0))
    assert penalty.item() == pytest.approx(1.0, rel=1e-4)


def test_losses_are_what_they_say():
    sharp = torch.zeros(2, 3, 4, 4)
    restored_ = torch.cat([torch.full((1, 3, 4, 4), 0.1), torch.full((1, 3, 4, 4), 0.3)])
    assert losses.squared(restored_, sharp).item() == pytest.approx((0.01 + 0.09) / 2)
    assert losses.distance(restored_, sharp).item() == pytest.approx((0.1 + 0.3) / 2, rel=1e-3)
    mean = psnr(restored_, sharp).mean().item()
    assert losses.negative_psnr(restored_, sharp).item() == pytest.approx(-mean / 10, abs=1e-3)


def test_a_diverging_training_keeps_its_checkpoint(images, tmp_path, monkeypatch):
    recipe = load_recipe("cnn-svhn", **{**TINY, "width": 0.125, "save_every": 1, "eval_every": 9})
    trainer = FeedForwardTrainer(recipe, images)
    batch = trainer.batches.batch
    nan = float("nan")

    def spoilt(step):
        sharp, *others = batch(step)
        return (sharp * (nan if step == 2 else 1), *others)

    monkeypatch.setattr(trainer.batches, "batch", spoilt)
    with pytest.raises(InvalidInput, match="diverged: the loss of step 2 is nan"):
        trainer.train(tmp_path)
    assert read_state(checkpoint_path(tmp_path, "cnn-svhn"))["step"] == 2
    assert all(p.isfinite().all() for p in trainer.model.parameters())


def test_a_checkpoint_of_another_width_is_refused_in_words(images, tmp_path):
    recipe = load_recipe("cnn-svhn", **{**TINY, "width": 0.125})
    FeedForwardTrainer(recipe, images, images).train(tmp_path)
    wider = dataclasses.replace(recipe, width=0.25)
    with pytest.raises(InvalidInput, match="another version of the recipe"):
        FeedForwardTrainer(wider, images).train(tmp_path)


@pytest.mark.parametrize("name", sorted(networks.NETWORKS))
def test_images_of_any_size_are_restored_and_tiny_ones_refused(name):
    method = {"cnn": CNN, "deblurgan": DeblurGAN, "unet": UNet}[name]
    if not (WEIGHTS / f"{name}-svhn.json").is_file():
        pytest.skip(f"no weights of {name}-svhn")
    torch.manual_seed(0)
    even, odd = torch.rand(1, 3, 32, 40), torch.rand(1, 3, 37, 45)
    for y in (even, odd):
        height, width = y.shape[2:]
        image = method(Task("svhn", (height, width), kernel_size=(9, 9))).deblur(y).image
        assert image.shape == y.shape
    with pytest.raises(NotApplicable, match="at least"):
        method.check_available(Task("svhn", (4, 32), kernel_size=(3, 3)))
    padded = wrapped(odd, 8)
    assert padded.shape[2] % 8 == padded.shape[3] % 8 == 0
    assert torch.equal(padded[..., MARGIN:, MARGIN:][..., :37, :45], odd)
    assert torch.equal(padded[..., MARGIN - 1, MARGIN : MARGIN + 45], odd[..., -1, :])


@pytest.mark.parametrize("name", NAMES)
def test_shipped_weights_are_of_the_recipe_that_is_there(name):
    if not (WEIGHTS / f"{name}.json").is_file():
        pytest.skip(f"no weights of {name}")
    assert STORE.card(name)["recipe_fingerprint"] == load_recipe(name).fingerprint()


def test_labels_of_the_features_are_balanced(images):
    x, labels = rotated({"a": images, "b": images}, 24, torch.Generator().manual_seed(0))
    assert len(x) == len(labels)
    assert labels.bincount().tolist() == [6] * 8


def test_exported_weights_restore_the_same_images(images, tmp_path, monkeypatch):
    recipe = load_recipe("unet-svhn", **TINY, width=6)
    trainer = FeedForwardTrainer(recipe, images)
    sharp, observation, _ = trainer.batches.batch(0)
    for _ in range(3):
        trainer.advance()
    for layer in trainer.average.modules():  # after three steps it is close to the identity
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.normal_(layer.weight, std=0.05)
    assert (restored(trainer.average, observation) - observation).abs().mean() > 0.02
    monkeypatch.setattr(trainer, "validation", lambda *_: (sharp, observation, None))
    card = trainer.export(Progress(), tmp_path)
    loaded = load_network("unet-svhn", tmp_path)
    difference = restored(loaded, observation) - restored(trainer.average, observation)
    assert difference.abs().max() < 0.02  # eight bits
    assert psnr(restored(loaded, observation), sharp).mean() == pytest.approx(
        card["validation"]["psnr"], abs=1e-4
    )
    assert card["parameters"] > 0
    path = tmp_path / card["file"]
    load_network.cache_clear()
    monkeypatch.setitem(networks.NETWORKS, "unet", lambda width: networks.UNet(width, (1,) * 5))
    with pytest.raises(Unavailable, match="another version than the code"):
        load_network("unet-svhn", tmp_path)
    monkeypatch.undo()
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    load_network.cache_clear()
    with pytest.raises(Unavailable, match="do not match their card"):
        load_network("unet-svhn", tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_recipes_name_what_exists(name):
    recipe = load_recipe(name)
    assert recipe.network in networks.NETWORKS
    assert not recipe.start or recipe.start in NAMES
    assert recipe.licence


def test_tasks_a_network_cannot_take_are_refused():
    if not (WEIGHTS / "cnn-celeba.json").is_file():
        pytest.skip("no weights of cnn-celeba")
    with pytest.raises(NotApplicable, match="1 channels"):
        CNN.check_available(Task("celeba", (64, 64), channels=1))
    with pytest.raises(NotApplicable, match="no weights 'cnn-noise-shoes'"):
        CNNNoise.check_available(Task("shoes", (64, 64)))
    with pytest.raises(Unavailable, match="There is no feed-forward network 'cnn-cats'"):
        STORE.card("cnn-cats")
