"""``python -m bench benchmark executors``: what executors cost, and what a second worker gains."""

from __future__ import annotations

import argparse
import queue
import time
from concurrent.futures import Future

from bench.errors import BenchError
from bench.harness import timing
from bench.harness.dispatch import make_job
from bench.harness.executors.base import Executor, Work
from bench.harness.executors.local import LocalExecutor
from bench.harness.packing import Answer
from bench.harness.plan import Chunk, MethodSpec, load_dataset, plan
from bench.physics.condition import Condition

EXAMPLES = """\
examples:
  python -m bench benchmark executors                         what a cell costs that does nothing
  python -m bench benchmark executors --method dp --cells 240   one worker against two
"""
DATASET = "svhn-samples"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--method", default="blurry", help="default: %(default)s, a no-op")
    parser.add_argument("--cells", type=int, default=2000, metavar="N", help="default: %(default)s")
    parser.add_argument("--backends", default="local,dask", help="default: %(default)s")


def run(options: argparse.Namespace) -> int:
    """Measure and print a table in Markdown, with the load next to it."""
    print("| backend | workers | cells | seconds | ms per cell | load per core before |")
    print("|---|---|---|---|---|---|")
    for backend in options.backends.split(","):
        for workers in (1, 2):
            load = timing.load()
            seconds = _measure(_open(backend, workers), options.method, options.cells)
            each = 1000 * seconds / options.cells
            print(
                f"| {backend} | {workers} | {options.cells} | {seconds:.2f} | {each:.1f} | {load} |"
            )
    return 0


def _open(backend: str, workers: int) -> Executor:
    if backend == "local":
        return LocalExecutor(workers)
    from bench.harness.executors.dask import DaskExecutor

    return DaskExecutor(None, workers, lambda label: {})


def _measure(executor: Executor, method: str, cells: int) -> float:
    """Return the seconds of so many cells, after one that every worker begins with."""
    try:
        works = _works(method)
        _compute(executor, works, executor.capacity)
        started = time.perf_counter()
        _compute(executor, works, cells)
        return time.perf_counter() - started
    finally:
        executor.close()


def _works(method: str) -> list[Work]:
    """Make the jobs of single images; more cells repeat them."""
    laid_out = plan([MethodSpec(method)], [load_dataset(DATASET)], [Condition()])
    works = []
    for item in laid_out:
        if not isinstance(item, Chunk):
            raise BenchError(f"{method} cannot be measured here: {item.reason}")
        works += [Work(make_job(single), single.company) for single in item.singles()]
    return works


def _compute(executor: Executor, works: list[Work], cells: int) -> None:
    ended: queue.SimpleQueue[Future[list[Answer]]] = queue.SimpleQueue()
    submitted = 0
    for done in range(cells):
        while submitted < cells and submitted - done < executor.capacity:
            (future,) = executor.submit([works[submitted % len(works)]])
            future.add_done_callback(ended.put)
            submitted += 1
        ended.get().result()
