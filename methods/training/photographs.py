"""Training on freshly blurred crops of photographs: other kernels and noise in every step.

The kernels are of three kinds, a third each: thick camera shake of constant speed, the same through
a hand that trembles, and thin motion blur. None of them, and no photograph, is of a test set.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor

from bench import seeds
from bench.datasets.motion_blur import motion_blur_kernels
from bench.datasets.shaken_photos import thickened, tremor
from bench.datasets.whole_photos import training_pictures, validation_pictures
from bench.methods.training.blurred import NOISE, BlurredTrainer
from bench.methods.training.trainer import AnyRecipe
from bench.physics import forward
from bench.physics.intensity import luma

CAMERA_SIZES, MOTION_SIZES = (13, 35), (15, 45)
"""Smallest and largest odd kernel grids: of thick camera shake, and of thin motion blur."""
WIDTHS = (0.5, 0.9)
"""Standard deviations in pixels of the point that shakes."""
LARGEST = MOTION_SIZES[1]
"""Side in pixels of the grid that kernels are given on."""
LEAST_NOISE, MOST_NOISE = 0.001, 0.05
"""Evenly in the logarithm."""
LEVELS, ROUNDED = 8, 0.5
"""Bits of the observations that are rounded, and their share."""
BANK = 2304
"""Kernels that are drawn, to be mirrored and transposed in every step."""
HELD_OUT = 96
"""Crops of validation photographs."""


def drawn_kernel(camera: bool, source: torch.Generator) -> Tensor:
    """Draw a kernel of constant speed, shape (size, size): thick camera shake, or thin blur."""
    size = _drawn_size(CAMERA_SIZES if camera else MOTION_SIZES, source)
    length = size - 4 if camera else size - 1
    walk = motion_blur_kernels(1, source, length, size)[0]
    width = _drawn_width(source)
    return thickened(walk, width) if camera else walk


def trembling_kernel(source: torch.Generator) -> Tensor:
    """Draw a kernel of camera shake through a hand that trembles, shape (size, size)."""
    kernel = tremor(_drawn_size(CAMERA_SIZES, source), source)
    return thickened(kernel, _drawn_width(source))


def _drawn_width(source: torch.Generator) -> float:
    return WIDTHS[0] + (WIDTHS[1] - WIDTHS[0]) * float(torch.rand((), generator=source))


def _drawn_size(sizes: tuple[int, int], source: torch.Generator) -> int:
    low, high = sizes
    return low + 2 * int(torch.randint((high - low) // 2 + 1, (), generator=source))


def mixed_kernels(count: int, *seed: object) -> Tensor:
    """Draw kernels of the three kinds in turn, each in the middle of a grid.

    Returns
    -------
    Tensor, float32, shape (count, 45, 45)
        Non-negative, each summing to 1, its barycentre in the middle.
    """
    found = torch.zeros(count, LARGEST, LARGEST)
    for number in range(count):
        source = seeds.generator(*seed, number)
        if number % 3 == 2:
            size = _drawn_size(CAMERA_SIZES, source)
            kernel = thickened(tremor(size, source), WIDTHS[number % 2])
        else:
            kernel = drawn_kernel(number % 3 == 0, source)
        margin = (LARGEST - len(kernel)) // 2
        found[number, margin : LARGEST - margin, margin : LARGEST - margin] = kernel
    return found


class PhotographBatches:
    """Sharp planes, observations and kernels by step; every draw depends on seed and step alone.

    Parameters
    ----------
    name : str
    seed : int
    pictures : list of Tensor, uint8, each (3, H, W)
    batch : int
    side : int
        Of the crops in pixels.
    """

    def __init__(self, name: str, seed: int, pictures: list[Tensor], batch: int, side: int) -> None:
        self.name, self.seed, self.pictures, self.size = name, seed, pictures, batch
        self.side = side

    @functools.cached_property
    def kernels(self) -> Tensor:
        """The kernels to choose from, shape (N, 45, 45)."""
        return mixed_kernels(BANK, self.name, self.seed, "kernels")

    def batch(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return planes and observations (N, 1, side, side) in [0, 1], kernels (N, 45, 45)."""
        source = seeds.generator(self.name, self.seed, "batch", step)
        scenes = torch.stack([self._scene(source) for _ in range(self.size)])
        chosen = torch.randint(len(self.kernels), (self.size,), generator=source)
        turns = torch.randint(8, (self.size,), generator=source).tolist()
        bank = self.kernels[chosen]
        kernel = torch.stack([turned(k, turn) for k, turn in zip(bank, turns, strict=True)])
        uniform, coin = torch.rand(2, self.size, 1, 1, 1, generator=source)
        noise = LEAST_NOISE * (MOST_NOISE / LEAST_NOISE) ** uniform
        return observed(scenes, kernel, noise, coin, source)

    def _scene(self, source: torch.Generator) -> Tensor:
        """Cut a plane (1, side + 44, side + 44), turned at random: grey or one of the colours."""
        picture = self.pictures[int(torch.randint(len(self.pictures), (), generator=source))]
        plane, turn = divmod(int(torch.randint(32, (), generator=source)), 8)
        side = self.side + LARGEST - 1
        top, left = (
            int(torch.randint(extent - side + 1, (), generator=source))
            for extent in picture.shape[1:]
        )
        crop = picture[:, top : top + side, left : left + side].float() / 255
        return turned(luma(crop[None])[0] if plane == 3 else crop[plane, None], turn)


