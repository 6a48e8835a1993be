"""What is tried again, what is given up, and what a second answer does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from bench.errors import ProcessError
from bench.harness import observations
from bench.harness.dispatch import Dispatch
from bench.harness.executors.base import Garbled, Late, Lost, Work
from bench.harness.observations import Observations
from bench.harness.packing import Answer, Packed, decode, encode
from bench.harness.plan import Chunk, MethodSpec, load_dataset, plan
from bench.harness.store import Outcome, Store
from bench.physics.condition import Condition
from bench.physics.observation import Observed, observe

Behaviour = Callable[[Work], list[Answer] | Exception]


class Scripted:
    """An executor whose jobs end as a test wants them to."""

    capacity = 2

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour, self.closed = behaviour, False
        self.works: list[Work] = []

    def submit(self, works: Sequence[Work]) -> list[Future[list[Answer]]]:
        self.works += works
        return [self.answered(self.behaviour(work)) for work in works]

    @staticmethod
    def answered(found: list[Answer] | Exception) -> Future[list[Answer]]:
        future: Future[list[Answer]] = Future()
        if isinstance(found, Exception):
            future.set_exception(found)
        else:
            future.set_result(found)
        return future

    def close(self) -> None:
        self.closed = True


def well(work: Work) -> list[Answer]:
    return [Answer("ok", "", Packed("{}", b"x"))] * len(work.job)


def dispatched(behaviour: Behaviour) -> tuple[Scripted, list[Outcome]]:
    executor = Scripted(behaviour)
    found = Dispatch(chunks(), executor, 5.0).compute(lambda chunk: None)
    outcomes = [outcome for several in found for outcome in several]
    assert executor.closed
    return executor, outcomes


def chunks() -> list[Chunk]:
    (chunk,) = plan([MethodSpec("blurry")], [load_dataset("photos")], [Condition()], 3)
    assert isinstance(chunk, Chunk)
    return [chunk]


def test_answers_become_outcomes() -> None:
    executor, outcomes = dispatched(well)
    assert [outcome.status for outcome in outcomes] == ["ok"] * 3
    assert [len(work.job) for work in executor.works] == [3]
    assert executor.works[0].time_limit == 15.0


def test_a_loss_costs_a_retry_and_then_one_cell_alone() -> None:
    def dies_at_the_second(work: Work) -> list[Answer] | Exception:
        return (
            Lost("It died.") if list(chunks()[0].cells)[1].image in work.job.names else well(work)
        )

    executor, outcomes = dispatched(dies_at_the_second)
    assert sorted(outcome.status for outcome in outcomes) == ["failed", "ok", "ok"]
    assert [len(work.job) for work in executor.works] == [3, 1, 1, 1, 1]
    assert [work.fresh for work in executor.works].count(True) == 1
    assert next(o.reason for o in outcomes if o.status == "failed") == "It died."


def test_what_is_late_is_not_tried_twice_by_itself() -> None:
    executor, outcomes = dispatched(lambda work: Late("Too long."))
    assert [outcome.reason for outcome in outcomes] == ["Too long."] * 3
    assert [len(work.job) for work in executor.works] == [3, 1, 1, 1]


def test_answers_that_are_none_cost_their_cells() -> None:
    _, outcomes = dispatched(lambda work: Garbled("It sent nonsense."))
    assert [outcome.status for outcome in outcomes] == ["failed"] * 3


def test_a_message_says_what_was_answered_or_is_refused() -> None:
    answers = [Answer("ok", "", Packed("{}", b"x\ny")), Answer("failed", "It is dark.")]
    message = encode(answers)
    assert decode(message, 2) == answers
    for damaged in (b"nonsense", b"[]", message[:-1], message + b"z", b'[["ok", "", null, 0]]'):
        with pytest.raises(ValueError, match=r".+"):
            decode(damaged, 1 if damaged.startswith(b'[["ok", "", n') else 2)


def test_an_executor_that_is_gone_ends_the_run() -> None:
    with pytest.raises(ProcessError, match="scheduler"):
        dispatched(lambda work: ProcessError("The scheduler was lost."))


def test_recording_a_cell_twice_is_harmless(tmp_path: Path) -> None:
    _, outcomes = dispatched(well)
    with Store(tmp_path) as store:
        store.expect(outcome.cell for outcome in outcomes)
        store.record(outcomes)
        once = [(row.id, row.status, row.cost) for row in store.rows()]
        store.record(outcomes)
        store.record([Outcome(outcomes[0].cell, "failed", "A second, lost try.")])
        assert [(row.id, row.status, row.cost) for row in store.rows()] == once


@pytest.mark.parametrize(("most", "made"), [(1 << 30, 4), (0, 8), (300_000, 6)])
def test_observations_are_made_once_for_all_methods_if_they_fit(
    most: int, made: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load_dataset("photos")
    methods = [MethodSpec("blurry"), MethodSpec("known-kernel")]
    laid_out = [c for c in plan(methods, [dataset], [Condition()], 4) if isinstance(c, Chunk)]
    asked = []

    def counted(*place: object) -> Observed:
        asked.append(place[1])
        return observe(*place)  # type: ignore[arg-type]

    monkeypatch.setattr(observations, "observe", counted)
    kept = Observations(laid_out, most)
    for chunk in laid_out:
        for one, other in zip(chunk.observed(kept), chunk.observed(), strict=True):
            assert one.observation.equal(other.observation)
            assert one.sample.image.equal(other.sample.image)
    assert len(asked) == made
    assert kept._free == most  # nothing is held that nobody will ask for
