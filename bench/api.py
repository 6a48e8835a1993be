"""The benchmark from Python: what the command line does, in a notebook.

>>> import bench
>>> observed = bench.load("photos")[0]
>>> tuple(observed.observation.shape)
(3, 64, 64)
>>> scores = bench.score(observed.observation, observed.sample.image)
>>> f"{scores['psnr']:.1f} dB"
'14.9 dB'
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bench import metrics, photo
from bench.errors import BenchError, InvalidInput, MethodFailed
from bench.files import write_atomically
from bench.harness import apart, interview, plan
from bench.photo import deblurring
from bench.physics.answers import check_restoration
from bench.physics.observation import Condition, Observed, effective, observe
from bench.protocol import (
    Alignment,
    Boundary,
    Dataset,
    Method,
    Restoration,
    Task,
    check_observation,
)
from bench.registry import DATASETS, METHODS

if TYPE_CHECKING:
    import pandas as pd

    from bench.harness.merging import Merged

ImageLike = str | os.PathLike[str] | np.ndarray | Tensor
"""A file, an array (H, W) or (H, W, C), or a tensor (H, W) or (C, H, W)."""


def run(
    methods: str,
    datasets: str,
    *,
    images: int | None = None,
    noise: float | Sequence[float] = 0.01,
    blur_length: int | Sequence[int] | None = None,
    seed: int | Sequence[int] = 0,
    settings: Sequence[str] = (),
    out: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    workers: int | None = None,
    time_limit: float = 600.0,
    quiet: bool = True,
    parallel_config: str | os.PathLike[str] | None = None,
) -> pd.DataFrame:
    """Measure methods on data sets, as ``python -m bench run`` does.

    Parameters
    ----------
    methods, datasets : str
        Names or shell patterns, separated by commas.
    images : int, optional
        Only the first so many of each data set.
    noise : float or sequence of float
        Standard deviations in units of the image range [0, 1].
    blur_length : int or sequence of int, optional
        Blur with fresh kernels of these lengths, in pixels, in place of the data set's own.
    seed : int or sequence of int
        Of the noise, fresh kernels and whatever a method draws.
    settings : sequence of str
        Parameters, as ``"dd.preset=published"``.
    out : path, optional
        Results folder; what it already has is not computed again. None keeps nothing.
    device : str
    workers : int, optional
        Processes; None takes one per core.
    time_limit : float
        Seconds that a cell may take.
    quiet : bool
        Show no progress.
    parallel_config : path, optional
        A file that says where it is computed (docs/cluster.md); None takes this machine.

    Returns
    -------
    DataFrame
        One row per image, method and condition, with all metrics, ``status`` and ``reason``.

    Raises
    ------
    BenchError
        If a name is unknown, data are missing, or a value makes no sense.

    Examples
    --------
    >>> import bench
    >>> frame = bench.run("blurry", "photos", images=1, workers=1)
    >>> list(frame["status"])
    ['ok']
    """
    from bench.harness import parallel
    from bench.harness.session import Part, execute

    where = None if parallel_config is None else parallel.read(Path(parallel_config))
    lengths = [None] if blur_length is None else _several(blur_length)
    conditions = [
        Condition(level, length, number)
        for level in _several(noise)
        for length in lengths
        for number in _several(seed)
    ]
    part = Part(
        plan.parse_methods(methods, settings), DATASETS.select(datasets), conditions, images
    )
    with _folder(out) as folder:
        session = execute(
            [part],
            folder,
            device=device,
            workers=workers,
            time_limit=time_limit,
            quiet=quiet,
            sheets=out is not None,
            parallel=where,
        )
    return session.frame


def merge(
    first: str | os.PathLike[str],
    second: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    prefer: str | os.PathLike[str] | None = None,
) -> Merged:
    """Merge two results folders, as ``python -m bench merge`` does.

    Parameters
    ----------
    first, second : path
        With their stores, or with ``scores.csv`` alone.
    out : path
        A new folder, or one of the two.
    prefer : path, optional
        The one of the two whose cells are taken where they differ.

    Returns
    -------
    Merged
        ``frame`` is the table of scores; ``first``, ``second`` and ``both`` count rows.

    Raises
    ------
    BenchError
        Naming the cells, if some differ and no folder is preferred.
    """
    from bench.harness import merging
    from bench.harness.session import Datasets
    from bench.report import tables

    folders = Path(first), Path(second)
    preferred = None if prefer is None else Path(prefer)
    merged = merging.merge(*folders, Path(out), Datasets(), preferred)
    write_atomically(Path(out) / "table.md", tables.markdown(merged.frame))
    return merged


def evaluate(
    function: Callable[[Tensor], Tensor | Restoration], datasets: str, **options: Any
) -> pd.DataFrame:
    """Measure a bare function on data sets.

    Parameters
    ----------
    function : callable
        Takes observations, a tensor (N, C, H, W) in [0, 1], and returns images of that shape or a
        :class:`~bench.protocol.Restoration`. Its row has its ``__name__``.
    datasets : str
    **options
        Those of :func:`run`.

    Returns
    -------
    DataFrame
        As of :func:`run`.

    Examples
    --------
    >>> import bench
    >>> def brighter(observation):
    ...     return (observation * 1.1).clamp(0, 1)
    >>> list(bench.evaluate(brighter, "photos", images=2)["method"])
    ['brighter', 'brighter']
    """

    class Function(Method):
        """The function as a method."""

        def deblur(self, observation: Tensor) -> Restoration:
            """Call it."""
            found = function(observation)
            return found if isinstance(found, Restoration) else Restoration(found)

    name = getattr(function, "__name__", "function").strip("<>")
    METHODS.register(name)(Function)
    try:
        return run(name, datasets, **options)
    finally:
        METHODS.forget(name)


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


@dataclasses.dataclass(frozen=True)
class Observations(Sequence[Observed]):
    """The observations of a data set under one condition, made when they are asked for.

    ``observations[3].observation`` is what every method sees of image 3, a tensor (C, H, W), and
    ``observations[3].sample`` holds the truth.
    """

    dataset: Dataset
    condition: Condition

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: Any) -> Any:
        places = range(len(self))[index]
        if isinstance(places, range):
            return [observe(self.dataset, place, self.condition) for place in places]
        return observe(self.dataset, places, self.condition)

    def __iter__(self) -> Iterator[Observed]:
        return (observe(self.dataset, index, self.condition) for index in range(len(self)))


def load(
    dataset: str, *, noise: float = 0.01, blur_length: int | None = None, seed: int = 0
) -> Observations:
    """Open a data set with its observations.

    Parameters
    ----------
    dataset : str
    noise, blur_length, seed
        As for :func:`run`.

    Returns
    -------
    Observations

    Raises
    ------
    BenchError
        If it is unknown or its data are missing.
    """
    opened = plan.load_dataset(dataset)
    return Observations(opened, effective(Condition(noise, blur_length, seed), opened))


def score(
    restored: ImageLike,
    truth: ImageLike,
    *,
    kernel: ImageLike | None = None,
    true_kernel: ImageLike | None = None,
    alignment: Alignment | None = None,
) -> dict[str, float]:
    """Score one restored image by all metrics.

    Parameters
    ----------
    restored, truth : image
        As for :func:`deblur`, of one size.
    kernel, true_kernel : array or tensor (h, w), optional
        Without them, the metrics that need a kernel are NaN.
    alignment : Alignment, optional
        How the image is registered first; None compares pixel by pixel.

    Returns
    -------
    dict of str to float
    """
    image, goal = as_image(restored), as_image(truth)
    if image.shape != goal.shape:
        raise InvalidInput(
            f"The restored image has shape {tuple(image.shape)}, the truth {tuple(goal.shape)}."
        )
    both = kernel is not None and true_kernel is not None
    values = metrics.score(
        image[None],
        _kernel(kernel) if both else None,
        goal[None],
        _kernel(true_kernel) if both else torch.ones(1, 1, 1),
        alignment or Alignment(),
    )
    return {name: float(value[0]) for name, value in values.items()}


def as_image(value: ImageLike) -> Tensor:
    """Turn a file, an array or a tensor into an image.

    Returns
    -------
    Tensor, float32, shape (C, H, W), in [0, 1]

    Raises
    ------
    InvalidInput
        If the shape or the range is no image's.
    """
    if isinstance(value, str | os.PathLike):
        return photo.read_photo(Path(value))[0]
    image = value if isinstance(value, Tensor) else _from_array(np.asarray(value))
    image = image[None] if image.ndim == 2 else image
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise InvalidInput(
            f"The image has shape {tuple(image.shape)}; give an array (H, W) or (H, W, 3) or a "
            "tensor (1, H, W) or (3, H, W)."
        )
    if not image.is_floating_point():
        raise InvalidInput(f"The image has type {image.dtype}; convert it to floats in [0, 1].")
    low, high = float(image.min()), float(image.max())
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise InvalidInput(f"The image spans [{low:.3g}, {high:.3g}]; scale it to [0, 1].")
    return image.to(torch.float32)


def _from_array(array: np.ndarray) -> Tensor:
    scale = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}.get(array.dtype)
    values = array.astype(np.float32) / scale if scale else array
    axes = values.transpose(2, 0, 1) if values.ndim == 3 else values
    return torch.from_numpy(np.ascontiguousarray(axes))


def _kernel(value: Any) -> Tensor:
    kernel = torch.as_tensor(np.asarray(value), dtype=torch.float32)
    total = kernel.sum()
    if kernel.ndim != 2 or not total > 0:
        raise InvalidInput(
            f"The kernel has shape {tuple(kernel.shape)} and sum {float(total):.3g}; give a "
            "non-negative array (h, w) that is not black."
        )
    return (kernel / total)[None]


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Sequence | np.ndarray) else [value]


@contextlib.contextmanager
def _folder(named: str | os.PathLike[str] | None) -> Iterator[Path]:
    """The results folder that was named, or one that goes when the run is over."""
    if named is not None:
        yield Path(named)
        return
    with tempfile.TemporaryDirectory(prefix="bench-run-") as temporary:
        yield Path(temporary)
