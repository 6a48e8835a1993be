"""What a blind method may know of its observations, and the check that every method begins with."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

from bench.errors import InvalidInput

if TYPE_CHECKING:
    from torch import Tensor

Boundary = Literal["circular", "free"]
"""What a method is told of the border of its observations."""


@dataclasses.dataclass(frozen=True)
class Task:
    """What a blind method may know of the observations it is given.

    Attributes
    ----------
    image_class : str
        The class a prior can be chosen by: ``svhn``, ``shoes``, ``celeba``, ``natural``.
    image_size : (int, int)
        Height and width in pixels.
    channels : int
        3, or 1 for grey observations.
    kernel_size : (int, int)
        Height and width of the kernel's support; the same for all images of a batch.
    noise : float
        Standard deviation of the noise in units of the image range [0, 1].
    boundary : {"circular", "free"}
        How the convolution behaves at the border.
    device : str
        Where to compute, as ``torch.device`` takes it.
    seed : int
        Seeds whatever the method draws.
    scene_size : (int, int) or None
        Height and width of the image that was blurred, where it is known to be larger than the
        observation; a restoration has the observation's size nevertheless.
    """

    image_class: str
    image_size: tuple[int, int]
    channels: int = 3
    kernel_size: tuple[int, int] = (28, 28)
    noise: float = 0.01
    boundary: Boundary = "circular"
    device: str = "cpu"
    seed: int = 0
    scene_size: tuple[int, int] | None = None

    def told(self) -> dict[str, Any]:
        """Return what is told by name; without a scene of another size there is no such key."""
        plain = dataclasses.asdict(self)
        return {k: value for k, value in plain.items() if k != "scene_size" or value is not None}


def check_observation(observation: Tensor, task: Task) -> Tensor:
    """Check the shape, range and finiteness of a batch of observations.

    Every method calls this first.

    Parameters
    ----------
    observation : Tensor, shape (N, C, H, W), in [0, 1]
    task : Task

    Returns
    -------
    Tensor, float32, on the task's device

    Raises
    ------
    InvalidInput
        Naming the offending value.
    """
    expected = (task.channels, *task.image_size)
    if observation.ndim != 4 or tuple(observation.shape[1:]) != expected:
        raise InvalidInput(
            f"The observations have shape {tuple(observation.shape)}; "
            f"this task takes (N, {expected[0]}, {expected[1]}, {expected[2]})."
        )
    if not observation.is_floating_point():
        raise InvalidInput(
            f"The observations have type {observation.dtype}; convert them to floats in [0, 1]."
        )
    if not bool(observation.isfinite().all()):
        bad = int((~observation.isfinite()).flatten(1).any(1).nonzero()[0])
        raise InvalidInput(f"Observation {bad} of the batch has NaN or infinite pixels.")
    low, high = observation.min().item(), observation.max().item()
    if low < -1e-6 or high > 1 + 1e-6:
        raise InvalidInput(
            f"The observations span [{low:.3g}, {high:.3g}]; scale them to [0, 1] first."
        )
    if task.kernel_size[0] > task.image_size[0] or task.kernel_size[1] > task.image_size[1]:
        raise InvalidInput(
            f"A kernel of {task.kernel_size[0]}×{task.kernel_size[1]} pixels is larger than the "
            f"image of {task.image_size[0]}×{task.image_size[1]}; give a smaller --kernel-size."
        )
    return observation.to(task.device).float()
