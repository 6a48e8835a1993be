"""The process that computes cells: it gets observations and answers with packed restorations.

A worker never sees the truth of a cell unless the method is an oracle. It ends when its parent
ends, however that happens, and it leaves Ctrl-C to its parent.
"""

from __future__ import annotations

import ctypes
import dataclasses
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import numpy as np

from bench.answers import check_restoration as check
from bench.packing import Packed, pack, split
from bench.plan import Chunk, MethodSpec
from bench.protocol import Method, MethodBase, Oracle, Replay, Restoration, Scene, Task, Truth

if TYPE_CHECKING:
    from torch import Tensor

PR_SET_PDEATHSIG = 1
READY = "ready"
"""What a worker says first: time limits count from here, not from the start of its imports."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What a worker is told of a chunk: arrays, names and numbers, no tensors and no code.

    ``truth`` (images, kernels) is only there for oracles, ``published`` only for replays.
    """

    spec: MethodSpec
    task: Task
    observation: np.ndarray
    truth: tuple[np.ndarray, np.ndarray] | None = None
    published: tuple[dict[str, np.ndarray], ...] = ()
    names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.observation)

    def only(self, position: int) -> Job:
        """Return the job of one image."""
        part = slice(position, position + 1)
        return dataclasses.replace(
            self,
            observation=self.observation[part],
            truth=None if self.truth is None else (self.truth[0][part], self.truth[1][part]),
            published=self.published[part],
            names=self.names[part],
        )


@dataclasses.dataclass(frozen=True)
class Answer:
    """A worker's word on one cell: a packed restoration, or a status and why."""

    status: str
    reason: str = ""
    restoration: Packed | None = None


def make_job(chunk: Chunk) -> Job:
    """Take from a chunk what its method may see."""
    kind = chunk.cells[0].kind
    observed = chunk.observed()
    scenes = [item.scene for item in observed]
    return Job(
        spec=chunk.cells[0].method,
        task=chunk.task,
        observation=np.stack([item.observation.numpy() for item in observed]),
        truth=(
            np.stack([scene.image.numpy() for scene in scenes]),
            np.stack([scene.kernel.numpy() for scene in scenes]),
        )
        if kind == "oracle"
        else None,
        published=tuple(
            {name: value.numpy() for name, value in scene.published.items()} for scene in scenes
        )
        if kind == "replay"
        else (),
        names=tuple(scene.name for scene in scenes),
    )


def serve(connection: Connection, threads: int) -> None:
    """Answer jobs until the connection closes: the body of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()
    import torch

    torch.set_num_threads(threads)
    current: tuple[MethodSpec, Task] | None = None
    method: MethodBase | None = None
    connection.send(READY)
    while True:
        try:
            job: Job = connection.recv()
        except (EOFError, OSError):
            break
        answers: list[Answer]
        try:
            if (job.spec, job.task) != current:
                if method is not None:
                    method.close()
                current, method = None, None
                method = build(job.spec, job.task)
                current = (job.spec, job.task)
            assert method is not None
            answers = compute(method, job)
        except Exception as error:
            answers = [_failure(error)] * len(job)
        connection.send(answers)
    if method is not None:
        method.close()


def end_with_parent() -> None:
    """Ask Linux to kill this process when its parent dies, so that kill -9 leaves no orphans."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1:  # it died before we asked
            os.kill(os.getpid(), signal.SIGKILL)


def build(spec: MethodSpec, task: Task) -> MethodBase:
    """Make the method that a spec names."""
    from bench.registry import METHODS

    return METHODS.load(spec.name)(task, **dict(spec.parameters))


def compute(method: MethodBase, job: Job) -> list[Answer]:
    """Compute a job; if the batch fails, its images are tried one by one.

    An image that makes a method raise, or comes back with NaN, thus fails alone.
    """
    try:
        started = time.perf_counter()
        restoration = check(_call(method, job), _tensor(job.observation))
        elapsed = (time.perf_counter() - started) / len(job)
        return [_judge(single, elapsed) for single in split(restoration)]
    except Exception as error:
        if len(job) == 1:
            return [_failure(error)]
    return [answer for index in range(len(job)) for answer in compute(method, job.only(index))]


def _call(method: MethodBase, job: Job) -> Restoration:
    observation = _tensor(job.observation)
    if isinstance(method, Method):
        return method.deblur(observation)
    if isinstance(method, Oracle) and job.truth is not None:
        image, kernel = job.truth
        return method.deblur(observation, Truth(_tensor(image), _tensor(kernel)))
    if isinstance(method, Replay):
        return method.replay(_scenes(job))
    raise TypeError(f"{type(method).__name__} is neither a Method, an Oracle nor a Replay.")


def _scenes(job: Job) -> Sequence[Scene]:
    return [
        Scene(
            index=position,
            name=job.names[position],
            image=_tensor(observation),  # a replay reads the published outputs, not the truth
            kernel=_tensor(np.zeros(job.task.kernel_size, np.float32)),
            kernel_id="",
            observation=_tensor(observation),
            published={name: _tensor(value) for name, value in job.published[position].items()},
        )
        for position, observation in enumerate(job.observation)
    ]


def _judge(restoration: Restoration, elapsed: float) -> Answer:
    import torch

    for name in ("image", "kernel"):
        value = getattr(restoration, name)
        if value is not None and not bool(torch.isfinite(value).all()):
            return Answer("failed", f"The method returned NaN or infinite values in its {name}.")
    if restoration.seconds is None:
        restoration = dataclasses.replace(restoration, seconds=elapsed)
    return Answer("ok", restoration=pack(restoration))


def _failure(error: Exception) -> Answer:
    from bench.errors import BenchError, NotApplicable, Unavailable

    if isinstance(error, NotApplicable):
        return Answer("not applicable", str(error))
    if isinstance(error, Unavailable):
        return Answer("unavailable", str(error))
    if isinstance(error, BenchError):
        return Answer("failed", str(error))
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(last.filename)}:{last.lineno}"  # noqa: PTH119 (may be no path)
    return Answer("failed", f"{type(error).__name__}: {error} ({where})")


def _tensor(array: np.ndarray) -> Tensor:
    import torch

    return torch.from_numpy(array.copy())  # a method may write into what it is given
