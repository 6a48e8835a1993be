"""Motion-blur kernels after Boracchi and Foi (2012), many at a time.

A kernel is a random walk of a camera during the exposure: a particle of constant speed whose
direction is perturbed by a Gaussian, pulled back to its start and, rarely, reversed. The walk is
centred on its centroid and rasterised bilinearly. All kernels of a batch walk together, so the
loop is over the 99 steps of a trajectory and never over kernels.

References
----------
G. Boracchi and A. Foi, "Modeling the Performance of Image Restoration from Motion Blur",
IEEE Transactions on Image Processing 21(8), 2012.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.protocol import KernelSource, Sample
from bench.seeds import derive_seed

SIZE = 28
LENGTHS = (5, 28)
LARGE_SIZE = 32
LARGE_LENGTHS = (5, 30)
"""Shortest and longest walk of the paper's experiment with large blurs at 128×128."""

_SAMPLES = 100
_STEPS = _SAMPLES - 1
_ANXIETY = 0.01
# What one kernel draws: length, centripetal, Gaussian term, shake frequency, initial angle, then
# for every step whether it shakes and by which angle.
_UNIFORMS = 5 + 2 * _STEPS
_NORMALS = 2 * _STEPS


class MotionBlurBatch(NamedTuple):
    """``kernels`` float32 (N, size, size), each summing to 1; ``lengths`` int64 (N,) in pixels."""

    kernels: Tensor
    lengths: Tensor


def motion_blur_kernels(
    count: int,
    seed: int | torch.Generator,
    length: int | None = None,
    size: int = SIZE,
    *,
    start: int = 0,
    lengths: tuple[int, int] = LENGTHS,
) -> Tensor:
    """Draw motion-blur kernels; see :func:`motion_blur_batch`.

    Returns
    -------
    Tensor, float32, shape (count, size, size)
        Non-negative, each summing to 1, centroid at ``((size - 1) / 2, (size - 1) / 2)``.
    """
    return motion_blur_batch(count, seed, length, size, start=start, lengths=lengths).kernels


def motion_blur_batch(
    count: int,
    seed: int | torch.Generator,
    length: int | None = None,
    size: int = SIZE,
    *,
    start: int = 0,
    lengths: tuple[int, int] = LENGTHS,
) -> MotionBlurBatch:
    """Draw motion-blur kernels and the lengths of their trajectories.

    Parameters
    ----------
    count : int
    seed : int or torch.Generator
        With an integer, kernel ``start + i`` depends on ``(seed, start + i)`` alone, whatever
        ``count`` is. With a CPU generator the whole batch is drawn at once, which is faster and
        advances the generator: the way to get fresh kernels at every training step.
    length : int or None
        Trajectory length in pixels, at least 1; None draws integers uniformly.
    size : int
        Side of the kernel grid in pixels, at least 2.
    start : int
        Index of the first kernel; only with an integer seed.
    lengths : (int, int)
        Least and largest length to draw; by default the paper's, 5…28.

    Returns
    -------
    MotionBlurBatch

    Raises
    ------
    InvalidInput
        If a count, length or size is out of range.

    Notes
    -----
    Walks that leave the grid (only possible for lengths near ``size``) lose the samples outside,
    and the kernel is normalised afterwards.
    """
    if count < 0:
        raise InvalidInput(f"The number of kernels is {count}; give at least 0.")
    if size < 2:
        raise InvalidInput(f"The kernel size is {size}; give at least 2 pixels.")
    if (length if length is not None else min(lengths)) < 1:
        raise InvalidInput(f"The trajectory length is {length or lengths}; give at least 1 pixel.")
    if isinstance(seed, torch.Generator):
        uniforms = torch.rand(count, _UNIFORMS, generator=seed, dtype=torch.float64, device="cpu")
        normals = torch.randn(count, _NORMALS, generator=seed, dtype=torch.float64, device="cpu")
    else:
        uniforms, normals = _draws(seed, range(start, start + count))
    drawn = _lengths(uniforms[:, 0], lengths)
    if length is not None:
        drawn = torch.full_like(drawn, int(length))
    return _kernels(uniforms, normals, drawn, size)


def odd_grid(length: int) -> int:
    """Return the side of the smallest odd grid that holds every walk of a length.

    A walk stays within half its length of its centroid.
    """
    return (length + 1) | 1


class MotionBlur(KernelSource):
    """The kernels of the paper's experiment, drawn afresh: kernel ``index`` of ``seed``.

    Parameters
    ----------
    size : int or None
        Side of the kernel grid in pixels; None takes the paper's 28, and for longer walks than
        its longest :func:`odd_grid`.
    lengths : (int, int)
        Of the trajectories that are drawn, in pixels.
    """

    def __init__(self, size: int | None = None, lengths: tuple[int, int] = LENGTHS) -> None:
        self.size, self.lengths = size, lengths

    def kernel(self, index: int, *, seed: int, length: int | None = None) -> Tensor:
        """Return kernel ``index``, float32 (size, size); see ``KernelSource.kernel``."""
        size = self.size or (SIZE if length is None or length <= LENGTHS[1] else odd_grid(length))
        return motion_blur_batch(1, seed, length, size, start=index, lengths=self.lengths).kernels[
            0
        ]

    def length(self, index: int, *, seed: int) -> int:
        """Return the trajectory length in pixels that kernel ``index`` draws for itself."""
        uniforms, _ = _draws(seed, [index])
        return int(_lengths(uniforms[:, 0], self.lengths)[0])


