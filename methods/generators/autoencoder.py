"""Training a decoder for coverage: an autoencoder whose latents are kept standard normal.

The encoder's output is standardised per dimension by a batch norm without scale, and Gaussian
noise is added, so the latents have mean 0 and variance 1 by construction and a fixed posterior
width, where a VAE weighs a KL term against the data. After training the remaining correlations
are removed by an affine map that is folded into the decoder's dense layer and the encoder's last,
so the architecture stays as published (:func:`whiten`).
"""

from __future__ import annotations

import copy
import dataclasses
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bench.methods.generators import architectures
from bench.methods.generators.evaluate import relative_error
from bench.methods.generators.linear import start_linear
from bench.methods.generators.loading import build_encoder
from bench.methods.generators.progressive import is_progressive
from bench.methods.generators.progressive_start import start_progressive
from bench.methods.generators.recipe import GeneratorRecipe, prepared
from bench.methods.generators.train import GeneratorTrainer
from bench.methods.training.arithmetic import mixed_precision, multiply_in_bfloat16
from bench.methods.training.recipe import key
from bench.methods.training.trainer import Loss


@dataclasses.dataclass(frozen=True, kw_only=True)
class AutoencoderRecipe(GeneratorRecipe):
    """How a generator is trained for coverage.

    Attributes
    ----------
    encoder : str
        A name in :mod:`bench.methods.generators.architectures`.
    latent_noise : float
        Standard deviation of the noise added to the standardised latents.
    squared, absolute, edges, relative : float
        Weights of the loss terms: mean squared error, mean absolute error, mean squared error of
        the differences between neighbouring pixels, and ``‖x − x̂‖ / ‖x‖``.
    scale : float
        The networks are trained on data times this, and divided by it at the end.
    """

    encoder: str = key(among=architectures.ENCODERS)
    latent_noise: float = key(0.05)
    squared: float = key(1.0)
    absolute: float = key(0.0)
    edges: float = key(0.0)
    relative: float = key(0.0)
    scale: float = key(1.0, least=1e-6)

    constants: ClassVar = {"method": "autoencoder"}


class Autoencoder(nn.Module):
    """Encoder, standardisation of the latents, decoder; images in [0, 1] in and out."""

    def __init__(self, recipe: AutoencoderRecipe) -> None:
        super().__init__()
        self.decoder: Any = architectures.DECODERS[recipe.decoder]()
        self.encoder = build_encoder(recipe.encoder, self.decoder)
        size = self.decoder.latent_size
        self.standardise = nn.BatchNorm1d(size, eps=1e-6, momentum=0.02, affine=False)

    def encode(self, x: Tensor) -> Tensor:
        """Map images (N, C, H, W) to standardised latents (N, d)."""
        return self.standardise(self.encoder(x))

    def decode(self, z: Tensor) -> Tensor:
        """Map latents (N, d) to images (N, C, H, W) in [0, 1]."""
        x = self.decoder(z)
        return (x + 1) / 2 if self.decoder.output_range[0] < 0 else x


class AutoencoderTrainer(GeneratorTrainer[AutoencoderRecipe]):
    """Train an autoencoder; images are multiplied by the recipe's scale."""

    recipe_class = AutoencoderRecipe
    export_precision = "float16"

    def build(self, fresh: bool) -> Any:
        """Make both networks, at the principal components if the recipe says so."""
        recipe = self.recipe
        model: Any = Autoencoder(recipe)
        if issubclass(architectures.DECODERS[recipe.decoder], architectures.MotionBlurDecoder):
            # A ReLU at the end must not start dead.
            nn.init.constant_(model.decoder.output.bias, 0.05)
        if recipe.start == "linear" and fresh:
            start = start_progressive if is_progressive(model.decoder) else start_linear
            start(model.decoder, model.encoder, self.some(6000, step=-1))
        if recipe.precision == "bfloat16":
            multiply_in_bfloat16(model.decoder)
        return model.to(memory_format=torch.channels_last)

    def prepare(self, indices: Tensor, step: int) -> Tensor:
        """Return augmented training images, float32 in [0, 1] times the recipe's scale."""
        return super().prepare(indices, step) * self.recipe.scale

    def loss(self) -> Loss:
        """Return the reconstruction's loss, with noise on the latents."""
        recipe, step = self.recipe, self.step
        x = self.prepare(self.indices(step), step)
        self.model.train()
        with mixed_precision(recipe.precision == "bfloat16"):
            latents = self.model.encode(x).float()
        noise = torch.randn(latents.shape, generator=self.source("latent", step))
        output = self.model.decode(latents + recipe.latent_noise * noise)
        loss = reconstruction_loss(recipe, x, output)
        return Loss(loss, loss)

    def evaluate(self) -> dict[str, float]:
        """Score held-out images coded by the averaged model, and after ten steps by the latent."""
        x = prepared(self.held_out[:32], self.recipe) * self.recipe.scale
        model = self.average.eval()
        with torch.no_grad():
            z = model.encode(x)
        z = z.requires_grad_()
        optimiser = torch.optim.Adam([z], 0.1)
        scores: dict[str, float] = {}
        for step in range(11):
            output = model.decode(z)
            if step in (0, 10):
                error = relative_error if self.recipe.relative else unclamped_psnr
                scores["fitted" if step else "encoded"] = error(x, output).mean().item()
            optimiser.zero_grad()
            (x - output).square().sum().backward()
            optimiser.step()
        return {**scores, "norm": z.detach().square().mean(1).mean().item()}

    def decoder(self) -> Any:
        """Return the averaged decoder."""
        return self.average.decoder

    def draw(self, z: Tensor) -> Tensor:
        """Map latents (N, d) to images (N, C, H, W) in [0, 1]."""
        return self.average.eval().decode(z) / self.recipe.scale

    def calibrate(self, index: int) -> None:
        """Code training images and decode them, with noise on the latents."""
        step = self.step + index
        latents = self.average.encode(self.prepare(self.indices(step), step))
        noise = torch.randn(latents.shape, generator=self.source("calibrate", index))
        self.average.decode(latents + self.recipe.latent_noise * noise)

    def modules(self) -> dict[str, nn.Module]:
        """Return decoder and encoder, whitened and without the scale."""
        model = copy.deepcopy(self.average)
        if is_progressive(model.decoder):
            fold_standardisation(model)
        else:
            whiten(model, self.some(6000, step=-2), self.recipe.latent_noise, self.recipe.scale)
        return {"decoder": model.decoder, "encoder": model.encoder}


