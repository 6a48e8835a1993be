"""Restore a photograph."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from bench.api._images import ImageLike, as_image
from bench.errors import BenchError, InvalidInput, MethodFailed
from bench.harness import apart, interview, plan
from bench.photo import deblurring
from bench.physics.answers import check_restoration
from bench.physics.condition import Condition
from bench.protocol import Boundary, Method, Restoration, Task, check_observation
from bench.registry import METHODS


def deblur(
    image: ImageLike,
    method: str = "auto",
    *,
    kernel_size: int | None = None,
    noise: float | None = None,
    boundary: Boundary = "free",
    image_class: str = "natural",
    seed: int = 0,
    device: str = "cpu",
    **parameters: bool | int | float | str,
) -> Restoration:
    """Restore one photograph with a blind method.

    Parameters
    ----------
    image : path, array (H, W) or (H, W, C), or tensor (H, W) or (C, H, W)
        In [0, 1], or integers of 8 or 16 bits.
    method : str
        ``auto`` takes ``sparse-edges``, and for images of a class in that class's size the best
        that has learned it.
    kernel_size : int, optional
        Side of the kernel's support in pixels; None has it searched.
    noise : float, optional
        Standard deviation of the noise in units of the image range; None has it measured.
    boundary : {"free", "circular"}
    image_class : str
        Of a method that needs one: ``svhn``, ``shoes``, ``celeba`` or ``natural``.
    seed : int
    device : str
    **parameters
        The method's own.

    Returns
    -------
    Restoration
        ``image`` of shape (1, C, H, W) and, where the method estimates one, ``kernel``.

    Raises
    ------
    BenchError
        If the method is unknown, needs the truth, cannot be used on such an image, or returns what
        is no image. What a method of the project or of this session raises itself is passed on;
        an installed plugin runs in a process of its own, and what it raises is told in a
        ``MethodFailed``.

    Warns
    -----
    UserWarning
        If no kernel explains the photograph.
    """
    request = deblurring.Request(
        method, parameters, kernel_size, noise, boundary, image_class, seed, device
    )
    found = restore_photograph(as_image(image), request)
    for warning in found.warnings:
        warnings.warn(warning, stacklevel=2)
    return Restoration(found.image[None], None if found.kernel is None else found.kernel[None])


def restore_photograph(
    image: Tensor,
    request: deblurring.Request,
    progress: deblurring.Progress = lambda share, what: None,
) -> deblurring.Deblurred:
    """Restore an image (C, H, W) as it is wished, and say what was found; see :func:`deblur`.

    Raises
    ------
    BenchError
        As for :func:`deblur`.
    """
    if request.noise is not None:
        Condition(request.noise)  # refuses a noise out of range
    if request.method != deblurring.AUTOMATIC:
        _check_method(request.method, request.parameters)
    found = deblurring.deblur(image, request, whole, progress)
    if not bool(found.image.isfinite().all()):
        raise MethodFailed(f"{found.method} failed: it returned NaN or infinite pixels.")
    return found


def _check_method(method: str, parameters: Mapping[str, Any]) -> None:
    about = interview.describe(method)
    if about.kind != "method":
        raise BenchError(
            f"{method!r} is of the kind {about.kind!r}, which needs the truth or published "
            "outputs; choose a blind method from 'python -m bench list methods'."
        )
    if unknown := [key for key in parameters if key not in about.parameters]:
        known = ", ".join(about.parameters) or "none"
        raise InvalidInput(f"{method!r} has no parameter {unknown[0]!r}; it has: {known}.")


def whole(observation: Tensor, method: str, parameters: dict[str, Any], task: Task) -> Restoration:
    """Restore one observation (C, H, W) as a whole by a method with its parameters."""
    batch = check_observation(observation[None], task)
    if METHODS.entry(method).origin not in interview.TRUSTED:
        spec = plan.MethodSpec(method, tuple(sorted(parameters.items())))
        return apart.restore(batch[0], spec, task)
    cls = METHODS.load(method)
    cls.check_available(task)
    solver = cls(task, **parameters)
    assert isinstance(solver, Method)
    try:
        return check_restoration(solver.deblur(batch.clone()), batch)
    finally:
        solver.close()
