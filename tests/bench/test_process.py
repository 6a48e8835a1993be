"""Processes for other people's code: what they inherit, and how they end."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection

import numpy as np
import pytest

from bench.harness.cells import MethodSpec
from bench.harness.executors import slots
from bench.harness.executors.base import Lost, Work
from bench.harness.executors.slots import Slot
from bench.harness.process import START_LIMIT, Child
from bench.harness.worker import Job
from bench.protocol import Task


def tell_environment(connection: Connection) -> None:
    """Send what the process has inherited: the body of a process."""
    connection.send_bytes(json.dumps(dict(os.environ)).encode())


def test_processes_that_start_together_inherit_what_this_one_has() -> None:
    def ask(number: int) -> dict[str, str]:
        child = Child(tell_environment)
        try:
            return json.loads(child.receive(START_LIMIT))
        finally:
            child.kill()

    with ThreadPoolExecutor(8) as several:
        found = list(several.map(ask, range(32)))
    ours = {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BENCH_DATA"}
    expected = {key: value for key, value in os.environ.items() if key not in ours}
    for inherited in found:
        assert {key: value for key, value in inherited.items() if key not in ours} == expected


def test_a_process_that_starts_while_its_slot_is_closed_is_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place, started = Slot(), []

    def closed_meanwhile(*arguments: object, **options: object) -> Child:
        started.append(Child(*arguments, **options))  # type: ignore[arg-type]
        place.close()
        return started[0]

    monkeypatch.setattr(slots, "Child", closed_meanwhile)
    task = Task("natural", (8, 8), 3, (3, 3), 0.01, "circular", "cpu", 0)
    job = Job(MethodSpec("blurry"), task, np.zeros((1, 3, 8, 8), np.float32), names=("a",))
    with pytest.raises(Lost, match="The run is over"):
        place.run(Work(job, "bench"))
    assert len(started) == 1
    assert not started[0].process.is_alive()
