"""Training a decoder adversarially, by the DCGAN recipe that the paper's generators had.

Discriminator and decoder take turns with Adam (first moment 0.5) on the non-saturating binary
cross-entropy. What is added for a budget of minutes instead of hours, each set by the recipe: the
decoder may start at the principal components instead of at noise
(:mod:`bench.methods.generators.linear`), and the discriminator then at whitened patches; it may be
narrower than the decoder's mirror, is told less than 1 of training images, and sees all through
noise that fades; the decoder also matches the mean and spread of the discriminator's filters
(Salimans et al., 2016: without it, the first hundreds of steps go into patterns of the pixel grid);
and the decoder that is shipped is the exponential moving average of the one that plays.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from bench import seeds
from bench.methods.generators import architectures
from bench.methods.generators.augment import AUGMENTATIONS
from bench.methods.generators.autoencoder import as_float
from bench.methods.generators.critic import Critic, mismatch, told_real
from bench.methods.generators.linear import start_linear
from bench.methods.generators.recipe import Recipe
from bench.methods.training.arithmetic import mixed_precision, multiply_in_bfloat16
from bench.methods.training.loop import update_average


class AdversarialTrainer:
    """Steps of training; every random number depends on the recipe's seed and the step alone.

    Parameters
    ----------
    recipe : Recipe
        Of method ``adversarial``, with a decoder that ends in tanh.
    images : Tensor, uint8 or float32, shape (N, 3, 64, 64)
        Training images; bytes are divided by 255.
    fresh : bool
        Whether to compute the recipe's start; a checkpoint that is read next replaces it.

    Attributes
    ----------
    decoder, average : nn.Module
        The decoder that plays, and the moving average that is shipped.
    critic : Critic
    """

    def __init__(self, recipe: Recipe, images: Tensor, *, fresh: bool = True) -> None:
        self.recipe, self.images = recipe, images
        torch.manual_seed(seeds.derive_seed("initialisation", recipe.seed) % 2**31)
        self.decoder = getattr(architectures, recipe.decoder)()
        if recipe.start == "random":
            _initialise(self.decoder)
        elif fresh:
            first = torch.arange(0, len(images), max(1, len(images) // 6000))
            start_linear(self.decoder, None, self.prepare(first, step=-1))
        torch.manual_seed(seeds.derive_seed("critic", recipe.seed) % 2**31)
        self.critic = Critic(recipe.critic_width)
        if recipe.start == "linear" and fresh:
            some = torch.arange(0, len(images), max(1, len(images) // 400))
            self.critic.whiten(2 * self.prepare(some, step=-1) - 1, recipe.instance_noise)
        self.decoder.to(memory_format=torch.channels_last)
        self.critic.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        if recipe.precision == "bfloat16":
            multiply_in_bfloat16(self.decoder)
        self.average = copy.deepcopy(self.decoder).eval().requires_grad_(False)
        betas = (recipe.momentum, 0.999)
        self.optimiser = torch.optim.Adam(self.decoder.parameters(), recipe.rate, betas)
        self.critic_optimiser = torch.optim.Adam(
            self.critic.parameters(), recipe.critic_rate, betas
        )
        self.step = 0

    @property
    def parts(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "decoder": self.decoder,
            "average": self.average,
            "critic": self.critic,
            "optimiser": self.optimiser,
            "critic_optimiser": self.critic_optimiser,
        }

    def advance(self) -> float:
        """Take one step of both and return the discriminator's loss (2 ln 2 if it only guesses)."""
        recipe, step = self.recipe, self.step
        self.decoder.train()
        self.critic.train().requires_grad_(True)
        real = 2 * self.prepare(self._indices(step), step) - 1
        noise = self._source("noise", step)
        plays = step >= recipe.critic_lead
        with torch.set_grad_enabled(plays):
            drawn = self.decoder(self.latents(len(real), step))

        fake = drawn.detach()
        logits, seen = self._judge(real, noise)
        loss = told_real(logits, recipe.real_label) + told_real(self._judge(fake, noise)[0], 0.0)
        self.critic_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.critic_optimiser.step()

        if plays:
            self._fool(drawn, [layer.detach() for layer in seen], noise)
        self.step += 1
        return float(loss.detach())

    def _fool(self, drawn: Tensor, seen: list[Tensor], noise: torch.Generator) -> None:
        """Let the decoder take its step, and its average follow."""
        self.critic.requires_grad_(False)  # gradients by the critic's weights are not needed
        self.optimiser.zero_grad(set_to_none=True)
        logits, described = self._judge(drawn, noise)
        loss = told_real(logits, 1.0) + self.recipe.matching * mismatch(described, seen)
        loss.backward()
        self.optimiser.step()
        played = self.step + 1 - self.recipe.critic_lead
        update_average(self.average, self.decoder, min(self.recipe.average, played / (played + 9)))

    def _judge(self, x: Tensor, source: torch.Generator) -> tuple[Tensor, list[Tensor]]:
        left = max(0.0, 1 - self.step / self.recipe.steps)
        noise = torch.randn(x.shape, generator=source)
        x = x + self.recipe.instance_noise * left * noise
        with mixed_precision(self.recipe.precision == "bfloat16"):
            return self.critic.describe(x.contiguous(memory_format=torch.channels_last))

    def latents(self, count: int, step: int) -> Tensor:
        """Draw the latents (count, d) of a step."""
        size = self.decoder.latent_size
        return torch.randn(count, size, generator=self._source("latent", step))

    def prepare(self, indices: Tensor, step: int) -> Tensor:
        """Return augmented training images, float32 in [0, 1]."""
        x = as_float(self.images[indices])
        source = self._source("augment", step)
        for name in self.recipe.augment:
            x = AUGMENTATIONS[name](x, source)
        return x

    @torch.no_grad()
    def recalibrate(self, batches: int = 24) -> None:
        """Measure the averaged decoder's batch norms on samples, with its own weights.

        Averages of running statistics lag behind averaged weights, and a generator is used with
        its statistics frozen.
        """
        norms = [layer for layer in self.average.modules() if isinstance(layer, nn.BatchNorm2d)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over batches
        self.average.train()
        for index in range(batches):
            self.average(self.latents(64, -1 - index))
        self.average.eval()
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

    def _indices(self, step: int) -> Tensor:
        # Shuffled epochs, found from the step alone so that a resumed run sees the same images.
        count, batch = len(self.images), min(self.recipe.batch, len(self.images))
        epoch, position = divmod(step, count // batch)
        order = torch.randperm(count, generator=self._source("epoch", epoch))
        return order[position * batch : (position + 1) * batch]

    def _source(self, *parts: object) -> torch.Generator:
        return seeds.generator(self.recipe.name, self.recipe.seed, *parts)


def _initialise(decoder: nn.Module) -> None:
    """Weights ~ N(0, 0.02²), as DCGAN starts; PyTorch's own start is too small for the dense."""
    for layer in decoder.modules():
        if isinstance(layer, nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
