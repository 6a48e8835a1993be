"""``python -m bench benchmark scale``: what the harness itself costs for many cells.

A data set of small images and a method that returns what it gets are written into a folder as an
installed plugin, so that they are planned, run in processes of their own, scored and tabled as
anybody's are.
"""

from __future__ import annotations

import argparse
import importlib
import os
import resource
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tabulate import tabulate

from bench.harness import plan, process, runner, scores
from bench.harness.cells import MethodSpec
from bench.harness.session import Datasets
from bench.harness.store import Store
from bench.physics.condition import Condition
from bench.registry import DATASETS, METHODS
from bench.report import page, tables

T = TypeVar("T")

EXAMPLES = """\
examples:
  python -m bench benchmark scale                           100,000 cells, to the page
  python -m bench benchmark scale -o out --until run        in pieces: compute them,
  python -m bench benchmark scale -o out                    then score and tabulate them
  python -m bench benchmark scale --methods 1000 --here --until plan
"""

PHASES = ("plan", "run", "score", "table", "page")

PLUGIN = """
import torch

from bench.protocol import Dataset, Location, Method, Restoration, Sample


class Flat(Dataset):
    name = "flat"
    image_size = (32, 32)

    def __len__(self):
        return {images}

    def __getitem__(self, index):
        draw = torch.Generator().manual_seed(index)
        image, kernel = torch.rand(3, 32, 32, generator=draw), torch.rand(7, 7, generator=draw)
        return Sample(index, f"{{index:06d}}", image, kernel / kernel.sum(), f"flat-{{index}}")

    @classmethod
    def location(cls):
        return Location(True, __file__)


class Nothing(Method):
    batch_size = 64

    def __init__(self, task, number=0):
        super().__init__(task)

    def deblur(self, observation):
        return Restoration(observation)
"""
ENTRY_POINTS = """
[bench.datasets]
flat = bench_scale:Flat

[bench.methods]
nothing = bench_scale:Nothing
"""


def install(folder: Path, images: int, *, here: bool) -> None:
    """Write the plugin into a folder, and have this process and its children find it.

    Parameters
    ----------
    folder : Path
    images : int
    here : bool
        Register its classes in this session in place of installing them.
    """
    (folder / "bench_scale.py").write_text(textwrap.dedent(PLUGIN).format(images=images))
    sys.path.insert(0, str(folder))
    if here:
        return register()
    about = folder / "bench_scale-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-scale\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(ENTRY_POINTS)


def register() -> None:
    """Have the plugin's classes in this session alone: asked and computed in this process."""
    plugin = importlib.import_module("bench_scale")
    METHODS.register("nothing")(plugin.Nothing)
    DATASETS.register("flat")(plugin.Flat)


class Phases:
    """Costs of the phases of a run, one row each."""

    def __init__(self, cells: int) -> None:
        self.cells = cells
        self.rows: list[list[Any]] = []

    def measure(self, name: str, work: Callable[[], T]) -> T:
        """Do a piece of work and take down what it cost."""
        began, wall = _processor_seconds(), time.perf_counter()
        found = work()
        wall = time.perf_counter() - wall
        process.restart_server()  # only a process that has ended says what it took
        spent = _processor_seconds() - began
        per_cell = f"{1000 * spent / self.cells:.2f}"
        self.rows.append([name, f"{spent:.1f}", per_cell, f"{wall:.1f}", f"{_peak():.2f}"])
        print(f"{name}: {spent:.1f} CPU s, {wall:.1f} s, {_peak():.2f} GiB", file=sys.stderr)
        return found

    def table(self) -> str:
        """Return a table in Markdown."""
        heads = ["phase", "CPU s", "CPU ms per cell", "wall s", "peak so far (GiB)"]
        return tabulate(self.rows, heads, tablefmt="github", disable_numparse=True)


def _processor_seconds() -> float:
    """Return the CPU seconds of this process and of those it started that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def _peak() -> float:
    """Largest memory of this process so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure(
    methods: int,
    images: int,
    workers: int | None = None,
    *,
    until: str = PHASES[-1],
    here: bool = False,
    out: Path | None = None,
) -> str:
    """Measure a run of so many methods on so many images.

    Parameters
    ----------
    methods, images : int
    workers : int or None
        Processes; None takes one per core.
    until : {"plan", "run", "score", "table", "page"}
        The last phase.
    here : bool
        All in this process, nothing isolated.
    out : Path or None
        Results folder that is kept: what it has is not computed again.

    Returns
    -------
    str
        A table in Markdown.
    """
    phases = Phases(methods * images)
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as place:
        install(Path(place), images, here=here)
        process.start_server()
        datasets, out = Datasets(), out or Path(place) / "results"
        specs = [MethodSpec("nothing", (("number", number),)) for number in range(methods)]

        def lay_out() -> list[plan.Chunk | plan.Refusal]:
            return list(plan.plan(specs, [datasets("flat")], [Condition()], images))

        laid_out = phases.measure("plan", lay_out)
        if until == "plan":
            return phases.table()
        with Store(out) as store:
            phases.measure("run", lambda: runner.run(laid_out, store, workers, progress=False))
            if until == "run":
                return phases.table()
            frame = phases.measure("score", lambda: scores.collect(store, datasets, False))
            frame = phases.measure("write scores.csv", lambda: scores.update(frame, out))
            if until == "score":
                return phases.table()
            phases.measure("table", lambda: tables.markdown(frame))
        if until == "page":
            (out / "index.html").write_text(phases.measure("page", lambda: page.build_page(out)))
        sizes = [(path.name, path.stat().st_size) for path in sorted(out.glob("*.*"))]
        kept = ", ".join(f"{name} {size / 2**20:.1f} MiB" for name, size in sizes)
        return f"{phases.table()}\n\nFiles: {kept}."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--methods", type=int, default=100, help="default: %(default)s")
    parser.add_argument("--images", type=int, default=1000, help="default: %(default)s")
    parser.add_argument("-j", "--workers", type=int, help="default: one per core")
    parser.add_argument("--until", choices=PHASES, default=PHASES[-1], help="the last phase")
    parser.add_argument("-o", "--output", type=Path, help="results folder to keep, and to go on in")
    parser.add_argument("--here", action="store_true", help="all in this process, none isolated")


def run(options: argparse.Namespace) -> int:
    """Measure, and print a table in Markdown with the load next to it."""
    load = os.getloadavg()[0]
    print(
        measure(
            options.methods,
            options.images,
            options.workers,
            until=options.until,
            here=options.here,
            out=options.output,
        )
    )
    print(f"\nLoad at the start: {load:.1f} on {os.cpu_count()} cores.")
    return 0
