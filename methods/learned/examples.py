"""Examples for the learned step: observations, kernels that the evidence found for them, images.

A network that is trained with true kernels loses its gain on estimated ones, so the examples have
estimated ones. A search costs more than all that follows it, so searches are short.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench import seeds
from bench.datasets.archives import Split, to_unit_range, training_images
from bench.datasets.motion_blur import motion_blur_kernels
from bench.errors import Unavailable
from bench.files import read_toml
from bench.methods.generators.loading import Prior, load_generator
from bench.methods.learned.cached import cached_examples
from bench.methods.learned.inputs import network_inputs
from bench.methods.marginal.estimate import Estimator, single
from bench.methods.marginal.halving import Halving
from bench.methods.marginal.model import load_model
from bench.methods.marginal.sampling import Sampling
from bench.methods.marginal.settings import load_settings
from bench.methods.training.augment import AUGMENTATIONS
from bench.physics.forward import blur
from bench.physics.noise import estimate_noise

QUIET, LOUD, QUIET_SHARE = 0.01, 0.1, 0.5
"""Half of the searches have 1 % of noise, the others up to 10 %, evenly in the logarithm."""
KERNEL_PRIOR = "motion-blur"
PLANS = Path(__file__).with_name("examples.toml")


@dataclasses.dataclass(frozen=True)
class Plan:
    """How the examples of a class are made, read from ``examples.toml``.

    Attributes
    ----------
    image_class : str
    searches : int
        Observations whose kernels are searched by the evidence, an example each.
    restarts, survivors, coarse_steps, search_steps, sparse_steps : int
        Of those searches, shorter than the method's.
    hot : float
        Their first temperature.
    near : int
        Starts that are drawn near the true kernel's latent, the others at random: what ends in the
        right valley ends where a search from anywhere ends in it.
    distance : float
        Standard deviation of the noise on latents of near starts.
    draws : bool
        Whether kernels are drawn around the ends of the searches, as the class's settings say.
    alone : float
        Share of examples that keep the likeliest kernel only, and no scales of the image, as
        estimates of other methods come.
    known : float
        Share of examples with the true kernel.
    held_out : int
        Searches from validation images, to look at.
    augment : tuple of str
        Of the images before they are blurred.
    seed : int
    """

    image_class: str
    searches: int
    restarts: int
    survivors: int
    coarse_steps: int
    search_steps: int
    sparse_steps: int = 0
    hot: float = 1000.0
    near: int = 0
    distance: float = 0.5
    draws: bool = False
    alone: float = 0.2
    known: float = 0.05
    held_out: int = 24
    augment: tuple[str, ...] = ()
    seed: int = 0

    @property
    def name(self) -> str:
        """Seeds the examples."""
        return f"learned-{self.image_class}"

    def key(self) -> str:
        """Hash of what an example depends on in addition to its number."""
        fields = dataclasses.asdict(self)
        del fields["searches"], fields["held_out"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


def load_plan(image_class: str) -> Plan:
    """Read how the examples of a class are made.

    Raises
    ------
    Unavailable
        If nothing says it.
    """
    table = read_toml(PLANS)
    if image_class not in table:
        known = ", ".join(table)
        raise Unavailable(
            f"Nothing says how examples of class {image_class!r} are made; there are: {known}."
        )
    fields: dict[str, Any] = table[image_class]
    fields["augment"] = tuple(fields.get("augment", ()))
    return Plan(image_class, **fields)


def load_examples(plan: Plan, split: Split) -> tuple[Tensor, Tensor]:
    """Make the examples of a class, or read those that are in the cache folder.

    Parameters
    ----------
    plan : Plan
    split : {"train", "val"}
        Held-out examples have 1 % of noise, all kernels of the search, and none known.

    Returns
    -------
    inputs : Tensor, float16, shape (N, 14, H, W)
    images : Tensor, float16, shape (N, 3, H, W)

    Raises
    ------
    Unavailable
        If the class's training archive is not there.
    """
    count = plan.searches if split == "train" else plan.held_out
    name = f"{plan.image_class}-{plan.key()}"
    found = cached_examples(name, split, count, lambda: Maker(plan, split).make)
    return found["inputs"], found["images"]


class Maker:
    """Makes examples; those of a search depend on the plan and its number alone.

    Parameters
    ----------
    plan : Examples
    split : {"train", "val"}
    """

    def __init__(self, plan: Plan, split: Split) -> None:
        self.plan, self.split = plan, split
        self.images = training_images(plan.image_class, split)
        self.prior: Prior = load_generator(KERNEL_PRIOR)
        settings = load_settings(plan.image_class, plan.restarts, plan.search_steps)
        annealing = dataclasses.replace(settings.annealing, hot=plan.hot)
        shorter = dataclasses.replace(
            settings,
            annealing=annealing,
            halving=Halving(plan.coarse_steps, plan.survivors),
            sparse_steps=plan.sparse_steps,
            sampling=settings.sampling if plan.draws else Sampling(),
        )
        model = load_model(plan.image_class)
        self.estimator = Estimator(plan.image_class, model, self.prior, shorter)

    def make(self, numbers: range) -> dict[str, Tensor]:
        """Return inputs and images of some searches."""
        pairs = [self._example(number) for number in numbers]
        inputs, images = zip(*pairs, strict=True)
        return {"inputs": torch.cat(inputs).half(), "images": torch.cat(images).half()}

    def _example(self, number: int) -> tuple[Tensor, Tensor]:
        plan, training = self.plan, self.split == "train"
        source = seeds.generator(plan.name, plan.seed, self.split, number)
        kernel, image = motion_blur_kernels(1, source), self._image(source)
        loud, power, coin = torch.rand(3, generator=source).tolist()
        noise = QUIET * (LOUD / QUIET) ** (power * (training and loud > QUIET_SHARE))
        drawn = noise * torch.randn(image.shape, generator=source)
        observation = (blur(image, kernel) + drawn).clamp(0, 1)
        if training and coin < plan.known:
            used = single(kernel, estimate_noise(observation).item())
        else:
            used = self.estimator.estimate(observation[0], self._starts(kernel, source))
            if training and coin < plan.known + plan.alone:
                used = single(used.kernel[:1], used.noise)
        return network_inputs(observation, used, plan.image_class)[0], image

    def _image(self, source: torch.Generator) -> Tensor:
        chosen = torch.randint(len(self.images), (1,), generator=source)
        image = to_unit_range(self.images[chosen], self.plan.image_class)
        for name in self.plan.augment:
            image = AUGMENTATIONS[name](image, source)
        return image

    def _starts(self, kernel: Tensor, source: torch.Generator) -> Tensor:
        plan = self.plan
        starts = torch.randn(plan.restarts, self.prior.latent_size, generator=source)
        if plan.near:
            with torch.no_grad():
                latent = self.prior.encode(kernel[:, None])
            starts[: plan.near] = latent + plan.distance * starts[: plan.near]
        return starts
