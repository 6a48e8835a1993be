"""A run from beginning to end: plan, compute, score, and write what a results folder holds."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.errors import BenchError
from bench.files import write_atomically
from bench.harness import columns, guests, interview, plan, process, provenance, runner, scores
from bench.harness.parallel import Parallel
from bench.harness.plan import Chunk, MethodSpec, Refusal
from bench.harness.store import Store
from bench.isolation import contained
from bench.physics.condition import Condition
from bench.protocol import Dataset
from bench.report import contact_sheet, gallery, tables


@dataclasses.dataclass(frozen=True)
class Part:
    """Methods on datasets under conditions; a run is made of one or several.

    Attributes
    ----------
    methods : sequence of MethodSpec
    datasets : sequence of str
    conditions : sequence of Condition
    images : int or None
        Only the first so many of each dataset.
    """

    methods: Sequence[MethodSpec]
    datasets: Sequence[str]
    conditions: Sequence[Condition]
    images: int | None = None

    @classmethod
    def crossed(
        cls,
        methods: str,
        datasets: Sequence[str],
        *,
        noises: Sequence[float] = (0.01,),
        blur_lengths: Sequence[int | None] = (None,),
        seeds: Sequence[int] = (0,),
        bounds: Sequence[float] = (1.0,),
        images: int | None = None,
        settings: Sequence[str] = (),
    ) -> Part:
        """Take methods by names or patterns, under all conditions that the values make."""
        values = itertools.product(noises, blur_lengths, bounds, seeds)
        conditions = [
            Condition(noise, length, seed, bound=bound) for noise, length, bound, seed in values
        ]
        return cls(plan.parse_methods(methods, settings), datasets, conditions, images)


@dataclasses.dataclass(frozen=True)
class Session:
    """What a run left behind."""

    frame: pd.DataFrame
    table: str
    sheets: Sequence[Path]
    gallery: Path | None
    summary: runner.Summary


class Datasets:
    """Datasets opened so far; a name is opened when it is first asked for."""

    def __init__(self, patience: float = guests.PATIENCE) -> None:
        self._patience = patience
        self._open: dict[str, Dataset] = {}

    def __call__(self, name: str) -> Dataset:
        """Return the dataset of a name, or say what is missing and how to get it."""
        if name not in self._open:
            self._open[name] = plan.load_dataset(name, self._patience)
        return self._open[name]


def execute(
    parts: Sequence[Part],
    out: Path,
    *,
    device: str = "cpu",
    workers: int | None = None,
    time_limit: float = 600.0,
    resume: bool = True,
    quiet: bool = False,
    sheets: bool = True,
    gallery_images: int = 0,
    parallel: Parallel | None = None,
) -> Session:
    """Run parts into a results folder, skipping the cells that it already has.

    Parameters
    ----------
    parts : sequence of Part
    out : Path
    device : str
    workers : int or None
        Processes; None takes one per core on a CPU, else one.
    time_limit : float
        Seconds per cell.
    resume : bool
        False computes all cells again.
    quiet : bool
        Show no progress.
    sheets : bool
        Draw the contact sheets.
    gallery_images : int
        Write thumbnails of so many images per dataset; 0 for none.
    parallel : Parallel, optional
        Where it is computed; None takes processes of this machine.

    Returns
    -------
    Session

    Raises
    ------
    BenchError
        If there is nothing to run.
    """
    process.start_server()
    datasets = Datasets(guests.patience(time_limit))
    left_out: dict[str, str] = {}
    with contained():  # planning reads data sets, which may have been registered in this session
        patience = interview.patience(time_limit)
        laid_out = _lay_out(parts, datasets, device, patience, left_out)
    if not any(item.cells for item in laid_out):
        raise BenchError(next(iter(left_out.values()), "There was nothing to run."))
    workers = workers or (runner.available_cores() if device == "cpu" else 1)
    parallel = parallel or Parallel()
    origin = provenance.collect(
        {
            **_asked(parts),
            "device": device,
            "workers": workers,
            "parallel": dataclasses.asdict(parallel),
            "threads_per_worker": process.THREADS,
            "assets": checksums(laid_out),
            "metric_versions": columns.stated(columns.versions()),
        }
    )
    with Store(out, invocation=origin["invocation"]) as store:
        scores.check(out)
        provenance.begin(out, origin, store.invocations())
        if not resume:
            store.forget(cell for item in laid_out for cell in item.cells)
        summary = runner.run(
            laid_out,
            store,
            workers,
            time_limit,
            not quiet,
            executor=lambda count: parallel.open(count, out),
        )
        summary.left_out = left_out
        collected = scores.collect(store, datasets, not quiet)
        summary.reasons = scores.lacking(collected, (c for item in laid_out for c in item.cells))
        frame = scores.update(collected, out)
        table = tables.markdown(frame)
        write_atomically(out / "table.md", table)
        paths = contact_sheet.write_sheets(store, datasets, out / "sheets", frame) if sheets else []
        index = None
        if gallery_images:
            index = gallery.write_gallery(store, datasets, out / "gallery", gallery_images)
        provenance.finish(out, origin)
        store.check_place()  # one that was deleted meanwhile has been made again, without it
    return Session(frame, table, paths, index, summary)


def _asked(parts: Sequence[Part]) -> dict[str, Any]:
    """Return what a run was asked for, for its provenance."""
    conditions = dict.fromkeys(condition for part in parts for condition in part.conditions)
    return {
        "methods": _names(part.methods for part in parts),
        "datasets": _names(part.datasets for part in parts),
        "conditions": [str(condition) for condition in conditions],
        "seeds": sorted({condition.seed for condition in conditions}),
        "images": [part.images for part in parts] if len(parts) > 1 else parts[0].images,
    }


def _lay_out(
    parts: Sequence[Part],
    datasets: Datasets,
    device: str,
    patience: float,
    left_out: dict[str, str],
) -> list[Chunk | Refusal]:
    """Plan all parts but the data sets of third parties that fail, which are left out."""
    laid_out: list[Chunk | Refusal] = []
    for part in parts:
        for name in part.datasets:
            try:
                laid_out += plan.plan(
                    part.methods, [datasets(name)], part.conditions, part.images, device, patience
                )
            except BenchError as error:
                if not guests.is_guest(name):
                    raise
                left_out[name] = str(error)
    return [item for item in laid_out if item.cells[0].dataset not in left_out]


def checksums(laid_out: Iterable[Chunk | Refusal]) -> dict[str, dict[str, str]]:
    """Return the checksums of the weights and tuned files that each method used.

    A file of which each class uses its own part has one for each data set.
    """
    found: dict[str, dict[str, str]] = {}
    for item in laid_out:
        for cell in item.cells[:1]:
            for name, checksum in cell.identity["assets"].items():
                known = found.setdefault(str(cell.method), {})
                if known.get(name, checksum) != checksum:
                    name = f"{name} ({cell.dataset})"
                known[name] = checksum
    return found


def _names(groups: Iterable[Iterable[Any]]) -> list[str]:
    return list(dict.fromkeys(str(name) for group in groups for name in group))
