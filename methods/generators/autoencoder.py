"""Training a decoder for coverage: an autoencoder whose latents are kept standard normal.

The encoder's output is standardised per dimension by a batch norm without scale, and Gaussian
noise is added, so the latents have mean 0 and variance 1 by construction and a fixed posterior
width, where a VAE weighs a KL term against the data. After training the remaining correlations
are removed by an affine map that is folded into the decoder's dense layer and the encoder's last,
so the architecture stays as published (:func:`whiten`).
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from bench import seeds
from bench.methods.generators import architectures
from bench.methods.generators.augment import AUGMENTATIONS
from bench.methods.generators.linear import start_linear
from bench.methods.generators.recipe import Recipe
from bench.methods.training.arithmetic import mixed_precision, multiply_in_bfloat16
from bench.methods.training.loop import learning_rate, update_average


class Autoencoder(nn.Module):
    """Encoder, standardisation of the latents, decoder; images in [0, 1] in and out."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.decoder = getattr(architectures, recipe.decoder)()
        kind = getattr(architectures, recipe.encoder)
        size, shape = self.decoder.latent_size, self.decoder.image_shape
        takes_shape = kind in (architectures.LinearPlusConvEncoder, architectures.DenseEncoder)
        self.encoder = kind(size, shape) if takes_shape else kind(size)
        self.standardise = nn.BatchNorm1d(size, eps=1e-6, momentum=0.02, affine=False)

    def encode(self, x: Tensor) -> Tensor:
        """Map images (N, C, H, W) to standardised latents (N, d)."""
        return self.standardise(self.encoder(x))

    def decode(self, z: Tensor) -> Tensor:
        """Map latents (N, d) to images (N, C, H, W) in [0, 1]."""
        x = self.decoder(z)
        return (x + 1) / 2 if self.decoder.output_range[0] < 0 else x


