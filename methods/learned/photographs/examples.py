"""Examples for the photographs' step: crops, blurred, with kernels that estimators found for them.

The kernels are those that the project's estimators make, with their mistakes: a network that is
trained with true kernels loses its gain on estimated ones. None of the kernels or photographs is of
a test set.
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
from bench.checksums import values_checksum
from bench.datasets.archives import Split
from bench.datasets.whole_photos import training_pictures, validation_pictures
from bench.files import read_toml
from bench.methods.deconvolution.tv import CIRCULAR, FREE, PARAMETERS
from bench.methods.learned.cached import Make, cached_examples
from bench.methods.learned.photographs.inputs import ITERATIONS, SHARP, SMOOTH, plane_inputs
from bench.methods.photographs.evidence import Refinement, refine_kernel
from bench.methods.photographs.method import DARK, DETAILED, ROUNDS
from bench.methods.photographs.registration import image_offset, moved
from bench.methods.photographs.sparse_edges import Additions, estimate_kernel
from bench.methods.training.photographs import drawn_kernel, trembling_kernel
from bench.metrics import kernel_similarity
from bench.physics import forward
from bench.physics.intensity import luma
from bench.protocol import Boundary, Formation

LEAST_NOISE, MOST_NOISE = 0.002, 0.05
"""Evenly in the logarithm."""
LEVELS = 8
"""Bits of observations that are rounded."""
TURNS = 20
"""Of a refinement, half as many as the method takes."""
PLAN = Path(__file__).with_name("examples.toml")


@dataclasses.dataclass(frozen=True)
class Plan:
    """How the examples are made, read from ``examples.toml``.

    Attributes
    ----------
    searches, held_out : int
        Observations of training and of validation photographs.
    side : int
        Of an observation, in pixels.
    alone, detailed, known : float
        Shares of kernels by ``sparse-edges``, by its detailed setting, and of true ones; the others
        are by the detailed setting with minimal pixels.
    refined : float
        Share of the estimates that are refined by the marginal likelihood. Of held-out examples a
        quarter has the true kernel, a quarter that of ``sparse-edges``, the others are refined.
    colour : float
        Share in colour, which gives three examples; the others are grey.
    circular, replicated : float
        Shares with these boundaries; the others show the middle of a larger blurred scene.
    camera, trembling : float
        Shares of kernels that are thick and small, as of camera shake of constant speed and of
        hands that tremble; the others are thin.
    rounded : float
        Share of observations in 8 bits.
    hopeless, kept : float
        Of the kernels less similar to the true one than the first, the second share is kept: there
        the best answer is near the observation.
    seed : int
    """

    searches: int
    held_out: int
    side: int
    alone: float
    detailed: float
    known: float
    refined: float
    colour: float
    circular: float
    replicated: float
    camera: float
    trembling: float
    rounded: float
    hopeless: float
    kept: float
    seed: int = 0

    def key(self) -> str:
        """Hash of what an example depends on in addition to its number: this plan and how its
        images are restored."""
        fields = dataclasses.asdict(self)
        del fields["searches"], fields["held_out"]
        fields["variation"] = [*CIRCULAR, *FREE, values_checksum(PARAMETERS)]
        fields["restored"] = [SHARP, SMOOTH, ITERATIONS]
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]


@dataclasses.dataclass(frozen=True)
class Examples:
    """Examples, one for each colour of an observation.

    Attributes
    ----------
    inputs : Tensor, float16, shape (N, 5, side, side)
    images : Tensor, float16, shape (N, 1, side, side)
        Moved onto the restorations.
    known : Tensor, bool, shape (N,)
        Whether the kernel is the true one.
    """

    inputs: Tensor
    images: Tensor
    known: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def where(self, chosen: Tensor) -> Examples:
        """Return those that a mask (N,) chooses."""
        return Examples(self.inputs[chosen], self.images[chosen], self.known[chosen])


def load_plan() -> Plan:
    """Read how the examples are made."""
    fields: dict[str, Any] = read_toml(PLAN)
    return Plan(**fields)


def load_examples(plan: Plan, split: Split) -> Examples:
    """Make the examples, or read those that are in the cache folder.

    Parameters
    ----------
    plan : Plan
    split : {"train", "val"}

    Returns
    -------
    Examples

    Raises
    ------
    Unavailable
        If the archive of photographs is not there.
    """
    count = plan.searches if split == "train" else plan.held_out
    name = f"photographs-{plan.key()}"

    def maker() -> Make:
        made = Maker(plan, split)
        return lambda numbers: vars(made.make(numbers))

    return Examples(**cached_examples(name, split, count, maker))


class Maker:
    """Makes examples; those of an observation depend on the plan and its number alone.

    Parameters
    ----------
    plan : Plan
    split : {"train", "val"}
    """

    def __init__(self, plan: Plan, split: Split) -> None:
        self.plan, self.split = plan, split
        pictures = training_pictures() if split == "train" else validation_pictures()
        self.pictures = [(255 * picture).round().to(torch.uint8) for picture in pictures]

    def make(self, numbers: range) -> Examples:
        """Return the examples of some observations; of hopeless kernels, few."""
        found = [self._examples(number) for number in numbers]
        inputs = torch.cat([one[0] for one in found])
        images = torch.cat([one[1] for one in found])
        known = torch.cat([one[2] for one in found])
        return Examples(inputs.half(), images.half(), known)

    def _examples(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        plan = self.plan
        source = seeds.generator("learned-photographs", plan.seed, self.split, number)
        uniform = torch.rand(9, generator=source).tolist()
        kernel = self._kernel(uniform[0], source)
        formation = self._formation(uniform[1])
        scene = self._scene(kernel, formation, uniform[2] < plan.colour, source)
        noise = LEAST_NOISE * (MOST_NOISE / LEAST_NOISE) ** uniform[3]
        y = forward.blur(scene[None], kernel, formation)
        y = (y + noise * torch.randn(y.shape, generator=source)).clamp(0, 1)
        if uniform[4] < plan.rounded:
            y = forward.quantise(y, LEVELS)
        known = uniform[5] < plan.known if self.split == "train" else number % 4 == 3
        boundary: Boundary = "circular" if formation == "circular" else "free"
        used = kernel if known else self._estimate(y, kernel, uniform[6])
        refined = uniform[8] < plan.refined if self.split == "train" else number % 4 < 2
        if refined and not known:
            used = refine_kernel(luma(y)[0, 0], used, noise, boundary, Refinement(TURNS))
        similar = float(kernel_similarity(used[None], kernel[None]))
        if similar < plan.hopeless and uniform[7] >= plan.kept:
            none = torch.empty(0, 1, plan.side, plan.side)
            return none.expand(-1, 5, -1, -1), none, torch.empty(0, dtype=torch.bool)
        inputs = plane_inputs(y, used[None], boundary)
        truth = registered(scene, inputs[:, 1], kernel, formation)
        return inputs, truth[:, None], torch.full((len(truth),), known)

    def _kernel(self, kind: float, source: torch.Generator) -> Tensor:
        if kind < self.plan.trembling:
            return trembling_kernel(source)
        return drawn_kernel(kind < self.plan.trembling + self.plan.camera, source)

    def _formation(self, kind: float) -> Formation:
        plan = self.plan
        if kind < plan.circular:
            return "circular"
        return "replicate" if kind < plan.circular + plan.replicated else "valid"

    def _scene(
        self, kernel: Tensor, formation: Formation, colour: bool, source: torch.Generator
    ) -> Tensor:
        """Cut a scene (C, H, W) whose observation has the plan's side."""
        picture = self.pictures[int(torch.randint(len(self.pictures), (), generator=source))]
        side = self.plan.side + (kernel.shape[0] - 1 if formation == "valid" else 0)
        top, left = (
            int(torch.randint(extent - side + 1, (), generator=source))
            for extent in picture.shape[1:]
        )
        scene = picture[:, top : top + side, left : left + side].float() / 255
        return scene if colour else luma(scene[None])[0]

    def _estimate(self, y: Tensor, kernel: Tensor, kind: float) -> Tensor:
        plan, size = self.plan, (int(kernel.shape[0]), int(kernel.shape[1]))
        grey = luma(y)[0, 0]
        if self.split == "val" or kind < plan.alone:
            return estimate_kernel(grey, size)
        dark = 0.0 if kind < plan.alone + plan.detailed else DARK
        return estimate_kernel(grey, size, DETAILED, Additions(ROUNDS, dark))


def registered(scene: Tensor, restored: Tensor, kernel: Tensor, formation: Formation) -> Tensor:
    """Move a scene (C, H, W) to where a restoration has it, and crop it to the observation."""
    size = (int(kernel.shape[0]), int(kernel.shape[1]))
    offset = image_offset(restored, forward.seen_part(scene, size, formation))
    if formation == "circular":
        return forward.shift(scene[None], offset[None])[0]
    return forward.seen_part(moved(scene, offset), size, formation)
