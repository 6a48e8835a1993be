"""Training a generator: what autoencoders and adversarial training share."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from bench import seeds
from bench.datasets.motion_blur import motion_blur_kernels
from bench.methods.generators.evaluate import (
    deconvolution_psnr,
    kernel_distance,
    kernel_scores,
    range_scores,
)
from bench.methods.generators.loading import STORE, Prior, latent_statistics, load_generator
from bench.methods.generators.page import REPORTS, sheet, write_page, write_png
from bench.methods.generators.recipe import GeneratorRecipe, as_float, prepared, training_data
from bench.methods.training.arithmetic import arithmetic
from bench.methods.training.augment import AUGMENTATIONS
from bench.methods.training.trainer import Progress, Trainer

AnyGenerator = TypeVar("AnyGenerator", bound=GeneratorRecipe)


class GeneratorTrainer(Trainer[AnyGenerator]):
    """Steps on shuffled epochs of images; the way to learn adds networks and loss."""

    store = STORE

    @classmethod
    def data(cls, recipe: AnyGenerator) -> tuple[Tensor, Tensor]:
        """Load training and held-out images; see :func:`training_data`."""
        images, held_out = training_data(recipe)
        print(f"{recipe.name}: {len(images)} for training, {len(held_out)} held out", flush=True)
        return images, held_out

    # What a way to learn says besides the network and the loss.

    def decoder(self) -> Any:
        """Return the decoder of the averaged network, as it is."""
        raise NotImplementedError

    def draw(self, z: Tensor) -> Tensor:
        """Map latents (N, d) to images (N, C, H, W) in [0, 1] with the averaged network."""
        raise NotImplementedError

    def calibrate(self, index: int) -> None:
        """Pass one batch through the averaged network."""
        raise NotImplementedError

    # What both do.

    def prepare(self, indices: Tensor, step: int) -> Tensor:
        """Return augmented training images, float32 in [0, 1]."""
        x = as_float(self.images[indices])
        source = self.source("augment", step)
        for name in self.recipe.augment:
            x = AUGMENTATIONS[name](x, source)
        return x

    def some(self, count: int, step: int) -> Tensor:
        """Return about so many training images, evenly spread, as :meth:`prepare` does."""
        every = max(1, len(self.images) // count)
        return self.prepare(torch.arange(0, len(self.images), every), step)

    def indices(self, step: int) -> Tensor:
        """Return which images a step sees: shuffled epochs, found from the step alone."""
        count, batch = len(self.images), min(self.recipe.batch, len(self.images))
        epoch, position = divmod(step, count // batch)
        order = torch.randperm(count, generator=self.source("epoch", epoch))
        return order[position * batch : (position + 1) * batch]

    @torch.no_grad()
    def samples(self, count: int = 30) -> Tensor:
        """Draw images; before whitening, so latents of an autoencoder may be correlated."""
        size = self.decoder().latent_size
        images = self.draw(torch.randn(count, size, generator=seeds.generator("look")))
        if images.shape[1] == 1:  # kernels, scaled to their own maximum
            images = images / images.amax((1, 2, 3), keepdim=True).clamp_min(1e-6)
        return images

    def show(self, folder: Path) -> None:
        """Write a sheet of samples, ``NAME-samples.png``."""
        write_png(sheet(self.samples()), folder / f"{self.recipe.name}-samples.png")

    @torch.no_grad()
    def finish(self, batches: int = 24) -> None:
        """Measure the averaged network's batch norms with its own weights.

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
            self.calibrate(index)
        self.average.eval()
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

    def describe(self) -> dict[str, Any]:
        """Name the architecture, from which the generator is made when it is loaded."""
        recipe, decoder = self.recipe, self.decoder()
        return {
            "decoder": recipe.decoder,
            "encoder": getattr(recipe, "encoder", ""),
            "latent_size": decoder.latent_size,
            "image_shape": list(decoder.image_shape),
            "arithmetic": arithmetic() if recipe.precision == "bfloat16" else "float32",
        }

    def validate(self, folder: Path) -> dict[str, Any]:
        """Score the generator that was exported."""
        prior = load_generator(self.recipe.name, folder=folder)
        return judge(prior, prepared(self.held_out, self.recipe))

    def export(self, progress: Progress, folder: Path) -> dict[str, Any]:
        """Write weights, card and page: a trial's page goes with its weights."""
        card = super().export(progress, folder)
        prior = load_generator(self.recipe.name, folder=folder)
        reports = REPORTS if folder == STORE.folder else folder
        write_page(prior, prepared(self.held_out, self.recipe), card, reports)
        print(f"wrote {reports / self.recipe.name}.md")
        return card


def judge(prior: Prior, x: Tensor) -> dict[str, Any]:
    """Score a generator on held-out images or kernels (N, C, H, W)."""
    scores: dict[str, Any] = {}
    if prior.has_encoder:
        with torch.no_grad():
            codes = torch.cat([prior.encode(part) for part in x.split(128)])
        noise = prior.card["recipe"]["latent_noise"]
        statistics = latent_statistics(codes, noise)
        scores |= {"posterior": dataclasses.asdict(statistics), "posterior_images": len(codes)}
    if x.shape[1] == 1:
        scores.update(kernel_scores(prior, x[:256]))
        scores["penalised"] = kernel_scores(prior, x[:256], penalty=1e-5)
        return scores
    count = 24 if prior.has_encoder else 12  # fits are most of an export's time
    some = x[:: max(1, len(x) // count)][:count]
    scores.update(range_scores(prior, some, steps=60))
    kernels = motion_blur_kernels(8, 11)
    scores["deconvolution_psnr"] = deconvolution_psnr(prior, some[:8], kernels, steps=60)
    first, second = x[::2], x[1::2]  # the order of the archive is by source
    scores["kernel_distance"] = kernel_distance(prior.sample(0, len(first)), second)
    scores["kernel_distance_of_halves"] = kernel_distance(first, second)
    return scores
