"""The range oracle: the image a generator can draw that is nearest to the truth.

``argmin_z ‖x − G(z)‖²`` bounds what any method restricted to the generator's range can reach.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bench.errors import InvalidInput, NotApplicable, UnknownName
from bench.methods.generators.fitting import Fit, fit_latents, random_starts, squared_error
from bench.methods.generators.loading import (
    CLASSES,
    Prior,
    check_generator,
    load_card,
    load_generator,
)
from bench.physics.forward import blur
from bench.protocol import Knowledge, Oracle, Restoration, Task, Truth, check_observation


@dataclasses.dataclass(frozen=True)
class Preset:
    """How the nearest image is searched.

    Attributes
    ----------
    encoder : bool
        Start once from the encoder's latent.
    restarts : int
        Further starts, standard normal.
    steps : int
    lr : float
        For ``gradient``, of the summed squared error in the *decoder's own* range.
    optimiser : {"adam", "gradient"}
    block : int
        Images fitted in one batch.
    """

    encoder: bool
    restarts: int
    steps: int
    lr: float
    optimiser: str
    block: int = 8


PRESETS = {
    "fast": Preset(encoder=True, restarts=0, steps=100, lr=0.1, optimiser="adam"),
    # 10,000 steps of 0.001 on images in [−1, 1]; 6,000 of 0.01 on SVHN's in [0, 1].
    "published": Preset(
        encoder=False, restarts=10, steps=10_000, lr=1e-3, optimiser="gradient", block=1
    ),
    "published-svhn": Preset(
        encoder=False, restarts=10, steps=6_000, lr=1e-2, optimiser="gradient", block=1
    ),
}


def nearest_in_range(generator: Prior, x: Tensor, preset: Preset, seed: int = 0) -> Fit:
    """Find ``argmin_z ‖x − G(z)‖²`` for a batch.

    Parameters
    ----------
    generator : Prior
    x : Tensor, shape (N, C, H, W), in [0, 1]
    preset : Preset
    seed : int
        Of the random starts; an image's do not depend on the others in the batch.

    Returns
    -------
    Fit
        ``value`` is the squared error summed over pixels and channels, in [0, 1] units.
    """
    parts = [_nearest(generator, part, preset, seed) for part in x.split(preset.block)]
    return Fit(
        torch.cat([part.latent for part in parts]),
        torch.cat([part.value for part in parts]),
        torch.cat([part.restart for part in parts]),
        parts[0].evaluations if parts else 0,
    )


def _nearest(generator: Prior, x: Tensor, preset: Preset, seed: int) -> Fit:
    """Fit at most ``preset.block`` images."""
    count_here = len(x)
    # Rounding depends on the batch's size, and hundreds of steps amplify it: so every batch has
    # the same size, filled up with copies.
    x = torch.cat([x, x[-1:].expand(preset.block - count_here, -1, -1, -1)])
    starts = []
    if preset.encoder and generator.has_encoder:
        with torch.no_grad():
            starts.append(generator.encode(x)[None])
    count = preset.restarts if starts or preset.restarts else 4
    if count:
        starts.append(random_starts(x, generator.latent_size, count, seed))
    # The published step is for errors in the decoder's range; those of tanh count four times.
    unit = 4.0 if preset.optimiser == "gradient" and generator.signed else 1.0
    fit = fit_latents(
        generator,
        torch.cat(starts),
        squared_error(x),
        steps=preset.steps,
        lr=preset.lr * unit,
        optimiser=preset.optimiser,
    )
    kept = slice(count_here)
    return Fit(fit.latent[kept], fit.value[kept], fit.restart[kept], fit.evaluations)


class RangeOracle(Oracle):
    """The generator's nearest image to the truth; its kernel is the true one.

    Parameters
    ----------
    task : Task
    preset : {"fast", "published"}
        One encoder start and Adam, or the paper's plain gradient descent from ten random starts.
    generator : str
        Name of a generator; "" takes the default of the image class.
    steps : int
        0 takes the preset's.
    """

    title = "Nearest image of the generator's range"
    knows = Knowledge(truth=True, image_class=True)
    batch_size = 16
    version = "1"
    reference = "Asim et al., Blind Image Deconvolution using Deep Generative Priors (2018)"

    def __init__(
        self, task: Task, preset: str = "fast", generator: str = "", steps: int = 0
    ) -> None:
        super().__init__(task)
        if preset not in ("fast", "published"):
            raise UnknownName(f"There is no preset {preset!r}; there are 'fast' and 'published'.")
        key = "published-svhn" if preset == "published" and task.image_size == (32, 32) else preset
        self.preset = PRESETS[key]
        if steps:
            self.preset = dataclasses.replace(self.preset, steps=steps)
        self.prior = load_generator(_name(task, generator), device=task.device)
        if self.prior.image_shape != (task.channels, *task.image_size):
            raise InvalidInput(
                f"The generator {self.prior.name!r} draws {self.prior.image_shape} images, "
                f"the task has {(task.channels, *task.image_size)}; choose another generator."
            )

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Raise if the image class has no generator; see ``MethodBase``."""
        check_generator(_name(task, ""))

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the weights' checksum."""
        return cls.assets_for(task, {})

    @classmethod
    def assets_for(cls, task: Task, parameters: Mapping[str, Any]) -> Mapping[str, str]:
        """Return the checksum of the generator that is asked for."""
        name = _name(task, str(parameters.get("generator", "")))
        return {f"generator {name}": load_card(name)["sha256"]}

    def deblur(self, observation: Tensor, truth: Truth) -> Restoration:
        """Return the nearest image of the range to ``truth.image``."""
        observation = check_observation(observation, self.task)
        x = truth.image.to(observation)
        found = nearest_in_range(self.prior, x, self.preset, self.task.seed)
        with torch.no_grad():
            image = self.prior(found.latent).clamp(0, 1)
        kernel = truth.kernel.to(observation)
        residual = (observation - blur(image, kernel)).square().mean((1, 2, 3)).sqrt()
        return Restoration(
            image=image,
            kernel=kernel,
            generator_evaluations=found.evaluations,
            iterations=self.preset.steps,
            restarts=self.preset.restarts + self.preset.encoder,
            residual=residual,
            records={"latent": found.latent, "range_error": found.value, "restart": found.restart},
        )


def _name(task: Task, generator: str) -> str:
    if generator:
        return generator
    if task.image_class not in CLASSES:
        raise NotApplicable(
            f"The range oracle needs a generator, and there is none for {task.image_class!r}."
        )
    return task.image_class
