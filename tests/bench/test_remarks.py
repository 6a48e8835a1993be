"""What is said below a table: twins, implausible rows, versions that share no mean."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest
import torch

from bench.harness import columns, scores, scoring
from bench.harness.cells import Cell
from bench.harness.packing import Packed, pack
from bench.harness.plan import Chunk, MethodSpec, load_dataset, parse_methods, plan
from bench.harness.store import Outcome, Store
from bench.physics.condition import Condition
from bench.protocol import Restoration
from bench.report import tables


def rows(method: str, psnr: list[float], kind: str = "method", version: str = "1") -> list[dict]:
    """Rows of ``photos``."""
    return [
        {name: float("nan") for name in columns.columns()}
        | {"dataset": "photos", "condition": "c", "method": method, "kind": kind, "status": "ok"}
        | {
            "image": f"{index:03d}",
            "psnr": value,
            "ssim": value / 100,
            "ssim_rgb": 0.5,
            "gmsd": 0.1,
        }
        | {"seconds": 1.0, "method_version": version, "reason": "", "origin": "x"}
        for index, value in enumerate(psnr)
    ]


def test_twins_and_rows_too_good_to_be_true_are_named() -> None:
    frame = pd.DataFrame(
        [
            *rows("blurry", [20.0, 21.0]),
            *rows("mine", [20.0, 21.0]),
            *rows("leak", [70.0, 72.0]),
            *rows("copy", [float("inf"), 20.0]),
            *rows("known-kernel", [30.0, 31.0], "oracle"),
        ]
    )
    table = tables.markdown(frame)
    assert "- `mine` equals `blurry`: the same scores on all 2 images." in table
    assert "- `leak` is **implausible** for a blind method: 40.5 dB above every oracle." in table
    assert "- `copy` is **implausible** for a blind method: an exact copy" in table
    assert "known-kernel` is" not in table


def test_rows_of_two_versions_share_no_mean() -> None:
    frame = pd.DataFrame([*rows("mine", [20.0]), *rows("mine", [30.0, 30.0], version="2")[1:]])
    table = tables.markdown(frame)
    assert "rows of versions 1 and 2 do not share a mean" in table
    assert "25.00" not in table


def _cells(images: int, **identity: str) -> list[Cell]:
    laid_out = plan(parse_methods("blurry"), [load_dataset("photos")], [Condition()], images)
    chunks = [item for item in laid_out if isinstance(item, Chunk)]
    found = []
    for cell in (cell for chunk in chunks for cell in chunk.cells):
        changed = {**cell.series.identity, **identity}
        found.append(Cell(dataclasses.replace(cell.series, identity=changed), cell.picture))
    return found


def test_an_older_version_is_set_aside_by_the_run_of_a_newer_one(tmp_path: Path) -> None:
    dataset = load_dataset("photos")
    with Store(tmp_path) as store:
        for images, version in ((4, "1"), (2, "2")):
            cells = _cells(images, version=version)
            store.expect(cells)
            image = Restoration(dataset[0].image[None])
            store.record(Outcome(cell, "ok", "", pack(image)) for cell in cells)
        frame = scores.collect(store, lambda _: dataset, progress=False)
    assert list(frame["status"]) == ["ok", "ok", "outdated", "outdated"]
    table = tables.markdown(frame)
    assert "2/4" in table
    assert "version 1 of the method on version 1 of the set" in table
    assert "run it again" in table


def test_a_cell_that_cannot_be_scored_costs_itself_alone(tmp_path: Path) -> None:
    dataset = load_dataset("photos")
    cells = _cells(3)
    good = pack(Restoration(dataset[0].image[None]))
    with Store(tmp_path) as store:
        store.expect(cells)
        for cell, packed in zip(cells, (good, Packed("{}", b"no arrays"), good), strict=True):
            store.record([Outcome(cell, "ok", "", packed)])
        for _ in range(2):  # and so does the next run in that folder
            frame = scores.collect(store, lambda _: dataset, progress=False)
            assert list(frame["status"]) == ["ok", "failed", "ok"]
            assert frame["reason"][1].startswith("It cannot be scored")
    assert str(parse_methods("blurry")[0]) == str(MethodSpec("blurry"))


def test_rows_planned_before_sets_had_versions_in_the_plan_are_not_outdated(tmp_path: Path) -> None:
    dataset = load_dataset("photos")
    image = pack(Restoration(dataset[0].image[None]))
    with Store(tmp_path) as store:
        before = _cells(4, **{"dataset version": ""})
        for cells in (before, _cells(2)):
            store.expect(cells)
            store.record(Outcome(cell, "ok", "", image) for cell in cells)
        frame = scores.collect(store, lambda _: dataset, progress=False)
    assert list(frame["status"]) == ["ok"] * 4


def test_raising_a_metrics_version_computes_its_column_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load_dataset("photos")
    cells = _cells(2)
    image = pack(Restoration(dataset[0].image[None]))
    with Store(tmp_path) as store:
        store.expect(cells)
        store.record(Outcome(cell, "ok", "", image) for cell in cells)
        before = scores.collect(store, lambda _: dataset, progress=False)
        raised = {**columns.versions(), "gmsd": "another"}
        monkeypatch.setattr(columns, "versions", lambda: raised)
        asked = []

        def only_gmsd(*arguments: object) -> dict[str, object]:
            asked.append(arguments[-1])
            return {"gmsd": torch.tensor([0.5] * 2)}

        monkeypatch.setattr(scoring, "measure", only_gmsd)
        after = scores.collect(store, lambda _: dataset, progress=False)
    assert asked == [frozenset({"gmsd"})]
    assert list(after["gmsd"]) == [0.5, 0.5]
    same = [name for name in before.columns if name not in ("gmsd", "metric_version")]
    pd.testing.assert_frame_equal(before[same], after[same])
