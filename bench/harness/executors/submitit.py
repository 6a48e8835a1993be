"""Jobs of a Slurm cluster, in arrays; or of this machine, where there is no Slurm."""

from __future__ import annotations

import contextlib
import math
import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from bench.errors import ProcessError, Unavailable
from bench.harness.executors.base import Lost, Work
from bench.harness.executors.remote import Parcel, Reply, alone, code
from bench.harness.packing import Answer

try:
    import submitit
except ImportError as error:
    raise Unavailable(
        "The backend submitit needs a package that is not here; "
        "install it with: python -m pip install 'blind-deblurring-bench[submitit]'"
    ) from error

ARRAY = 1000
"""Jobs of an array: Slurm's own default is a limit of 1001."""
POLL = 0.5
"""Seconds between looks at what has ended."""
MARGIN = 1.5
"""Times the time limit of a job that Slurm lets it run: the job itself ends its method first."""


class SubmititExecutor:
    """Jobs of a Slurm cluster; each computes one chunk and ends.

    Parameters
    ----------
    folder : Path
        On a file system that the nodes share; jobs and their logs go there.
    count : int
        Jobs at a time on this machine.
    needs : callable
        Maps a method's label to parameters of submitit, such as ``slurm_partition``.
    """

    def __init__(self, folder: Path, count: int, needs: Callable[[str], Mapping[str, Any]]) -> None:
        self._needs = needs
        self._folder = folder
        cluster = "slurm" if shutil.which("srun") else "local"
        self._make = lambda: submitit.AutoExecutor(folder / "%j", cluster=cluster)
        self.capacity = ARRAY if cluster == "slurm" else count
        self._submitted: list[tuple[Work, Future[list[Answer]]]] = []
        self._running: dict[Future[list[Answer]], submitit.Job[Reply]] = {}
        self._closed = threading.Event()
        self._poller = threading.Thread(target=self._poll, daemon=True)
        self._poller.start()

    def submit(self, work: Work) -> Future[list[Answer]]:
        """Put a job into the next array."""
        self._submitted.append((work, Future()))
        return self._submitted[-1][1]

    def flush(self) -> None:
        """Submit arrays, one for each set of parameters."""
        groups: dict[str, list[tuple[Work, Future[list[Answer]]]]] = {}
        for work, future in self._submitted:
            groups.setdefault(repr(sorted(self._needs(work.label).items())), []).append(
                (work, future)
            )
        self._submitted = []
        for group in groups.values():
            executor = self._make()
            seconds = MARGIN * max(work.time_limit for work, _ in group)
            limits = {"timeout_min": max(1, math.ceil(seconds / 60))}
            executor.update_parameters(**{**limits, **self._needs(group[0][0].label)})
            try:
                with executor.batch():
                    jobs = [executor.submit(alone, Parcel(work, code())) for work, _ in group]
            except Exception as error:
                raise ProcessError(f"Slurm did not take the jobs: {error}") from error
            self._running.update(
                (future, job) for (_, future), job in zip(group, jobs, strict=True)
            )

    def _poll(self) -> None:
        while not self._closed.wait(POLL):
            for future, job in list(self._running.items()):
                if job.done():
                    del self._running[future]
                    _settle(future, job)

    def close(self) -> None:
        """Cancel what is running or waiting; remove what was exchanged, but not the logs."""
        self._closed.set()
        self._poller.join(timeout=5)
        for job in self._running.values():
            with contextlib.suppress(Exception):
                job.cancel()
        for kind in ("*_submitted.pkl", "*_result.pkl"):
            for path in self._folder.glob(f"*/{kind}"):
                path.unlink(missing_ok=True)


def _settle(future: Future[list[Answer]], job: submitit.Job[Reply]) -> None:
    try:
        reply = job.result()
    except Exception as error:  # it was killed, preempted or lost, or its node cannot import bench
        last = str(error).strip().splitlines() or ["no reason was given"]
        future.set_exception(Lost(f"The job {job.job_id} ended without an answer: {last[-1]}"))
    else:
        if isinstance(reply, list):
            future.set_result(reply)
        else:
            future.set_exception(reply)
