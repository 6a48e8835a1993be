"""What a run would compute, without computing it."""

from __future__ import annotations

import collections
import dataclasses
from pathlib import Path

from bench.harness import guests, interview, plan, process, runner
from bench.harness.plan import Chunk, Refusal
from bench.harness.schedule import Costs, recorded
from bench.harness.session import Datasets, Part
from bench.harness.store import Store
from bench.isolation import contained
from bench.text import duration


@dataclasses.dataclass(frozen=True)
class Forecast:
    """Cells of a run, what they will cost, and what is missing.

    Attributes
    ----------
    cells, done, refused : int
        Planned, already there, and those that cannot be computed here.
    seconds : float
        Expected on the workers, from what cells cost before.
    unknown : list of str
        Methods that were never timed.
    missing : dict
        From what cannot be computed to the reason.
    """

    cells: int
    done: int
    refused: int
    seconds: float
    unknown: list[str]
    missing: dict[str, str]

    def __str__(self) -> str:
        todo = self.cells - self.done - self.refused
        lines = [
            f"{self.cells} cells: {self.done} are there, {self.refused} cannot be computed here, "
            f"{todo} are to be computed.",
            f"Expected time: {duration(self.seconds)}"
            + (f", a guess for {', '.join(self.unknown)}." if self.unknown else "."),
        ]
        lines += [f"Missing: {what}: {why}" for what, why in self.missing.items()]
        return "\n".join(lines)


def forecast(
    part: Part, folder: Path, device: str, workers: int | None = None, resume: bool = True
) -> Forecast:
    """Lay a run out and count.

    Parameters
    ----------
    part : Part
        What would be run.
    folder : Path
        Results folder, which may have some of the cells.
    device : str
    workers : int or None
    resume : bool
        Whether the run would keep what the folder has.
    """
    process.start_server()
    datasets = Datasets(guests.PATIENCE)
    with contained():
        opened = [datasets(name) for name in part.datasets]
        laid_out = [
            *plan.plan(
                part.methods, opened, part.conditions, part.images, device, interview.PATIENCE
            )
        ]
    finished: set[str] = set()
    known: list[dict[tuple[str, str], float]] = [dict(recorded())]
    if (folder / "cells.sqlite").exists():
        with Store(folder, write=False) as store:
            finished = set(store.finished()) if resume else set()
            known.insert(0, dict(store.seconds()))
    costs = Costs(*known)
    chunks = [item for item in laid_out if isinstance(item, Chunk)]
    waiting = [chunk.only([cell.id not in finished for cell in chunk.cells]) for chunk in chunks]
    waiting = [chunk for chunk in waiting if chunk.cells]
    missing: dict[str, str] = {}
    refused: collections.Counter[str] = collections.Counter()
    for item in laid_out:
        if isinstance(item, Refusal):
            for cell in item.cells:
                refused[cell.id] += 1
            cell = item.cells[0]
            missing.setdefault(f"{cell.method} on {cell.dataset}", f"{item.status}. {item.reason}")
    never = {str(c.method) for chunk in waiting for c in chunk.cells if not costs.known(c)}
    total = sum(costs.chunk(chunk) for chunk in waiting)
    return Forecast(
        cells=sum(len(item.cells) for item in laid_out),
        done=sum(cell.id in finished for chunk in chunks for cell in chunk.cells),
        refused=len(refused),
        seconds=round(total / (workers or (runner.available_cores() if device == "cpu" else 1)), 1),
        unknown=sorted(never),
        missing=missing,
    )
