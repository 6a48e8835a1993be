"""Jobs of a Slurm cluster, in arrays; or of this machine, where there is no Slurm."""

from __future__ import annotations

import math
import shutil
import threading
from pathlib import Path

from bench.errors import ProcessError
from bench.harness.executors.base import Lost
from bench.harness.executors.remote import Jobs, Needs, Parcel, Remote, missing

try:
    import submitit
except ImportError as error:
    raise missing("submitit") from error

ARRAY = 1000
"""Jobs of an array: Slurm's own default is a limit of 1001."""
POLL = 0.5
"""Seconds between looks at what has ended."""
MARGIN = 1.5
"""Times the time limit of a job that Slurm lets it run: the job itself ends its method first."""


class SubmititExecutor(Remote):
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

    def __init__(self, folder: Path, count: int, needs: Needs) -> None:
        super().__init__(needs)
        self._folder = folder
        self._cluster = "slurm" if shutil.which("srun") else "local"
        self.capacity = ARRAY if self._cluster == "slurm" else count
        self._closed = threading.Event()
        self._poller = threading.Thread(target=self._poll, daemon=True)
        self._poller.start()

    def _send(self, jobs: Jobs) -> None:
        """Submit arrays, one for each set of parameters."""
        arrays: dict[str, Jobs] = {}
        for future, work in jobs:
            key = repr(sorted(self._needs(work.label).items()))
            arrays[key] = [*arrays.get(key, []), (future, work)]
        for array in arrays.values():
            limit = MARGIN * max(work.time_limit for _, work in array)
            needs = self._needs(array[0][1].label)
            executor = submitit.AutoExecutor(self._folder / "%j", cluster=self._cluster)
            executor.update_parameters(**{"timeout_min": max(1, math.ceil(limit / 60)), **needs})
            try:
                with executor.batch():
                    handles = [executor.submit(Parcel(work).compute_alone) for _, work in array]
            except Exception as error:
                raise ProcessError(f"Slurm did not take the jobs: {error}") from error
            futures = [future for future, _ in array]
            self._running.update(zip(futures, handles, strict=True))

    def _poll(self) -> None:
        while not self._closed.wait(POLL):
            for future, job in list(self._running.items()):
                if job.done():
                    self._settle(future, job.result)

    def _explain(self, error: Exception) -> Lost:
        # A job was killed, preempted or lost, or its node cannot import bench.
        last = str(error).strip().splitlines() or ["no reason was given"]
        return Lost(f"The job ended without an answer: {last[-1]}")

    def close(self) -> None:
        """Cancel what is running or waiting; remove what was exchanged, but not the logs."""
        self._closed.set()
        self._poller.join(timeout=5)
        super().close()
        for kind in ("*_submitted.pkl", "*_result.pkl"):
            for path in self._folder.glob(f"*/{kind}"):
                path.unlink(missing_ok=True)
