"""Restore a single observation by a third party's method, in a process of its own."""

from __future__ import annotations

from torch import Tensor

from bench.errors import BenchError, MethodFailed, NotApplicable, Unavailable
from bench.harness import interview
from bench.harness.packing import decode, unpack
from bench.harness.plan import MethodSpec
from bench.harness.process import Child, Death
from bench.harness.worker import Job, serve
from bench.protocol import Restoration, Task

REFUSALS: dict[str, type[BenchError]] = {
    "unavailable": Unavailable,
    "not applicable": NotApplicable,
}


def restore(observation: Tensor, spec: MethodSpec, task: Task) -> Restoration:
    """Restore an observation without a time limit; Ctrl-C ends it.

    Parameters
    ----------
    observation : Tensor, float32, shape (C, H, W), in [0, 1]
    spec : MethodSpec
    task : Task

    Returns
    -------
    Restoration
        Its image rounded to 16 bits, as those of a run.

    Raises
    ------
    Unavailable, NotApplicable
        If the method says so of itself.
    MethodFailed
        If it raises, ends its process or returns what is no restoration.
    """
    (verdict,) = interview.consult(spec.name, dict(spec.parameters), [task])
    if verdict.status:
        raise REFUSALS.get(verdict.status, MethodFailed)(verdict.reason)
    child = Child(serve, data=interview.describe(spec.name).reads_data)
    try:
        child.send(Job(spec, task, observation[None].cpu().numpy(), names=("",)))
        (answer,) = decode(child.receive(None), 1)
    except ValueError as error:
        raise MethodFailed(f"{spec} failed: its process sent no answer ({error}).") from None
    except Death as death:
        raise MethodFailed(f"{spec} failed. {death}") from None
    finally:
        child.kill()
    if answer.restoration is None:
        failed = REFUSALS.get(answer.status)
        raise failed(answer.reason) if failed else MethodFailed(f"{spec} failed: {answer.reason}")
    return unpack(answer.restoration)
