"""The process that computes cells: it gets observations and answers with packed restorations.

A worker serves the project's methods or one of a third party, and never sees the truth of a cell
unless the method is an oracle.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
import traceback
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import numpy as np

from bench import text
from bench.harness.cells import MethodSpec
from bench.harness.packing import Answer, encode, pack, split
from bench.protocol import (
    Method,
    MethodBase,
    Oracle,
    Replay,
    Restoration,
    Sample,
    Status,
    Task,
    Truth,
)
from bench.protocol.stages import Stages

if TYPE_CHECKING:
    from torch import Tensor

    from bench.isolation import GlobalState

Built = dict[tuple[MethodSpec, Task], tuple[MethodBase, "GlobalState"]]
"""Methods that a process holds, and the state of the process when each was built."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What a worker is told of a chunk: arrays, names and numbers, no tensors and no code.

    ``truth`` (images, kernels) is only there for oracles, ``published`` only for replays.
    ``sharing`` are methods that share a stage with the first and restore the same observation.
    """

    spec: MethodSpec
    task: Task
    observation: np.ndarray
    truth: tuple[np.ndarray, np.ndarray] | None = None
    published: tuple[dict[str, np.ndarray], ...] = ()
    names: tuple[str, ...] = ()
    sharing: tuple[MethodSpec, ...] = ()

    def __len__(self) -> int:
        return len(self.observation) * (1 + len(self.sharing))

    def by_method(self) -> list[Job]:
        """Return a job for each method."""
        specs = (self.spec, *self.sharing)
        return [dataclasses.replace(self, spec=spec, sharing=()) for spec in specs]

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


def serve(connection: Connection) -> None:
    """Answer jobs until the connection closes: the body of a worker process.

    Whatever a method does to the process, each of its jobs starts from the state in which it was
    built, so that no result depends on the jobs before.
    """
    built: Built = {}
    while True:
        try:
            job: Job = connection.recv()
        except (EOFError, OSError):
            break
        parts = job.by_method()
        for key in built.keys() - {(part.spec, part.task) for part in parts}:
            _close(built.pop(key)[0])
        stages = Stages()
        connection.send_bytes(encode([a for part in parts for a in _answer(part, built, stages)]))
    for method, _ in built.values():
        _close(method)


def _answer(job: Job, built: Built, stages: Stages) -> list[Answer]:
    """Answer a job of one method, built before or now."""
    from bench.isolation import GlobalState, seed_everything

    seed_everything(job.task.seed)
    key = (job.spec, job.task)
    try:
        if key not in built:
            method = build(*key)
            built[key] = method, GlobalState.now()
        method = built[key][0]
        method.stages = stages
        answers = _guarded(method, job)
    except BaseException as error:
        answers = [failure(error)] * len(job)
    if key in built:
        built[key][1].restore()
    return answers


def compute_once(job: Job) -> list[Answer]:
    """Compute a job in this process, as methods registered in a session are."""
    method: MethodBase | None = None
    try:
        method = build(job.spec, job.task)
        return compute(method, job)
    except Exception as error:
        return [failure(error)] * len(job)
    finally:
        _close(method)


def _close(method: MethodBase | None) -> None:
    """Let a method release what it holds; its results are in, so a failure costs nothing."""
    with contextlib.suppress(BaseException):
        if method is not None:
            method.close()


def _guarded(method: MethodBase, job: Job) -> list[Answer]:
    """Compute a job, taking an exit (``sys.exit``) of an image for that image's failure."""
    try:
        return compute(method, job)
    except BaseException as error:
        if len(job) == 1:
            return [failure(error)]
    return [answer for index in range(len(job)) for answer in _guarded(method, job.only(index))]


def build(spec: MethodSpec, task: Task) -> MethodBase:
    """Make the method that a spec names."""
    from bench.registry import METHODS

    return METHODS.load(spec.name)(task, **dict(spec.parameters))


def compute(method: MethodBase, job: Job) -> list[Answer]:
    """Compute a job; if the batch fails, its images are tried one by one.

    An image that makes a method raise, or comes back with NaN, thus fails alone.
    """
    from bench.physics.answers import check_restoration as check

    try:
        started = time.perf_counter()
        # Where this brings them to the CPU, a device has finished: its time is counted.
        restoration = check(_call(method, job), _tensor(job.observation))
        elapsed = (time.perf_counter() - started) / len(job)
        return [_judge(single, elapsed) for single in split(restoration)]
    except Exception as error:
        if len(job) == 1:
            return [failure(error)]
    return [answer for index in range(len(job)) for answer in compute(method, job.only(index))]


def _call(method: MethodBase, job: Job) -> Restoration:
    device = job.task.device
    observation = _tensor(job.observation).to(device)
    if isinstance(method, Method):
        return method.deblur(observation)
    if isinstance(method, Oracle) and job.truth is not None:
        image, kernel = (_tensor(array).to(device) for array in job.truth)
        return method.deblur(observation, Truth(image, kernel))
    if isinstance(method, Replay):
        return method.replay(_samples(job))
    raise TypeError(f"{type(method).__name__} is neither a Method, an Oracle nor a Replay.")


def _samples(job: Job) -> Sequence[Sample]:
    return [
        Sample(
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
            return Answer(
                Status.FAILED, f"The method returned NaN or infinite values in its {name}."
            )
    if restoration.seconds is None:
        restoration = dataclasses.replace(restoration, seconds=elapsed)
    return Answer(Status.OK, restoration=pack(restoration))


def failure(error: BaseException) -> Answer:
    """Return what is answered of a cell whose method raised this."""
    from bench.errors import BenchError

    status = Status.of(error)
    if isinstance(error, BenchError):
        return Answer(status, text.describe(error).partition(": ")[2])
    last = (traceback.extract_tb(error.__traceback__) or [None])[-1]
    where = f" ({os.path.basename(last.filename)}:{last.lineno})" if last else ""  # noqa: PTH119
    return Answer(status, text.describe(error) + where)


def _tensor(array: np.ndarray) -> Tensor:
    import torch

    return torch.from_numpy(array.copy())  # a method may write into what it is given
