"""Restoring a photograph: what is not known is measured, and what is doubtful is said.

The kernel is estimated from the most textured window, at all sizes of a ladder where none was
given, and the whole photograph is restored with it in tiles. Methods that do not estimate a kernel
apart from the image get the photograph as a whole.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, cast

import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.photo.doubts import doubts, explained, unexplained
from bench.photo.effort import Effort
from bench.photo.evidence import Evidence
from bench.photo.kernel_size import Candidate, search, sizes_for
from bench.photo.noise import WINDOW, measured_noise
from bench.photo.tiles import TILE, restore_in_tiles
from bench.physics.intensity import luma
from bench.physics.texture import most_textured
from bench.protocol import Boundary, Restoration, Task
from bench.registry import METHODS

Progress = Callable[[float, str], None]

SEARCHER = "sparse-edges"
"""The method that estimates kernels of all sizes: the fastest."""
AUTOMATIC = "auto"
LARGEST_TOLD = 28
"""Kernel size that a method is told which has to be told one, where none was given: the paper's."""
MARGIN = 0.005
"""Evidence per pixel that another method's kernel may lack before larger sizes are tried."""


class KernelEstimator(Protocol):
    """A method that estimates a kernel apart from restoring the image with it.

    Attributes
    ----------
    microseconds : (float, float)
        Of a core that a pixel takes: estimating a kernel of 21 pixels from it, and restoring it.
        How long a photograph will take is reckoned from their ratio.
    """

    microseconds: ClassVar[tuple[float, float]]

    def estimate_kernel(self, observation: Tensor) -> Tensor:
        """Estimate kernels (N, kh, kw) of observations (N, C, H, W)."""

    def restore(self, observation: Tensor, kernel: Tensor) -> Tensor:
        """Restore images (N, C, H, W) from observations (N, C, H, W) and kernels (N, kh, kw)."""


@dataclasses.dataclass(frozen=True)
class Deblurred:
    """What became of a photograph.

    Attributes
    ----------
    image : Tensor, shape (C, H, W), in [0, 1]
    kernel : Tensor or None, shape (kh, kw)
    method : str
    noise : float
        As told or measured.
    candidates : tuple of Candidate
        The sizes that were tried, the best first; empty where the size was given.
    residual : float
        Root mean square of what the kernel and the restored window leave unexplained; NaN without
        a kernel.
    gain : float
        Evidence per pixel of the kernel beyond the one that blurs nothing; NaN without a kernel.
    warnings : tuple of str
    """

    image: Tensor
    kernel: Tensor | None
    method: str
    noise: float
    candidates: tuple[Candidate, ...] = ()
    residual: float = float("nan")
    gain: float = float("nan")
    warnings: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Request:
    """What is wished for a photograph.

    Attributes
    ----------
    method : str
        A method's name, or ``auto``.
    parameters : Mapping
        The method's own.
    kernel_size : int or None
        Side of the kernel in pixels; None has it searched.
    noise : float or None
        Standard deviation in units of the image range; None has it measured.
    boundary : {"free", "circular"}
    image_class : str
    seed : int
    device : str
    """

    method: str = AUTOMATIC
    parameters: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    kernel_size: int | None = None
    noise: float | None = None
    boundary: Boundary = "free"
    image_class: str = "natural"
    seed: int = 0
    device: str = "cpu"


def deblur(
    image: Tensor,
    request: Request,
    whole: Callable[[Tensor, str, dict[str, Any], Task], Restoration],
    progress: Progress = lambda share, what: None,
) -> Deblurred:
    """Restore a photograph as it is wished.

    Parameters
    ----------
    image : Tensor, shape (C, H, W), in [0, 1]
    request : Request
    whole : callable
        Restores a whole image by a method that does not estimate its kernel apart.
    progress : callable
        Told the share of the work that is done, in [0, 1], and what is going on.

    Raises
    ------
    BenchError
        If the method is unknown or cannot be used here.
    """
    channels, height, width = image.shape
    noise = measured_noise(image) if request.noise is None else request.noise
    bound = request.kernel_size or min(LARGEST_TOLD, height, width)
    task = Task(
        image_class=request.image_class,
        image_size=(height, width),
        channels=channels,
        kernel_size=(bound, bound),
        noise=noise,
        boundary=request.boundary,
        device=request.device,
        seed=request.seed,
    )
    method = automatic(task) if request.method == AUTOMATIC else request.method
    parameters = dict(request.parameters)
    if estimates_kernels(method):
        known = request.kernel_size is not None
        return deblur_photograph(image, task, method, parameters, known, progress)
    grey = channels == 1
    if grey:  # such methods have mostly learned from colour
        image, task = image.expand(3, -1, -1), dataclasses.replace(task, channels=3)
    restoration = whole(image, method, parameters, task)
    restored = restoration.image[0].cpu()
    kernel = None if restoration.kernel is None else restoration.kernel[0].cpu()
    return Deblurred(restored.mean(0, keepdim=True) if grey else restored, kernel, method, noise)


def estimates_kernels(name: str) -> bool:
    """Return whether a method of the project's own estimates kernels apart from restoring
    images."""
    if METHODS.entry(name).origin != "bench":
        return False
    cls = METHODS.load(name)
    return hasattr(cls, "estimate_kernel") and hasattr(cls, "restore")