class Trainer:
    """Steps of training; every random number depends on the recipe's seed and the step alone.

    Parameters
    ----------
    recipe : Recipe
    images : Tensor, uint8 or float32, shape (N, C, H, W)
        Training images; bytes are divided by 255.
    fresh : bool
        Whether to compute the recipe's start; a checkpoint that is read next replaces it.
    """

    def __init__(self, recipe: Recipe, images: Tensor, *, fresh: bool = True) -> None:
        self.recipe, self.images = recipe, images
        torch.manual_seed(seeds.derive_seed("initialisation", recipe.seed) % 2**31)
        self.model = Autoencoder(recipe)
        if recipe.decoder == "MotionBlurDecoder":
            # A ReLU at the end must not start dead.
            nn.init.constant_(self.model.decoder.output.bias, 0.05)
        if recipe.start == "linear" and fresh:
            first = torch.arange(0, len(images), max(1, len(images) // 6000))
            start_linear(self.model.decoder, self.model.encoder, self.prepare(first, step=-1))
        self.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if recipe.precision == "bfloat16":
            multiply_in_bfloat16(self.model.decoder)
        self.average = copy.deepcopy(self.model).eval().requires_grad_(False)
        self.optimiser = torch.optim.Adam(self.model.parameters(), recipe.rate, betas=(0.9, 0.99))
        self.step = 0

    @property
    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {"model": self.model, "average": self.average, "optimiser": self.optimiser}

    def advance(self) -> float:
        """Take one step and return its loss."""
        recipe, step = self.recipe, self.step
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(recipe.rate, step, recipe.steps)
        x = self.prepare(self._indices(step), step)
        self.model.train()
        with mixed_precision(recipe.precision == "bfloat16"):
            latents = self.model.encode(x).float()
        noise = torch.randn(latents.shape, generator=self._source("latent", step))
        output = self.model.decode(latents + recipe.latent_noise * noise)
        loss = reconstruction_loss(recipe, x, output)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.step += 1
        update_average(self.average, self.model, min(recipe.average, self.step / (self.step + 9)))
        return float(loss.detach())

    def prepare(self, indices: Tensor, step: int) -> Tensor:
        """Return augmented training images, float32 in [0, 1] times the recipe's scale."""
        x = as_float(self.images[indices])
        source = self._source("augment", step)
        for name in self.recipe.augment:
            x = AUGMENTATIONS[name](x, source)
        return x * self.recipe.scale

    @torch.no_grad()
    def recalibrate(self, batches: int = 24) -> None:
        """Measure the averaged model's batch norms on training images, with its own weights.

        Averages of running statistics lag behind averaged weights, and a generator is used with
        its statistics frozen.
        """
        norms = [
            layer
            for layer in self.average.modules()
            if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d)
        ]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over batches
        self.average.train()
        for index in range(batches):
            x = self.prepare(self._indices(self.step + index), self.step + index)
            latents = self.average.encode(x)
            noise = torch.randn(latents.shape, generator=self._source("calibrate", index))
            self.average.decode(latents + self.recipe.latent_noise * noise)
        self.average.eval()
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

    def _indices(self, step: int) -> Tensor:
        # Shuffled epochs, found from the step alone so that a resumed run sees the same images.
        count, batch = len(self.images), min(self.recipe.batch, len(self.images))
        per_epoch = count // batch
        epoch, position = divmod(step, per_epoch)
        order = torch.randperm(count, generator=self._source("epoch", epoch))
        return order[position * batch : (position + 1) * batch]

    def _source(self, *parts: object) -> torch.Generator:
        return seeds.generator(self.recipe.name, self.recipe.seed, *parts)


def reconstruction_loss(recipe: Recipe, x: Tensor, output: Tensor) -> Tensor:
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


def relative_error(x: Tensor, output: Tensor) -> Tensor:
    """``‖x − x̂‖ / ‖x‖`` per image, shape (N,)."""
    return (x - output).flatten(1).norm(dim=1) / x.flatten(1).norm(dim=1)


@torch.no_grad()
def posterior(model: Autoencoder, images: Tensor, noise: float) -> tuple[Tensor, Tensor]:
    """Mean (d,) and covariance (d, d) of the aggregate posterior over images."""
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

    norm = model.standardise
    assert norm.running_mean is not None
    assert norm.running_var is not None
    spread = (norm.running_var.double() + norm.eps).sqrt()
    weights = inverse / spread  # of the encoder's raw output
    shift = -inverse @ (norm.running_mean.double() / spread + mean)
    first: nn.Linear | None = None
    for head in encoder_heads(model.encoder):
        bias = weights @ head.bias.double()
        head.bias.copy_(bias if first is not None else bias + shift)
        head.weight.copy_(weights @ head.weight.double())
        first = first or head
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)

    dense = model.decoder.dense
    dense.bias.copy_(dense.bias.double() + dense.weight.double() @ mean)
    dense.weight.copy_(dense.weight.double() @ root)
    if scale != 1:
        model.decoder.output.weight.div_(scale)
        model.decoder.output.bias.div_(scale)
        entry = encoder_entry(model.encoder)
        entry.weight.mul_(scale)


def encoder_heads(encoder: nn.Module) -> list[nn.Linear]:
    """Layers whose sum is the encoder's output."""
    names = ("linear", "mean")
    heads = [
        layer for name in names if isinstance(layer := getattr(encoder, name, None), nn.Linear)
    ]
    return heads or [encoder.layers[-1]]  # type: ignore[index, list-item]


def encoder_entry(encoder: nn.Module) -> nn.Linear | nn.Conv2d:
    """The layer that sees the pixels (of encoders with a single one)."""
    if isinstance(encoder, architectures.DenseEncoder):
        return encoder.layers[0]  # type: ignore[return-value]
    return encoder.convs[0]  # type: ignore[index, return-value]


def as_float(images: Tensor) -> Tensor:
    """Bytes to floats in [0, 1]; floats stay."""
    return images.float() / 255 if images.dtype == torch.uint8 else images
