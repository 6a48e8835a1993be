"""Measure methods on data sets, and put results together."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from bench.files import write_atomically
from bench.protocol import Method, Restoration
from bench.registry import DATASETS, METHODS

if TYPE_CHECKING:
    import pandas as pd

    from bench.harness.merging import Merged


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
    part = Part.crossed(
        methods,
        DATASETS.select(datasets),
        noises=_several(noise),
        blur_lengths=[None] if blur_length is None else _several(blur_length),
        seeds=_several(seed),
        images=images,
        settings=settings,
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
        ``frame`` is the table of scores; ``first``, ``second`` and ``both`` count rows, and
        ``pending`` cells that were planned, never ran and are left out.

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


@contextlib.contextmanager
def _folder(named: str | os.PathLike[str] | None) -> Iterator[Path]:
    """Lend the results folder that was named, or one that goes when the run is over."""
    if named is not None:
        yield Path(named)
        return
    with tempfile.TemporaryDirectory(prefix="bench-run-") as temporary:
        yield Path(temporary)


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Sequence | np.ndarray) else [value]
