"""Training a decoder adversarially, by the DCGAN recipe that the paper's generators had.

Discriminator and decoder take turns with Adam (first moment 0.5) on the non-saturating binary
cross-entropy. What is added for a budget of minutes instead of hours, each set by the recipe: the
decoder may start at the principal components instead of at noise
(:mod:`bench.methods.generators.linear`), and the discriminator then at whitened patches; it may be
narrower than the decoder's mirror, has a label below 1 for training images, and sees all through
noise that fades; the decoder also matches the mean and spread of the discriminator's filters
(Salimans et al., 2016: without it, the first hundreds of steps go into patterns of the pixel grid);
and the decoder that is shipped is the exponential moving average of the one that plays.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench import seeds
from bench.methods.generators import architectures
from bench.methods.generators.discriminator import Discriminator, cross_entropy, mismatch
from bench.methods.generators.evaluate import kernel_distance, psnr
from bench.methods.generators.linear import start_linear
from bench.methods.generators.loading import Prior, load_generator
from bench.methods.generators.recipe import AdversarialRecipe, prepared
from bench.methods.generators.train import GeneratorTrainer
from bench.methods.training.arithmetic import mixed_precision, multiply_in_bfloat16
from bench.methods.training.trainer import Loss


class AdversarialTrainer(GeneratorTrainer[AdversarialRecipe]):
    """Train a decoder that ends in tanh, on images (N, 3, 64, 64).

    Attributes
    ----------
    discriminator : Discriminator
    """

    recipe_class = AdversarialRecipe

    def __init__(
        self, recipe: AdversarialRecipe, images: Tensor, held_out: Any = None, *, fresh: bool = True
    ) -> None:
        super().__init__(recipe, images, held_out, fresh=fresh)
        torch.manual_seed(seeds.derive_seed("critic", recipe.seed) % 2**31)
        self.discriminator = Discriminator(recipe.discriminator_width)
        if recipe.start == "linear" and fresh:
            self.discriminator.whiten(2 * self.some(400, step=-1) - 1, recipe.instance_noise)
        self.discriminator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.discriminator_optimiser = torch.optim.Adam(
            self.discriminator.parameters(), recipe.discriminator_lr, (recipe.momentum, 0.999)
        )

    def build(self, fresh: bool) -> Any:
        """Make the decoder, at the principal components if the recipe says so."""
        recipe = self.recipe
        decoder: Any = architectures.DECODERS[recipe.decoder]()
        if recipe.start == "random":
            _initialise(decoder)
        elif fresh:
            start_linear(decoder, None, self.some(6000, step=-1))
        if recipe.precision == "bfloat16":
            multiply_in_bfloat16(decoder)
        return decoder.to(memory_format=torch.channels_last)

    def make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Make the decoder's Adam."""
        betas = (self.recipe.momentum, 0.999)
        return {"optimiser": torch.optim.Adam(self.model.parameters(), self.recipe.lr, betas)}

    @property
    def parts(self) -> dict[str, Any]:
        """Return what a checkpoint holds, by the names that checkpoints have always had."""
        return {
            "decoder": self.model,
            "average": self.average,
            "critic": self.discriminator,
            **self.optimisers,
            "critic_optimiser": self.discriminator_optimiser,
        }

    def lr(self) -> float:
        """Return the recipe's learning rate: it is constant."""
        return self.recipe.lr

    def updates(self) -> int:
        """Count the steps after the discriminator's lead."""
        return self.step - self.recipe.discriminator_lead

    def loss(self) -> Loss:
        """Let the discriminator learn; return the decoder's loss, and show the discriminator's.

        The one shown is 2 ln 2 if the discriminator only guesses.
        """
        recipe, step = self.recipe, self.step
        self.model.train()
        self.discriminator.train().requires_grad_(True)
        real = 2 * self.prepare(self.indices(step), step) - 1
        noise = self.source("noise", step)
        plays = step >= recipe.discriminator_lead
        with torch.set_grad_enabled(plays):
            drawn = self.model(self.latents(len(real), step))

        logits, seen = self._judge(real, noise)
        of_drawn = self._judge(drawn.detach(), noise)[0]
        loss = cross_entropy(logits, recipe.real_label) + cross_entropy(of_drawn, 0.0)
        self.discriminator_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.discriminator_optimiser.step()
        if not plays:
            return Loss(None, loss)

        self.discriminator.requires_grad_(False)  # gradients by its weights are not needed
        logits, described = self._judge(drawn, noise)
        differs = mismatch(described, [layer.detach() for layer in seen])
        return Loss(cross_entropy(logits, 1.0) + recipe.matching * differs, loss)

    def _judge(self, x: Tensor, source: torch.Generator) -> tuple[Tensor, list[Tensor]]:
        left = max(0.0, 1 - self.step / self.recipe.steps)
        noise = torch.randn(x.shape, generator=source)
        x = x + self.recipe.instance_noise * left * noise
        with mixed_precision(self.recipe.precision == "bfloat16"):
            return self.discriminator.describe(x.contiguous(memory_format=torch.channels_last))

    def latents(self, count: int, step: int) -> Tensor:
        """Draw the latents (count, d) of a step."""
        size = self.model.latent_size
        return torch.randn(count, size, generator=self.source("latent", step))

    def evaluate(self) -> dict[str, float]:
        """Score a short fit of held-out images from z = 0, and samples by their distance."""
        every = max(1, len(self.held_out) // 128)
        x = prepared(self.held_out[::every][:128], self.recipe)
        some = x[::16]
        z = torch.zeros(len(some), self.model.latent_size, requires_grad=True)
        optimiser = torch.optim.Adam([z], 0.15)
        for _ in range(25):
            optimiser.zero_grad()
            (self.draw(z) - some).square().sum().backward()
            optimiser.step()
        with torch.no_grad():
            error = (self.draw(z) - some).square().mean((1, 2, 3))
            return {
                "range": (-10 * error.log10()).mean().item(),
                "norm": z.square().mean().item(),
                "distance": kernel_distance(self.samples(len(x)), x),
            }

    def decoder(self) -> Any:
        """Return the averaged decoder."""
        return self.average

    def draw(self, z: Tensor) -> Tensor:
        """Map latents (N, d) to images (N, C, H, W) in [0, 1]."""
        return (self.average.eval()(z) + 1) / 2

    def calibrate(self, index: int) -> None:
        """Draw a batch of samples."""
        self.average(self.latents(64, -1 - index))

    def modules(self) -> dict[str, nn.Module]:
        """Return the decoder as it is, to be written in eight bits: samples look the same."""
        return {"decoder": self.average}

    def validate(self, folder: Path) -> dict[str, Any]:
        """Score what was exported, and how alike its samples are to those before rounding."""
        written = load_generator(self.recipe.name, folder=folder).sample(0, 64)
        kept = Prior(copy.deepcopy(self.average)).sample(0, 64)
        alike = psnr(kept, written).mean().item()
        return {**super().validate(folder), "samples_in_eight_bits_psnr": alike}


def _initialise(decoder: nn.Module) -> None:
    """Draw weights ~ N(0, 0.02²), as DCGAN starts; PyTorch's own are too small for the dense."""
    for layer in decoder.modules():
        if isinstance(layer, nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(layer.weight, std=0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
