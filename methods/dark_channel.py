"""Blind deblurring with the dark channel prior, computed in GNU Octave.

The algorithm and what it changes of the published one are described in
``methods/octave/dark_channel_kernel.m``; the parameters of each class of images stand in
``methods/dark_channel.toml``, chosen on development images (``methods.tune_dark_channel``).
"""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from bench.errors import InvalidInput
from bench.forward import blur
from bench.protocol import Knowledge, Method, Restoration, Task, check_observation
from methods.octave_session import FOLDER, find_octave, session

PARAMETERS = Path(__file__).with_suffix(".toml")
LUMA = (0.299, 0.587, 0.114)
# Octave is killed after this many seconds per 64×64 pixels of a batch, many times the usual.
SECONDS_PER_PATCH = 60.0


class DarkChannel(Method):
    """Pan, Sun, Pfister and Yang's method: kernel by dark channel, image by total variation.

    Parameters
    ----------
    task : Task
    **overrides : float
        Replace tuned parameters by name, such as ``dark=0`` (no dark channel).

    Raises
    ------
    InvalidInput
        If an override is no parameter of the method.
    """

    version: ClassVar[str] = "2"
    knows: ClassVar[Knowledge] = Knowledge(
        kernel_size=True,
        boundary=True,
        image_class=True,
        training="parameters tuned on at most 48 development images per class",
    )
    batch_size: ClassVar[int] = 16
    reference: ClassVar[str] = (
        "J. Pan, D. Sun, H. Pfister, M.-H. Yang, Blind Image Deblurring Using Dark Channel Prior, "
        "CVPR 2016"
    )

    def __init__(self, task: Task, **overrides: float) -> None:
        super().__init__(task)
        self.settings = settings_for(task)
        unknown = sorted(set(overrides) - set(self.settings))
        if unknown:
            raise InvalidInput(
                f"{unknown[0]!r} is no parameter of the dark channel method; "
                f"it has {', '.join(sorted(self.settings))}."
            )
        self.settings |= overrides

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Raise ``Unavailable`` if Octave is missing; Octave is not started."""
        find_octave()

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the checksums of the Octave functions, in one, and of the tuned parameters."""
        # One entry, for tables print every asset; benchmarks determine no result.
        functions = hashlib.sha256()
        for path in sorted(FOLDER.glob("*.m")):
            if not path.name.startswith("benchmark_"):
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                functions.update(f"{path.name} {content}\n".encode())
        parameters = hashlib.sha256(PARAMETERS.read_bytes()).hexdigest()
        return {"octave/*.m": functions.hexdigest(), PARAMETERS.name: parameters}

    @classmethod
    def parameter_names(cls) -> list[str]:
        """Return the names that overrides can have."""
        return sorted(_parameters()["default"])

    def close(self) -> None:
        """End this process's Octave."""
        session().close()

    def deblur(self, observation: Tensor) -> Restoration:
        """Estimate the kernels and restore the images.

        Parameters
        ----------
        observation : Tensor, float32, shape (N, C, H, W), in [0, 1]

        Returns
        -------
        Restoration
            With the image (N, C, H, W), the kernel (N, kh, kw) and, for circular boundaries, the
            residual.
        """
        y = check_observation(observation, self.task)
        kernel = self.estimate_kernel(y)
        image = self.restore(y, kernel)
        residual = None
        if self.task.boundary == "circular":
            residual = (y - blur(image, kernel)).square().mean((1, 2, 3)).sqrt()
        return Restoration(
            image, kernel, iterations=int(self.settings["iterations"]), residual=residual
        )

    def estimate_kernel(self, observation: Tensor) -> Tensor:
        """Estimate the kernels from the grey observations.

        Parameters
        ----------
        observation : Tensor, float32, shape (N, C, H, W), in [0, 1]

        Returns
        -------
        Tensor, float32, shape (N, kh, kw)
            Non-negative, summing to 1, origin at ``(kh // 2, kw // 2)``, barycentre at
            ``((kh - 1) / 2, (kw - 1) / 2)``.
        """
        y = check_observation(observation, self.task)
        grey = y[:, 0]
        if y.shape[1] == 3:
            grey = torch.einsum("nchw,c->nhw", y, y.new_tensor(LUMA))
        array = grey.permute(1, 2, 0).double().cpu().numpy()
        if self.task.boundary == "free":
            array = self._call("extend_boundary", array, *self._extended_size())
            array = np.reshape(array, (*array.shape[:2], len(y)))
        extended = np.array(array.shape[:2]) - np.array(self.task.image_size)
        settings = {**self.settings, "kernel_size": self.task.kernel_size, "margin": extended / 2}
        kernel = self._call("dark_channel_kernel", array, settings)
        kernel = np.reshape(kernel, (*self.task.kernel_size, len(y)))
        return torch.from_numpy(np.moveaxis(kernel, -1, 0).copy()).to(y)

    def restore(self, observation: Tensor, kernel: Tensor) -> Tensor:
        """Deconvolve with known kernels: the method's own final step.

        Parameters
        ----------
        observation : Tensor, float32, shape (N, C, H, W), in [0, 1]
        kernel : Tensor, shape (N, kh, kw)
            From any estimator, in the forward model's centring.

        Returns
        -------
        Tensor, float32, shape (N, C, H, W), in [0, 1]
        """
        y = check_observation(observation, self.task)
        if kernel.ndim != 3 or len(kernel) != len(y):
            raise InvalidInput(
                f"The kernels have shape {tuple(kernel.shape)}; "
                f"({len(y)}, kh, kw) is expected for {len(y)} observations."
            )
        array = y.permute(2, 3, 1, 0).double().cpu().numpy()
        kernels = kernel.permute(1, 2, 0).double().cpu().numpy()
        weight, steps = self.settings["tv_weight"], self.settings["tv_steps"]
        options: tuple[float, ...]
        if self.task.boundary == "free":
            name, options = "deconvolve_tv_free", (weight, self.settings["tv_exponent"], steps)
        else:
            name, options = "deconvolve_tv", (weight, steps)
        image = np.reshape(self._call(name, array, kernels, *options), array.shape)
        return torch.from_numpy(image.transpose(3, 2, 0, 1).copy()).to(y).clamp(0, 1)

    def _extended_size(self) -> tuple[int, ...]:
        """Image size plus kernel size, made even: even sizes keep transforms fast."""
        sizes = zip(self.task.image_size, self.task.kernel_size, strict=True)
        return tuple(image + kernel + (image + kernel) % 2 for image, kernel in sizes)

    def _call(self, function: str, array: np.ndarray, *arguments: Any) -> np.ndarray:
        pixels = max(array.size, 64 * 64)
        limit = 60 + SECONDS_PER_PATCH * pixels / (64 * 64)
        return np.asarray(session().call(function, array, *arguments, time_limit=limit))


@functools.cache
def _parameters() -> dict[str, dict[str, float]]:
    return tomllib.loads(PARAMETERS.read_text(encoding="utf-8"))


def settings_for(task: Task) -> dict[str, float]:
    """Return the tuned parameters for a task.

    Parameters
    ----------
    task : Task
        Its class chooses the section of the parameter file; observations with free boundaries
        and classes nobody tuned for use ``free`` and ``natural``.

    Returns
    -------
    dict of str to float
        A copy: the published values with the tuned ones over them.
    """
    sections = _parameters()
    name = "free" if task.boundary == "free" else task.image_class
    return sections["default"] | sections.get(name, sections["natural"])