def unclamped_psnr(x: Tensor, output: Tensor) -> Tensor:
    """PSNR in dB per image, shape (N,), of outputs that may leave [0, 1]."""
    return -10 * (x - output).square().mean((1, 2, 3)).log10()


def reconstruction_loss(recipe: AutoencoderRecipe, x: Tensor, output: Tensor) -> Tensor:
    """Weighted sum of the recipe's loss terms, a scalar."""
    loss = x.new_zeros(())
    difference = output - x
    if recipe.squared:
        loss = loss + recipe.squared * difference.square().mean()
    if recipe.absolute:
        loss = loss + recipe.absolute * difference.abs().mean()
    if recipe.edges:
        rows = difference[:, :, 1:] - difference[:, :, :-1]
        cols = difference[:, :, :, 1:] - difference[:, :, :, :-1]
        loss = loss + recipe.edges * (rows.square().mean() + cols.square().mean())
    if recipe.relative:
        loss = loss + recipe.relative * relative_error(x, output).mean()
    return loss


@torch.no_grad()
def posterior(model: Autoencoder, images: Tensor, noise: float) -> tuple[Tensor, Tensor]:
    """Return mean (d,) and covariance (d, d) of the aggregate posterior over images."""
    model.eval()
    codes = torch.cat([model.encode(part) for part in images.split(256)]).double()
    return codes.mean(0), torch.cov(codes.T) + noise**2 * torch.eye(codes.shape[1])


@torch.no_grad()
def whiten(model: Autoencoder, images: Tensor, noise: float, scale: float = 1.0) -> None:
    """Make the aggregate posterior's mean 0 and covariance the identity, by folding.

    With standardised latents ``s``, mean ``m`` and covariance ``C`` of the aggregate posterior,
    the new latents are ``z = C^(−1/2) (s − m)``; the decoder's dense layer takes up
    ``s = C^(1/2) z + m`` and the encoder's last layer the standardisation and this map.

    Parameters
    ----------
    model : Autoencoder
        Changed in place; its standardisation is the identity afterwards.
    images : Tensor, shape (N, C, H, W)
        As the encoder was trained on.
    noise : float
        Of the latents during training; it belongs to the aggregate posterior.
    scale : float
        The training's scale of the data, divided out of encoder and decoder.
    """
    mean, covariance = posterior(model, images, noise)
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp_min(1e-8).sqrt() @ vectors.T
    inverse = torch.linalg.inv(root)

    fold_standardisation(model, inverse, mean)

    dense = model.decoder.dense
    dense.bias.copy_(dense.bias.double() + dense.weight.double() @ mean)
    dense.weight.copy_(dense.weight.double() @ root)
    if scale != 1:
        model.decoder.output.weight.div_(scale)
        model.decoder.output.bias.div_(scale)
        entry = encoder_entry(model.encoder)
        entry.weight.mul_(scale)


@torch.no_grad()
def fold_standardisation(
    model: Autoencoder, matrix: Tensor | None = None, mean: Tensor | None = None
) -> None:
    """Put the latents' standardisation ``s``, then ``matrix · (s − mean)``, into the encoder.

    A generator that normalises its latents has nowhere to take up their covariance: it is
    standardised and no more.
    """
    norm = model.standardise
    assert norm.running_mean is not None
    assert norm.running_var is not None
    spread = (norm.running_var.double() + norm.eps).sqrt()
    matrix = torch.eye(len(spread)).double() if matrix is None else matrix
    mean = torch.zeros_like(spread) if mean is None else mean
    weights = matrix / spread  # of the encoder's raw output
    shift = -matrix @ (norm.running_mean.double() / spread + mean)
    first: nn.Linear | None = None
    for head in encoder_heads(model.encoder):
        bias = weights @ head.bias.double()
        head.bias.copy_(bias if first is not None else bias + shift)
        head.weight.copy_(weights @ head.weight.double())
        first = first or head
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)


def encoder_heads(encoder: nn.Module) -> list[nn.Linear]:
    """Return layers whose sum is the encoder's output."""
    names = ("linear", "mean")
    heads = [
        layer for name in names if isinstance(layer := getattr(encoder, name, None), nn.Linear)
    ]
    return heads or [encoder.layers[-1]]  # type: ignore[index, list-item]


def encoder_entry(encoder: nn.Module) -> nn.Linear | nn.Conv2d:
    """Return the layer that sees the pixels (of encoders with a single one)."""
    if isinstance(encoder, architectures.DenseEncoder):
        return encoder.layers[0]  # type: ignore[return-value]
    return encoder.convs[0]  # type: ignore[index, return-value]
