from __future__ import annotations

import heapq
import itertools
import random
from pathlib import Path

import pytest

from bench.harness.cells import Cell, MethodSpec, Picture, Series
from bench.harness.plan import Chunk
from bench.harness.schedule import Costs, Forecast, arrange, recorded
from bench.physics.condition import Condition
from bench.protocol import Task

TASK = Task("natural", (64, 64))


def chunks(method: str, images: int, size: int) -> list[Chunk]:
    series = Series(MethodSpec(method), "tiny", Condition(), "method", "bench", {"method": method})
    cells = [Cell(series, Picture(n, f"{n:03d}", "k", None, f"{n}")) for n in range(images)]
    batches = (cells[n : n + size] for n in range(0, images, size))
    return [Chunk(tuple(batch), None, TASK) for batch in batches]  # type: ignore[arg-type]


def makespan(ordered: list[Chunk], seconds: dict[str, float], workers: int) -> float:
    """Seconds until the last of so many workers, each taking the next chunk, is done."""
    free = [0.0] * workers
    for chunk in ordered:
        end = heapq.heappop(free) + seconds[str(chunk.method)] * len(chunk)
        heapq.heappush(free, end)
    return max(free)


@pytest.mark.parametrize("workers", [2, 4])
def test_cores_are_busy_until_the_end(workers: int) -> None:
    seconds = {"dear": 9.0, "middling": 2.0, "cheap": 0.01}
    waiting = [*chunks("cheap", 80, 40), *chunks("middling", 24, 16), *chunks("dear", 8, 8)]
    costs = Costs({(name, "tiny"): mean for name, mean in seconds.items()})
    ordered = arrange(waiting, costs, workers)
    total = sum(seconds[str(c.method)] * len(c) for c in waiting)
    assert makespan(waiting, seconds, workers) > 1.15 * total / workers  # as planned
    assert makespan(ordered, seconds, workers) < 1.05 * total / workers
    cells = sorted(cell.id for chunk in ordered for cell in chunk.cells)
    assert cells == sorted(cell.id for chunk in waiting for cell in chunk.cells)
    assert max(len(chunk) for chunk in ordered if str(chunk.method) == "cheap") == 40


def test_what_is_unknown_is_not_cut() -> None:
    waiting = chunks("new", 32, 16)
    assert arrange(waiting, Costs(), 2) == waiting


@pytest.mark.parametrize("slower", [0.6, 1.0, 2.5])
@pytest.mark.parametrize("jitter", [0.0, 0.3])
def test_time_left_is_true_within_a_quarter_after_a_fifth_of_the_work(
    slower: float, jitter: float
) -> None:
    """Another machine, whose speed differs by method, and images that differ in cost."""
    draw = random.Random(3)
    seconds = {"dear": 9.0, "middling": 2.0, "cheap": 0.05}
    truly = {"dear": slower, "middling": slower * 1.3, "cheap": slower * 2}
    waiting = [*chunks("dear", 40, 1), *chunks("middling", 80, 1), *chunks("cheap", 80, 8)]
    costs = Costs({(name, "tiny"): mean for name, mean in seconds.items()})
    ordered = arrange(waiting, costs, 2)
    clock = [0.0]
    forecast = Forecast(ordered, costs, clock=lambda: clock[0])
    ends: list[tuple[float, int, Chunk, list[float]]] = []
    free = [0.0, 0.0]
    for number, chunk in enumerate(ordered):
        name = str(chunk.method)
        taken = [
            seconds[name] * truly[name] * (1 + draw.uniform(-jitter, jitter)) for _ in chunk.cells
        ]
        end = heapq.heappop(free) + sum(taken)
        heapq.heappush(free, end)
        ends.append((end, number, chunk, taken))
    whole = max(free)
    said = []
    for end, _, chunk, taken in sorted(ends, key=lambda item: item[:2]):
        clock[0] = end
        for cell, each in zip(chunk.cells, taken, strict=True):
            forecast.note(cell, each)
        left = forecast.left()
        assert left is not None
        if 0.2 <= end / whole <= 0.5:
            said.append(left / (whole - end))
    assert len(said) > 10
    assert all(0.75 < ratio < 1.25 for ratio in said), (min(said), max(said))


def test_nothing_is_said_before_anything_is_done() -> None:
    assert Forecast(chunks("new", 2, 1), Costs()).left() is None


def test_the_record_of_a_clone_says_what_cells_cost(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    head = "dataset,method,kind,seconds\n"
    rows = "tiny,dd,method,4\ntiny,dd,method,2\ntiny,kk,oracle,9\ntiny,p,replay,0\ntiny,x,method,\n"
    path.write_text(head + rows)
    assert recorded(path) == {("dd", "tiny"): 3.0, ("kk", "tiny"): 9.0}
    for broken in ("", "a,b\n1,2\n", f"{head}tiny,dd,method,much\n"):
        path.write_text(broken)
        assert recorded(path) == {}
    assert recorded(tmp_path / "nothing.csv") == {}


def test_costs_of_a_method_on_another_set_are_better_than_nothing() -> None:
    costs = Costs({("dd", "tiny"): 3.0}, {("dd", "tiny"): 9.0, ("dp", "svhn"): 2.0})
    (dd, dp, new) = itertools.chain(*(chunks(name, 1, 1) for name in ("dd", "dp", "new")))
    assert [costs.chunk(chunk) for chunk in (dd, dp, new)] == [3.0, 2.0, 1.0]
    assert costs.known(dp.cells[0])
    assert not costs.known(new.cells[0])