def large_blur_sample(
    index: int,
    image: Tensor,
    seed: int,
    *,
    length: int | None = None,
) -> Sample:
    """Make a sample of an image (3, 128, 128) and its kernel by seed, on a grid of 32×32.

    Parameters
    ----------
    index : int
    image : Tensor
    seed : int
        Of the kernels.
    length : int, optional
        Of the trajectory in pixels; None draws 5…30.
    """
    kernels = MotionBlur(LARGE_SIZE, LARGE_LENGTHS)
    drawn = "" if length is None else f"-{length}"
    return Sample(
        index=index,
        name=f"{index:03d}",
        image=image,
        kernel=kernels.kernel(index, seed=seed, length=length),
        kernel_id=f"motion-blur-{LARGE_SIZE}{drawn}-{seed}-{index:03d}",
        blur_length=length or kernels.length(index, seed=seed),
    )


def _draws(seed: int, indices: Iterable[int]) -> tuple[Tensor, Tensor]:
    """Draw each kernel's numbers from a generator of its own."""
    uniforms, normals = [], []
    source = torch.Generator()
    for index in indices:
        source.manual_seed(derive_seed("motion-blur", int(seed), int(index)))
        uniforms.append(torch.rand(_UNIFORMS, generator=source, dtype=torch.float64, device="cpu"))
        normals.append(torch.randn(_NORMALS, generator=source, dtype=torch.float64, device="cpu"))
    if not uniforms:
        return torch.empty(0, _UNIFORMS).double(), torch.empty(0, _NORMALS).double()
    return torch.stack(uniforms), torch.stack(normals)


def _lengths(uniform: Tensor, lengths: tuple[int, int]) -> Tensor:
    low, high = lengths
    return low + (uniform * (high - low + 1)).long()


def _kernels(uniforms: Tensor, normals: Tensor, lengths: Tensor, size: int) -> MotionBlurBatch:
    path = _trajectories(uniforms, normals, lengths.double())
    path = path - path.mean(1, keepdim=True) + (size - 1) / 2
    return MotionBlurBatch(rasterise(path, size).float(), lengths)


def _trajectories(uniforms: Tensor, normals: Tensor, lengths: Tensor) -> Tensor:
    """Walk all trajectories; returns positions (N, 100, 2) in pixels, starting at the origin."""
    speed = (lengths / _STEPS)[:, None]
    centripetal = 0.7 * uniforms[:, 1:2]
    gaussian = 10 * uniforms[:, 2:3]
    shake_probability = 0.2 * uniforms[:, 3:4] * _ANXIETY
    angle = 2 * torch.pi * uniforms[:, 4:5]
    shakes = uniforms[:, 5 : 5 + _STEPS] < shake_probability
    turn = torch.pi + uniforms[:, 5 + _STEPS :] - 0.5
    cosine, sine = 2 * turn.cos() * shakes, 2 * turn.sin() * shakes
    pushes = (_ANXIETY * gaussian * speed)[:, :, None] * normals.view(-1, _STEPS, 2)
    pull = _ANXIETY * centripetal * speed

    velocity = _ANXIETY * torch.cat([angle.cos(), angle.sin()], 1)
    position = torch.zeros_like(velocity)
    positions = [position]
    for step in range(_STEPS):
        # A shake adds twice the velocity turned by π ± ½ rad, which about reverses it.
        turned = torch.stack([-velocity[:, 1], velocity[:, 0]], 1)
        shake = cosine[:, step, None] * velocity + sine[:, step, None] * turned
        velocity = velocity + shake + pushes[:, step] - pull * position
        velocity = velocity * (speed / velocity.norm(dim=1, keepdim=True))
        position = position + velocity
        positions.append(position)
    return torch.stack(positions, 1)


def rasterise(path: Tensor, size: int) -> Tensor:
    """Spread each sample over its four nearest pixels bilinearly, and normalise to sum 1.

    Parameters
    ----------
    path : Tensor, shape (N, samples, 2)
        Rows and columns, in pixels.
    size : int

    Returns
    -------
    Tensor, shape (N, size, size)
    """
    corner = path.floor()
    fraction = path - corner
    image = path.new_zeros(len(path), size * size)
    for down in (0, 1):
        for right in (0, 1):
            row, col = corner[..., 0].long() + down, corner[..., 1].long() + right
            weight = (fraction[..., 0] if down else 1 - fraction[..., 0]) * (
                fraction[..., 1] if right else 1 - fraction[..., 1]
            )
            inside = (row >= 0) & (row < size) & (col >= 0) & (col < size)
            flat = row.clamp(0, size - 1) * size + col.clamp(0, size - 1)
            image.scatter_add_(1, flat, weight * inside)
    image = image.view(-1, size, size)
    return image / image.sum((1, 2), keepdim=True)
