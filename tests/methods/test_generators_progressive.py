"""The progressive generator: layout, equalised learning rate, and its start at the linear model."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch.nn import functional

from bench.methods.generators import progressive_start
from bench.methods.generators.architectures import DECODERS
from bench.methods.generators.autoencoder import Autoencoder, fold_standardisation
from bench.methods.generators.folding import fold
from bench.methods.generators.progressive import (
    EqualisedConv,
    FacesDecoder,
    PGGANDecoder,
    PooledEncoder,
    normalised,
)
from bench.methods.generators.progressive_start import choose_channels, start_progressive
from bench.methods.training.recipe import load_recipe

CLASSES = [PGGANDecoder, FacesDecoder]


class Tiny(FacesDecoder):
    latent_size, widths = 12, (32, 32, 32, 28, 28, 10)


class TinyPublished(PGGANDecoder):
    latent_size, widths = 12, (8, 8, 6, 4, 4, 4)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    """Smooth images."""
    coarse = torch.rand(40, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return functional.interpolate(coarse, (128, 128), mode="bicubic").clamp(0, 1)


@pytest.mark.parametrize("cls", CLASSES)
def test_the_layout_is_the_published_one(cls: type[PGGANDecoder]) -> None:
    with torch.device("meta"):  # the full width has 46 million weights: shapes are enough
        decoder = cls()
    widths = cls.widths
    assert decoder.dense.weight.shape == (16 * widths[0], 512)
    shapes = [tuple(conv.weight.shape) for conv in decoder.convs]  # type: ignore[arg-type]
    expected = [(widths[0], widths[0])]
    for parent, child in pairwise(widths):
        expected += [(child, parent), (child, child)]
    assert shapes == [(*pair, 3, 3) for pair in expected]
    assert decoder.output.weight.shape == (3, widths[-1], 1, 1)
    assert DECODERS[cls.__name__] is cls


def test_latents_count_by_their_direction_alone() -> None:
    torch.manual_seed(0)
    decoder = TinyPublished().eval()
    z = torch.randn(2, 12)
    with torch.no_grad():
        assert decoder(z).shape == (2, 3, 128, 128)
        assert torch.allclose(decoder(3 * z), decoder(z), atol=1e-2)
    assert torch.allclose(normalised(z).square().mean(1), torch.ones(2), atol=1e-5)


@pytest.mark.parametrize("pixel_norms", [False, True])
def test_the_folded_generator_draws_the_same(pixel_norms: bool) -> None:
    torch.manual_seed(0)
    decoder = TinyPublished().eval()
    decoder.pixel_norms = pixel_norms  # type: ignore[misc]
    for conv in [*decoder.convs, decoder.output]:
        torch.nn.init.normal_(conv.bias)
    z = torch.randn(2, 12)
    with torch.no_grad():
        assert torch.allclose(fold(decoder)(z), decoder(z), atol=1e-4)


def test_every_layer_keeps_the_variance_of_its_input() -> None:
    torch.manual_seed(0)
    conv = EqualisedConv(64, 64)
    x = torch.randn(4, 64, 8, 8)
    with torch.no_grad():
        inner = conv(x)[:, :, 1:-1, 1:-1]
    assert inner.var().item() == pytest.approx(2.0, rel=0.15)  # twice: a ReLU halves it
    assert conv.weight.var().item() == pytest.approx(1.0, rel=0.05)


def test_the_coarsest_channels_are_the_lowest_frequencies() -> None:
    levels = choose_channels([12, 12, 12, 12, 12, 3])
    assert [len(level) for level in levels] == [12, 12, 12, 12, 12, 3]
    for parents, children in pairwise(levels):
        for channel in parents:
            child = children[channel.child]
            assert (channel.row // 2, channel.column // 2) == (child.row, child.column)
            assert channel.colour == child.colour
    assert {channel.colour for channel in levels[0]} == {0, 1, 2}


def test_the_start_is_the_linear_model(images: torch.Tensor) -> None:
    torch.manual_seed(0)
    decoder, encoder = Tiny(), PooledEncoder(12)
    start_progressive(decoder, encoder, images)
    with torch.no_grad():
        codes = encoder(images)
        found = (decoder(codes) + 1) / 2
        average = images.mean(0)
        basis = (images - average).flatten(1).T @ codes / len(codes)
        expected = average + (normalised(codes) @ basis.T).view_as(images)
    assert torch.allclose(codes.mean(0), torch.zeros(12), atol=1e-3)
    assert torch.allclose(codes.square().mean(0), torch.ones(12), atol=1e-2)
    error = (found - expected).square().mean()
    # Fourteen channels at the coarsest level cannot draw all of it.
    assert error < 0.15 * (expected - average).square().mean()


def test_pairs_of_channels_are_exactly_linear(images: torch.Tensor) -> None:
    torch.manual_seed(0)
    decoder = Tiny()
    start_progressive(decoder, None, images)
    z = torch.eye(12)
    with torch.no_grad():
        one, other = decoder(z[:1]), decoder(z[1:2])
        both = decoder((z[:1] + z[1:2]) / 2)
        nothing = _constant(decoder)
    half = 2**-0.5  # the sum's latent is normalised
    expected = nothing + half * (one - nothing) + half * (other - nothing)
    assert torch.allclose(both, expected, atol=1e-4)


def _constant(decoder: PGGANDecoder) -> torch.Tensor:
    """What the decoder draws where the dense layer has its bias alone."""
    return decoder(torch.zeros(1, decoder.latent_size))


def test_the_standardisation_moves_into_the_encoder(images: torch.Tensor) -> None:
    torch.manual_seed(0)
    recipe = load_recipe("faces128")
    model = Autoencoder.__new__(Autoencoder)
    torch.nn.Module.__init__(model)
    model.decoder, model.encoder = Tiny(), PooledEncoder(12)
    model.standardise = torch.nn.BatchNorm1d(12, eps=1e-6, affine=False)
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model.encode(images)
    model.eval()
    with torch.no_grad():
        before = model.encode(images)
        fold_standardisation(model)
        assert torch.allclose(model.encoder(images), before, atol=1e-4)
    assert recipe.decoder == "FacesDecoder"
    assert progressive_start.USED <= 0.5