def turned(image: Tensor, turn: int) -> Tensor:
    """Mirror and transpose (..., H, W) in one of eight ways."""
    image = image.mT if turn & 4 else image
    axes = [axis for axis, bit in ((-1, 1), (-2, 2)) if turn & bit]
    return image.flip(axes)


def observed(
    scenes: Tensor, kernel: Tensor, noise: Tensor, coin: Tensor, source: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Blur the middles of scenes (N, 1, H, W), add noise, and round every other one to 8 bits.

    Returns
    -------
    sharp, observation : Tensor, shape (N, 1, H - 44, W - 44), in [0, 1]
    kernel : Tensor
        As given.
    """
    y = forward.blur(scenes, kernel, "valid")
    y = (y + noise * torch.randn(y.shape, generator=source)).clamp(0, 1)
    y = torch.where(coin < ROUNDED, forward.quantise(y, LEVELS), y)
    return forward.valid_part(scenes, (LARGEST, LARGEST)), y, kernel


class PhotographTraining(BlurredTrainer[AnyRecipe]):
    """Training on blurred crops of photographs; a family adds its network and loss."""

    @classmethod
    def data(cls, recipe: AnyRecipe) -> tuple[Any, Any]:
        """Load BSDS500's training and validation photographs, lists of uint8 (3, H, W)."""
        training, held_out = (
            [(255 * picture).round().to(torch.uint8) for picture in pictures()]
            for pictures in (training_pictures, validation_pictures)
        )
        return training, held_out

    def make_batches(self) -> PhotographBatches:
        """Make the batches of the recipe's ``image_size``."""
        recipe: Any = self.recipe
        return PhotographBatches(
            recipe.name, recipe.seed, self.images, recipe.batch, recipe.image_size
        )

    def validation(self, noise: float = NOISE) -> tuple[Tensor, Tensor, Tensor]:
        """Blur crops from the middle of validation photographs: planes, observations, kernels."""
        recipe: Any = self.recipe
        side = recipe.image_size + LARGEST - 1
        scenes = []
        for picture in self.held_out[:HELD_OUT]:
            top, left = ((extent - side) // 2 for extent in picture.shape[1:])
            scenes.append(luma(picture[None, :, top : top + side, left : left + side] / 255)[0])
        kernel = mixed_kernels(len(scenes), self.purpose, "photographs")
        source = seeds.generator(self.purpose, "photographs")
        level = torch.full((len(scenes), 1, 1, 1), noise)
        return observed(torch.stack(scenes), kernel, level, torch.ones_like(level), source)