def automatic(task: Task) -> str:
    """Choose a method for a task: a class's own where its images are what the class has."""
    sizes = {"svhn": (32, 32), "celeba": (64, 64), "shoes": (64, 64)}
    if task.boundary == "circular" and sizes.get(task.image_class) == task.image_size:
        return "marginal-tv" if task.image_class == "shoes" else "marginal"
    return SEARCHER


def deblur_photograph(
    image: Tensor,
    task: Task,
    method: str,
    parameters: dict[str, Any],
    known_size: bool,
    progress: Progress = lambda share, what: None,
) -> Deblurred:
    """Restore a photograph by a method that estimates kernels.

    Parameters
    ----------
    image : Tensor, shape (C, H, W), in [0, 1]
    task : Task
        Of the whole photograph; its kernel size is only a bound where ``known_size`` is False.
    method : str
    parameters : dict
        The method's own.
    known_size : bool
    progress : callable
        Told the share of the work that is done and what is going on.
    """
    rows, cols = most_textured(luma(image[None])[0, 0], WINDOW)
    window = image[None, :, rows, cols].contiguous()
    height, width = int(window.shape[-2]), int(window.shape[-1])
    task = dataclasses.replace(task, image_size=(height, width))
    evidence = Evidence(luma(window)[0, 0].cpu(), task.noise)
    estimator = _Estimator(window, task)
    sizes = (task.kernel_size[0],) if known_size else sizes_for((height, width))
    searcher = method if known_size else SEARCHER
    effort = Effort(progress, height * width, image.shape[-2] * image.shape[-1])
    effort.plan(searcher, sizes, method)
    own = parameters if searcher == method else {}
    candidates = search(
        lambda size: estimator(searcher, own, size),
        evidence,
        sizes,
        lambda kernel: estimator.restored(searcher, own, kernel),
        lambda restored, kernel: explained(unexplained(window, restored, kernel), task.noise),
        effort.size_done,
    )
    if searcher != method:
        candidates = _by_another(estimator, method, parameters, evidence, candidates)
    effort.kernel_done()
    best = candidates[0]
    restored = _whole(image, task, method, parameters, best, effort.image_done)
    residual = unexplained(window, restored[None, :, rows, cols], best.kernel)
    gain = best.evidence - evidence.of(None)
    return Deblurred(
        restored,
        best.kernel,
        method,
        task.noise,
        () if known_size else tuple(candidates),
        residual,
        gain,
        tuple(doubts(best, residual, gain, task.noise, known_size, candidates)),
    )


def _whole(
    image: Tensor,
    task: Task,
    method: str,
    parameters: dict[str, Any],
    best: Candidate,
    progress: Callable[[float], None],
) -> Tensor:
    """Restore a whole photograph (C, H, W) with the chosen kernel, in tiles if it has borders."""

    def restore(piece: Tensor) -> Tensor:
        size = (int(piece.shape[-2]), int(piece.shape[-1]))
        kernel_size = (int(best.kernel.shape[0]), int(best.kernel.shape[1]))
        its = dataclasses.replace(task, image_size=size, kernel_size=kernel_size)
        with torch.no_grad():
            return _solved(method, its, parameters, lambda m: m.restore(piece, best.kernel[None]))

    if task.boundary == "circular":
        return restore(image[None])[0]
    return restore_in_tiles(image, 2 * best.size, restore, progress, TILE)


class _Estimator:
    """Kernels of a window by any method at any size."""

    def __init__(self, window: Tensor, task: Task) -> None:
        self.window, self.task = window, task

    def __call__(self, method: str, parameters: dict[str, Any], size: int) -> Tensor:
        task = dataclasses.replace(self.task, kernel_size=(size, size))
        if size > min(task.image_size):
            raise InvalidInput(
                f"A kernel of {size}×{size} pixels is larger than the image of "
                f"{task.image_size[0]}×{task.image_size[1]}; give a smaller --kernel-size."
            )
        kernel: Tensor = _solved(method, task, parameters, lambda m: m.estimate_kernel(self.window))
        return kernel[0].float().cpu()

    def restored(self, method: str, parameters: dict[str, Any], kernel: Tensor) -> Tensor:
        """Return the window restored with a kernel."""
        size = (int(kernel.shape[0]), int(kernel.shape[1]))
        task = dataclasses.replace(self.task, kernel_size=size)
        return _solved(method, task, parameters, lambda m: m.restore(self.window, kernel[None]))


def _solved(
    name: str, task: Task, parameters: dict[str, Any], use: Callable[[KernelEstimator], Tensor]
) -> Tensor:
    cls = cast(Any, METHODS.load(name))
    cls.check_available(task)
    solver = cls(task, **parameters)
    try:
        return use(solver)
    finally:
        solver.close()


def _by_another(
    estimator: _Estimator,
    method: str,
    parameters: dict[str, Any],
    evidence: Evidence,
    found: list[Candidate],
) -> list[Candidate]:
    """Take another method's kernel at the size that was found, or at larger ones if it fails."""
    best = found[0]
    tried: list[Candidate] = []
    for factor in (1.0, 1.5, 2.0):
        size = int(best.size * factor) | 1
        if size > min(estimator.task.image_size) // 2:
            break
        kernel = estimator(method, parameters, size)
        tried.append(Candidate(size, kernel, evidence.of(kernel)))
        if tried[-1].evidence >= best.evidence - MARGIN:
            break
    return sorted(tried, key=lambda candidate: -candidate.evidence) or found
