"""Architectures, folding, the linear start, whitening, loading and the latents' statistics."""

import json

import pytest
import torch
from torch import nn

from bench.errors import Unavailable, UnknownName
from bench.methods.generators import architectures
from bench.methods.generators.autoencoder import Autoencoder, whiten
from bench.methods.generators.folding import fold
from bench.methods.generators.linear import logits, principal_components, start_linear
from bench.methods.generators.loading import (
    Generator,
    Prior,
    generator_names,
    latent_statistics,
    load_card,
    load_generator,
)
from bench.methods.generators.page import sheet
from bench.methods.training import augment
from bench.methods.training.recipe import load_recipe
from bench.methods.training.weights import write_weights

DECODERS = ["SVHNDecoder", "DCGANDecoder", "MotionBlurDecoder"]


def decoder_with_statistics(name):
    torch.manual_seed(0)
    decoder = getattr(architectures, name)()
    for norm in getattr(decoder, "norms", []):
        nn.init.normal_(norm.running_mean, std=0.3)
        nn.init.uniform_(norm.running_var, 0.5, 2)
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.3)
    return decoder.eval()


@pytest.mark.parametrize("name", DECODERS)
def test_folded_decoder_equals_the_plain_one_in_value_and_gradient(name):
    decoder = decoder_with_statistics(name)
    plain, folded = Prior(decoder, folded=False), Prior(decoder)
    z = torch.randn(3, decoder.latent_size)
    gradients = []
    for prior in (plain, folded):
        latent = z.clone().requires_grad_()
        prior(latent).square().sum().backward()
        gradients.append(latent.grad)
    torch.testing.assert_close(folded(z), plain(z), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(*gradients, atol=1e-4, rtol=1e-3)


def test_other_modules_have_no_folded_variant():
    with pytest.raises(TypeError, match="no folded variant"):
        fold(nn.Linear(2, 2))


@pytest.mark.parametrize("name", DECODERS)
def test_images_have_the_declared_shape_and_range(name):
    decoder = decoder_with_statistics(name)
    prior = Prior(decoder)
    images = prior(torch.randn(2, prior.latent_size))
    assert images.shape[1:] == prior.image_shape
    assert images.min() >= 0
    assert isinstance(prior, Generator)


def test_same_transposed_convolution_has_tensorflows_padding():
    # One hot input pixel at the origin of a 2×2 grid: "same" puts tap (k, l) at (k − 1, l − 1).
    conv = architectures.SameTransposedConv(1, 1, bias=False)
    nn.init.ones_(conv.weight)
    x = torch.zeros(1, 1, 2, 2)
    x[0, 0, 0, 0] = 1
    assert conv(x)[0, 0].tolist() == [[1.0] * 4] * 4
    x = x.flip(2, 3)
    assert conv(x)[0, 0].sum() == 9  # taps that fall beyond the edge are cropped


@pytest.mark.parametrize("kind", ["SameTransposedConv", "TiledTransposedConv"])
def test_matrix_product_equals_the_transposed_convolution(kind):
    layer = getattr(architectures, kind)(6, 5)
    x = torch.randn(2, 6, 4, 4, requires_grad=True)
    expected = layer(x)
    weights = torch.randn_like(expected)
    wanted = torch.autograd.grad((expected * weights).sum(), [x, layer.weight, layer.bias])
    layer.training_dtype = torch.float32  # in training, a matrix product of this precision
    found = layer(x)
    got = torch.autograd.grad((found * weights).sum(), [x, layer.weight, layer.bias])
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    for a, b in zip(got, wanted, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def smooth_images(count, side):
    source = torch.Generator().manual_seed(1)
    low = torch.rand(count, 3, 4, 4, generator=source)
    return nn.functional.interpolate(low, (side, side), mode="bilinear").clamp(0.05, 0.95)


@pytest.mark.parametrize(("name", "side"), [("SVHNDecoder", 32), ("DCGANDecoder", 64)])
def test_linear_start_carries_the_principal_components(name, side):
    torch.manual_seed(0)
    decoder = getattr(architectures, name)()
    images = smooth_images(300, side)
    start_linear(decoder, None, images)
    u = logits(images, decoder)
    mean, basis, spread = principal_components(u.flatten(1), decoder.latent_size)
    codes = (u.flatten(1) - mean) @ basis / spread
    expected = (mean + codes @ (basis * spread).T).view_as(u)
    with torch.no_grad():
        found = decoder.eval().preactivation(codes)
    assert (found - expected).square().mean() < 0.02 * u.var()


@pytest.mark.parametrize("encoder", ["LinearPlusConvEncoder", "SVHNEncoder"])
def test_whitening_standardises_latents_and_keeps_the_images(encoder):
    torch.manual_seed(0)
    recipe = load_recipe("svhn", encoder=encoder, latent_noise=0.05)
    model = Autoencoder(recipe)
    images = torch.rand(300, 3, 32, 32)  # of full rank, so that every latent varies
    with torch.no_grad():
        if encoder == "LinearPlusConvEncoder":
            assert isinstance(model.encoder, architectures.LinearPlusConvEncoder)
            nn.init.normal_(model.encoder.mean.weight, std=0.01)
        model.standardise.momentum = None  # one pass settles the running statistics
        model.standardise(model.encoder.eval()(images))
        before = model.eval().decode(model.encode(images[:8]))
        whiten(model, images, recipe.latent_noise)
        codes = model.encoder(images)
        after = model.decode(codes[:8])
    torch.testing.assert_close(after, before, atol=2e-3, rtol=1e-2)
    statistics = latent_statistics(codes, recipe.latent_noise)
    assert statistics.mean < 0.02
    assert statistics.norm == pytest.approx(1, abs=0.05)
    assert statistics.correlation < 0.05


def test_whitening_divides_the_scale_out():
    torch.manual_seed(0)
    recipe = load_recipe("motion-blur")
    model = Autoencoder(recipe).eval()
    assert isinstance(model.decoder, architectures.MotionBlurDecoder)
    assert model.decoder.output.bias is not None
    nn.init.constant_(model.decoder.output.bias, 0.1)
    kernels = torch.rand(300, 1, 28, 28)
    with torch.no_grad():
        before = model.decode(model.encode(kernels * 20)) / 20
        whiten(model, kernels * 20, 0.02, 20.0)
        after = model.decode(model.encoder(kernels))
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-2)


@pytest.fixture
def shipped(tmp_path):
    torch.manual_seed(0)
    card = {"name": "g", "decoder": "MotionBlurDecoder", "encoder": "MotionBlurEncoder"}
    decoder = architectures.MotionBlurDecoder()
    assert decoder.output.bias is not None
    nn.init.constant_(decoder.output.bias, 0.3)  # an untrained ReLU may be dead
    modules = {"decoder": decoder, "encoder": architectures.MotionBlurEncoder()}
    write_weights("g", modules, card, tmp_path)
    return tmp_path


def test_generator_loads_and_samples_by_seed(shipped):
    prior = load_generator("g", folder=shipped)
    first, more = prior.sample(3, 2), prior.sample(3, 5)
    torch.testing.assert_close(first, more[:2])
    assert not torch.equal(prior.sample(4, 2), first)
    assert prior.has_encoder
    assert prior.encode(first).shape == (2, 50)


def test_changed_weights_are_refused(shipped):
    path = shipped / "g.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(Unavailable, match="SHA-256"):
        load_generator("g", folder=shipped)


def test_missing_weights_and_names_are_explained(shipped):
    (shipped / "g.safetensors").unlink()
    with pytest.raises(Unavailable, match="missing"):
        load_generator("g", folder=shipped)
    with pytest.raises(UnknownName, match="there are: g"):
        load_generator("h", folder=shipped)


def test_generator_without_encoder_says_so():
    prior = Prior(architectures.MotionBlurDecoder(), name="x")
    with pytest.raises(Unavailable, match="no encoder"):
        prior.encode(torch.zeros(1, 1, 28, 28))


@pytest.mark.parametrize("name", generator_names())
def test_cards_of_shipped_weights_are_complete(name):
    card = load_card(name)
    for key in ("sha256", "recipe", "seed", "duration_minutes", "validation", "licence_of_data"):
        assert key in card
    prior = load_generator(name)
    images = prior.sample(0, 4)
    assert images.isfinite().all()
    assert images.std() > 0.1 * images.mean()  # kernels spread their sum of 1 over many pixels


def test_latent_statistics_of_a_standard_normal():
    z = torch.randn(20_000, 10, generator=torch.Generator().manual_seed(0))
    statistics = latent_statistics(z)
    assert statistics.norm == pytest.approx(1, abs=0.02)
    assert statistics.correlation < 0.02
    assert abs(statistics.kurtosis) < 0.1


@pytest.mark.parametrize("name", sorted(augment.AUGMENTATIONS))
def test_augmentations_keep_shape_and_range_and_depend_on_the_seed_alone(name):
    x = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    function = augment.AUGMENTATIONS[name]
    first = function(x, torch.Generator().manual_seed(5))
    again = function(x, torch.Generator().manual_seed(5))
    assert torch.equal(first, again)
    assert first.shape == x.shape
    assert first.min() >= 0
    assert first.max() <= 1


def test_sheet_tiles_images_in_rows():
    images = torch.arange(3.0).view(3, 1, 1, 1).expand(3, 3, 2, 2) / 2
    tiled = sheet(images, columns=2)
    assert tiled.shape == (3, 4, 4)
    assert tiled[0, 0].tolist() == [0, 0, 0.5, 0.5]
    assert json.dumps(tiled[0, 3].tolist()) == "[1.0, 1.0, 1.0, 1.0]"
