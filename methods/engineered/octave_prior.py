"""What the engineered priors share: kernel by an Octave function, image by total variation.

A method names its Octave function and its section of ``octave_prior.toml``, where the parameters of
each class of images stand, chosen on development images (``tune_octave.py``). The functions are
called with all images of a batch at once; what they do is described in their files.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.fft import next_fast_len
from torch import Tensor

from bench.checksums import checksum, code_checksum
from bench.errors import InvalidInput
from bench.files import read_toml
from bench.methods.engineered.octave_program import find_octave
from bench.methods.engineered.octave_session import FOLDER, session
from bench.methods.noise_level import loudness
from bench.methods.photographs.window import WINDOW, textured_window, window_side
from bench.physics.forward import blur, circular_residual, valid_part
from bench.physics.intensity import LUMA
from bench.protocol import Knowledge, Method, Restoration, Task, check_observation

PARAMETERS = Path(__file__).with_suffix(".toml")
Value = float | list[float]
VARIED = ("edges", "iterations", "alpha_growth")
"""Parameters that may be lists: of a kernel each, of which the best is kept."""
# Octave is killed after this many seconds per 64×64 pixels of a batch, many times the usual.
SECONDS_PER_PATCH = 60.0


class OctavePrior(Method):
    """A blind method that runs in Octave; see the module.

    Parameters
    ----------
    task : Task
    **overrides : float
        Replace tuned parameters by name, such as ``dark=0`` (no dark channel).

    Raises
    ------
    InvalidInput
        If an override is no parameter of the method.

    Attributes
    ----------
    section : str
        The method's part of the parameter file.
    kernel_function : str
        Octave function from observations and settings to kernels.
    """

    section: ClassVar[str]
    microseconds: ClassVar[tuple[float, float]] = (125, 24)
    kernel_function: ClassVar[str]
    knows: ClassVar[Knowledge] = Knowledge(
        kernel_size=True,
        boundary=True,
        image_class=True,
        training="parameters tuned on at most 80 development images per class",
    )
    batch_size: ClassVar[int] = 16

    def __init__(self, task: Task, **overrides: Value) -> None:
        super().__init__(task)
        self.settings = self.tuned(task)
        unknown = sorted(set(overrides) - set(self.settings))
        if unknown:
            raise InvalidInput(
                f"{unknown[0]!r} is no parameter of {type(self).__name__}; "
                f"it has {', '.join(sorted(self.settings))}."
            )
        self.settings |= overrides

    @classmethod
    def tuned(cls, task: Task) -> dict[str, Value]:
        """Return the tuned parameters for a task."""
        return settings_for(cls.section, task)

    @classmethod
    def check_available(cls, task: Task) -> None:
        """Raise ``Unavailable`` if Octave is missing; Octave is not started."""
        find_octave()

    @classmethod
    def assets(cls, task: Task) -> Mapping[str, str]:
        """Return the checksums of the Octave functions that decide, in one, and of the
        parameters; and the side of the window that the kernel is estimated on, if there is one."""
        used = functions_reached_from(cls.kernel_function, "restore_image", "extend_boundary")
        functions = [f"{name}.m {code_checksum(FOLDER / f'{name}.m')}\n" for name in used]
        found = {
            "octave/*.m": checksum("".join(functions)),
            PARAMETERS.name: checksum(json.dumps(cls.tuned(task), sort_keys=True)),
        }
        cut = window_side(WINDOW, task.kernel_size, task.image_size)
        if task.boundary == "free" and cut is not None:
            found["window"] = str(cut)
        return found

    @classmethod
    def parameter_names(cls) -> list[str]:
        """Return the names that overrides can have."""
        sections = _parameters()
        return sorted(sections["default"] | sections[cls.section]["default"])

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
        residual = circular_residual(y, image, kernel, self.task.boundary)
        return Restoration(
            image,
            kernel,
            iterations=int(sum(each["iterations"] for each in variants(self.settings))),
            residual=residual,
        )

    def estimate_kernel(self, observation: Tensor) -> Tensor:
        """Estimate the kernels from the grey observations.

        Where parameters of ``VARIED`` are lists, a kernel is estimated with each of their values,
        and an image keeps the one whose restored image explains it best. Blind estimation has many
        fixed points; which of them it reaches can turn on the last digit of an observation, and
        the non-blind step's residual tells good ones from bad.

        Parameters
        ----------
        observation : Tensor, float32, shape (N, C, H, W), in [0, 1]

        Returns
        -------
        Tensor, float32, shape (N, kh, kw)
            Non-negative, summing to 1, origin at ``(kh // 2, kw // 2)``, centroid at
            ``((kh - 1) / 2, (kw - 1) / 2)``.
        """
        observation, _ = self.prepared(observation)
        array, settings = self._octave_input(observation)
        found = [self._kernels(array, {**settings, **each}) for each in variants(settings)]
        kernels = torch.stack([kernel.to(observation) for kernel in found])
        if len(kernels) == 1:
            return kernels[0]
        misfits = torch.stack([self.misfit(observation, kernel) for kernel in kernels])
        return kernels[misfits.argmin(0), torch.arange(len(observation))]

    def _kernels(self, array: np.ndarray, settings: Mapping[str, Any]) -> Tensor:
        kernel = self._call(self.kernel_function, array, settings)
        kernel = np.reshape(kernel, (*self.task.kernel_size, array.shape[2]))
        return torch.from_numpy(np.moveaxis(kernel, -1, 0).copy())

    def misfit(self, observation: Tensor, kernel: Tensor) -> Tensor:
        """Return the mean squared residual of the image that the non-blind step ends with.

        Parameters
        ----------
        observation : Tensor, float32, shape (N, C, H, W), in [0, 1]
        kernel : Tensor, shape (N, kh, kw)

        Returns
        -------
        Tensor, shape (N,)
        """
        image = self.restore(observation, kernel)
        if self.task.boundary == "free":
            size = (int(kernel.shape[1]), int(kernel.shape[2]))
            residual = valid_part(observation, size) - blur(image, kernel, "valid")
        else:
            residual = observation - blur(image, kernel)
        return residual.square().mean((1, 2, 3))

    def restore(self, observation: Tensor, kernel: Tensor) -> Tensor:
        """Deconvolve with known kernels: the method's own non-blind step.

        The weight of the total variation was tuned at 1 % of noise; it grows in proportion to the
        noise measured beyond that, without which the restored image is the noise, amplified.

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
        y, further = self.prepared(y)
        array = y.permute(2, 3, 1, 0).double().cpu().numpy()
        kernels = kernel.permute(1, 2, 0).double().cpu().numpy()
        weight = np.asarray(self.settings["tv_weight"]) * loudness(y).double().cpu().numpy()
        settings = {
            **self.settings,
            "tv_weight": weight.reshape(1, 1, 1, -1),
            "free": self.task.boundary == "free",
            **further,
        }
        image = np.reshape(self._call("restore_image", array, kernels, settings), array.shape)
        return torch.from_numpy(image.transpose(3, 2, 0, 1).copy()).to(y).clamp(0, 1)

    def prepared(self, observation: Tensor) -> tuple[Tensor, dict[str, Any]]:
        """Return the observations to work on, and further settings for the non-blind step."""
        return observation, {}

    def _octave_input(self, observation: Tensor) -> tuple[np.ndarray, dict[str, Any]]:
        """Return the grey observations as a periodic array (H, W, N), and all settings.

        With free boundaries they are cut to their most textured windows.
        """
        y = check_observation(observation, self.task)
        grey = y[:, 0]
        if y.shape[1] == 3:
            grey = torch.einsum("nchw,c->nhw", y, y.new_tensor(LUMA))
        size, boundary = self.task.kernel_size, self.task.boundary
        if boundary == "free":
            grey = torch.stack([textured_window(each, WINDOW, size, boundary)[0] for each in grey])
        shown = (int(grey.shape[1]), int(grey.shape[2]))
        array = grey.permute(1, 2, 0).double().cpu().numpy()
        if boundary == "free":
            array = self._call("extend_boundary", array, *_extended_size(shown, size))
            array = np.reshape(array, (*array.shape[:2], len(y)))
        known = {"kernel_size": size, "margin": (np.array(array.shape[:2]) - shown) / 2}
        return array, self.settings | known

    def _call(self, function: str, array: np.ndarray, *arguments: Any, outputs: int = 1) -> Any:
        pixels = max(array.size, 64 * 64)
        limit = 60 + SECONDS_PER_PATCH * pixels / (64 * 64)
        found = session().call(function, array, *arguments, outputs=outputs, time_limit=limit)
        return np.asarray(found) if outputs == 1 else found


def _extended_size(shown: tuple[int, int], kernel: tuple[int, int]) -> tuple[int, ...]:
    """At least the sum of both sizes: even, and fast to transform.

    274 = 2 · 137 pixels take 2.8 times as long as 280 = 2³ · 5 · 7, whose halves and
    ``sqrt(1/2)`` shares on the pyramid's coarser levels are fast too.
    """
    return tuple(
        2 * next_fast_len(-(-sum(sides) // 2)) for sides in zip(shown, kernel, strict=True)
    )


def variants(settings: Mapping[str, Any]) -> list[dict[str, float]]:
    """Return the parameters of ``VARIED`` for each kernel that an image is estimated.

    Raises
    ------
    InvalidInput
        If two of them are lists of different lengths.
    """
    values = {name: settings[name] for name in VARIED}
    lengths = {len(value) for value in values.values() if isinstance(value, list)}
    if len(lengths) > 1:
        raise InvalidInput(
            f"Of {', '.join(VARIED)} some are lists of {' and '.join(map(str, sorted(lengths)))} "
            "values; give lists of one length, or numbers."
        )
    return [
        {name: value[i] if isinstance(value, list) else value for name, value in values.items()}
        for i in range(max(lengths, default=1))
    ]


@functools.cache
def _parameters() -> dict[str, Any]:
    return read_toml(PARAMETERS)


def settings_for(method: str, task: Task) -> dict[str, Value]:
    """Return the tuned parameters of a method for a task.

    Parameters
    ----------
    method : str
        Its section of the parameter file.
    task : Task
        Its class chooses the part of the section; observations with free boundaries and classes
        nobody tuned for use ``free`` and ``natural``.

    Returns
    -------
    dict of str to float or list of float
        A copy: what all methods start from, the method's own values, and the tuned ones over them.
    """
    sections = _parameters()
    own = sections[method]
    name = "free" if task.boundary == "free" else task.image_class
    return {**sections["default"], **own["default"], **own.get(name, own["natural"])}


@functools.cache
def functions_reached_from(*names: str) -> tuple[str, ...]:
    """Return the Octave functions of ours that these call, directly or not, and themselves.

    So that a change of one method's function leaves the other methods' results valid.

    Parameters
    ----------
    *names : str
        Functions in ``octave``.

    Returns
    -------
    tuple of str
        Sorted names.
    """
    ours = {path.stem for path in FOLDER.glob("*.m")}
    reached: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        reached.add(name)
        code = re.sub(r"%.*", "", (FOLDER / f"{name}.m").read_text(encoding="utf-8"))
        waiting |= (ours & set(re.findall(r"\w+", code))) - reached
    return tuple(sorted(reached))
