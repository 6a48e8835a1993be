"""A deepinv reconstructor as a method.

deepinv's reconstructors are told the forward operator. A blind method has none, so either the
reconstructor does without (it is given the identity with the task's noise), or a kernel estimator
of this benchmark comes first and the reconstructor is its non-blind step.

References
----------
J. Tachella et al., "DeepInverse: A Python package for solving imaging inverse problems with deep
learning", Journal of Open Source Software, 2025; https://deepinv.github.io.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.errors import InvalidInput, Unavailable
from bench.physics.forward import valid_part
from bench.protocol import Knowledge, Method, Restoration, Task, check_observation
from bench.registry import METHODS


def from_deepinv(
    make: Callable[[Task], nn.Module],
    *,
    estimator: str = "",
    title: str = "",
    code_version: str = "1",
) -> type[Method]:
    """Make a method class of a deepinv reconstructor.

    Parameters
    ----------
    make : callable
        Takes the task and returns the reconstructor, called as ``reconstructor(y, physics)``.
    estimator : str
        A registered blind method whose kernel becomes the physics: ``BlurFFT`` where the boundary
        is circular, else ``Blur`` with valid padding, whose larger images are cropped. Without one
        the physics is the identity with Gaussian noise.
    title : str
        Full name for tables.
    code_version : str
        Raise it whenever results change.

    Returns
    -------
    type of Method
        Unavailable where deepinv is not installed.

    Examples
    --------
    ::

        import deepinv
        import bench
        from bench.adapters.deepinv import from_deepinv

        def wiener(task):
            return deepinv.models.ArtifactRemoval(torch.nn.Identity(), mode="pinv")

        bench.METHODS.register("wiener")(from_deepinv(wiener, estimator="sparse-edges"))
        bench.run("wiener", "photos", images=4, workers=1)
    """

    class Reconstructor(Method):
        """The reconstructor as a method."""

        version: ClassVar[str] = code_version
        knows: ClassVar[Knowledge] = Knowledge(
            noise=True, boundary=bool(estimator), kernel_size=bool(estimator)
        )

        @classmethod
        def check_available(cls, task: Task) -> None:
            """Ask for deepinv, and for the kernel estimator."""
            if importlib.util.find_spec("deepinv") is None:
                raise Unavailable("This method needs deepinv: pip install deepinv.")
            if estimator:
                METHODS.load(estimator).check_available(task)

        def deblur(self, observation: Tensor) -> Restoration:
            """Estimate kernels if there is an estimator, and reconstruct image by image."""
            y = check_observation(observation, self.task)
            kernel = _kernels(estimator, self.task, y) if estimator else None
            model = make(self.task).to(y.device).eval()
            images = []
            for index in range(len(y)):
                one = None if kernel is None else kernel[index]
                with torch.no_grad():
                    found = model(y[index : index + 1], _physics(self.task, y, one))
                images.append(_fitted(found, y))
            return Restoration(torch.cat(images).clamp(0, 1), kernel)

    name = title or getattr(make, "__name__", "reconstructor").strip("<>")
    Reconstructor.__name__ = Reconstructor.__qualname__ = name
    Reconstructor.title = name
    return Reconstructor


def _kernels(estimator: str, task: Task, y: Tensor) -> Tensor:
    method = METHODS.load(estimator)(task)
    if not isinstance(method, Method):
        raise InvalidInput(f"{estimator!r} is of the kind {method.kind!r}, no blind estimator.")
    try:
        kernel = method.deblur(y.clone()).kernel
    finally:
        method.close()
    if kernel is None:
        raise InvalidInput(f"{estimator!r} estimates no kernel; choose a method that does.")
    return kernel.to(y)


def _physics(task: Task, y: Tensor, kernel: Tensor | None) -> Any:
    """The forward operator as deepinv writes it; its convolution and centring are ours."""
    import deepinv

    noise = deepinv.physics.GaussianNoise(sigma=float(task.noise or 0.0))
    size = tuple(int(side) for side in y.shape[1:])
    if kernel is None:
        return deepinv.physics.Denoising(noise)
    if task.boundary == "circular":
        return deepinv.physics.BlurFFT(
            img_size=size, filter=kernel[None, None], noise_model=noise, device=str(y.device)
        )
    height, width = kernel.shape
    odd = functional.pad(kernel, (0, 1 - width % 2, 0, 1 - height % 2))
    return deepinv.physics.Blur(
        filter=odd[None, None], padding="valid", noise_model=noise, device=str(y.device)
    )


def _fitted(found: Tensor, y: Tensor) -> Tensor:
    """Crop what a valid convolution adds around the observation."""
    if found.shape[-2:] == y.shape[-2:]:
        return found
    reach = tuple(int(a - b + 1) for a, b in zip(found.shape[-2:], y.shape[-2:], strict=True))
    if found.ndim != 4 or min(reach) < 1:
        raise InvalidInput(
            f"The reconstructor returned an image of shape {tuple(found.shape)} for an observation "
            f"of shape {(1, *y.shape[1:])}."
        )
    return valid_part(found, (reach[0], reach[1]))
