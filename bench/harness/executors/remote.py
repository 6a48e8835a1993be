"""What is computed elsewhere: the body of a job in a Dask worker or a Slurm job."""

from __future__ import annotations

import dataclasses
import functools

import bench
from bench import checkout
from bench.errors import BenchError
from bench.harness.executors.base import Failure, Work
from bench.harness.executors.local import Slot
from bench.harness.packing import Answer

Reply = list[Answer] | Failure | BenchError
"""Answers, or why there are none: exceptions travel as values, since engines treat theirs apart."""


@functools.cache
def code() -> str:
    """Return which code this process runs: the version, and the commit of a clone."""
    return f"{bench.__version__} ({checkout.commit()})"


@dataclasses.dataclass(frozen=True)
class Parcel:
    """A job for another machine, with the code that has to compute it."""

    work: Work
    code: str

    def compute(self, slot: Slot) -> Reply:
        """Compute the job in a slot, or say why not."""
        if code() != self.code:
            return BenchError(
                f"A worker runs bench {code()}, where {self.code} is asked for: its "
                "results would be another version's. Start workers from this checkout."
            )
        try:
            return slot.run(self.work)
        except (Failure, BenchError) as error:
            return error


def alone(parcel: Parcel) -> Reply:
    """Compute a job in a process that ends with it."""
    slot = Slot()
    try:
        return parcel.compute(slot)
    finally:
        slot.close()
