from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import torch

from bench.errors import BenchError, Unavailable
from bench.harness import scores
from bench.harness.cells import Cell, MethodSpec, Picture, Series
from bench.harness.columns import versions
from bench.harness.packing import pack, split, unpack
from bench.harness.store import Outcome, Store
from bench.harness.store_file import SCHEMA
from bench.physics.condition import Condition
from bench.protocol import Dataset, Restoration, Status


def cell(image: str = "00", version: str = "1") -> Cell:
    identity = {"version": version, "parameters": {}, "assets": {}}
    series = Series(MethodSpec("some"), "tiny", Condition(), "method", "bench", identity)
    return Cell(series, Picture(int(image), image, "k", None, "digest"))


def restoration(n: int = 1) -> Restoration:
    return Restoration(
        torch.rand(n, 3, 8, 8), torch.rand(n, 5, 5), 7, 20, 3, 0.25,
        torch.rand(n), {"latent": torch.randn(n, 4)},
    )  # fmt: skip


def test_packing_keeps_everything_up_to_the_rounding_of_the_image() -> None:
    before = restoration()
    after = unpack(pack(before))
    assert (after.image - before.image).abs().max() < 1e-5
    assert torch.equal(after.records["latent"], before.records["latent"])
    for one, other in ((after.kernel, before.kernel), (after.residual, before.residual)):
        assert one is not None
        assert other is not None
        assert torch.equal(one, other)
    costs = (after.generator_evaluations, after.iterations, after.restarts, after.seconds)
    assert costs == (7, 20, 3, 0.25)


def test_packing_twice_changes_nothing_more() -> None:
    once = unpack(pack(restoration()))
    assert torch.equal(unpack(pack(once)).image, once.image)


def test_split_and_a_restoration_without_kernel() -> None:
    whole = restoration(3)
    parts = split(whole)
    assert torch.equal(
        torch.cat([part.records["latent"] for part in parts]), whole.records["latent"]
    )
    assert unpack(pack(Restoration(torch.rand(1, 1, 8, 8)))).kernel is None


def test_a_failure_never_replaces_a_success_and_a_success_replaces_a_failure(
    tmp_path: Path,
) -> None:
    with Store(tmp_path) as store:
        store.expect([cell()])
        assert store.rows()[0].status == "pending"
        store.record([Outcome(cell(), "failed", "no luck")])
        assert (store.rows()[0].status, store.rows()[0].reason) == ("failed", "no luck")
        store.record([Outcome(cell(), "ok", restoration=pack(restoration()))])
        store.record([Outcome(cell(), "failed", "again")])
        assert store.rows()[0].status == "ok"
        assert store.finished() == {cell().id}


def test_a_new_version_of_the_code_takes_the_old_one_s_row(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.expect([cell(version="1")])
        store.record([Outcome(cell(version="1"), "ok", restoration=pack(restoration()))])
        store.expect([cell(version="2")])
        (row,) = store.rows()
        assert row.status == "pending"


def test_half_a_chunk_is_never_recorded(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.expect([cell("01"), cell("02")])

        def outcomes():
            yield Outcome(cell("01"), "ok", restoration=pack(restoration()))
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.record(outcomes())
        assert not store.finished()


def test_what_was_recorded_is_there_after_closing(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.expect([cell()])
        store.record([Outcome(cell(), "ok", restoration=pack(restoration()))])
        store.keep_scores("v1", {cell().id: {"psnr": 20.0}})
    with Store(tmp_path, write=False) as store:
        assert store.restoration(cell().id).image.shape == (1, 3, 8, 8)
        (row,) = store.rows()
        assert (row.score_version, row.scores) == ("v1", {"psnr": 20.0})
        assert store.unscored("v1") == 0
        assert store.unscored("v2") == 1


def test_a_metric_that_is_newer_than_the_data_here_costs_no_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(name: str) -> Dataset:
        raise Unavailable(f"There is no {name}.")

    older = ",".join(f"{name}={version}" for name, version in versions().items() if name != "gmsd")
    with Store(tmp_path) as store:
        cells = [cell("01"), cell("02"), cell("03")]
        store.expect(cells)
        store.record(Outcome(each, "ok", restoration=pack(restoration())) for each in cells)
        store.keep_scores(older, {cell("01").id: {"psnr": 20.0}})
        store.keep_scores("psnr=0", {cell("03").id: {"psnr": 20.0, "residual": 0.01}})
        frame = scores.collect(store, gone, progress=False).set_index("image")
    assert frame["status"].tolist() == [Status.OK, Status.FAILED, Status.FAILED]
    assert frame["psnr"].tolist()[0] == 20.0
    assert frame["gmsd"].isna().all()
    assert frame["metric_version"].tolist()[0] == older
    assert "1 cells keep the scores they have" in capsys.readouterr().err


def test_reading_where_nothing_was_run_says_how_to_start(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="python -m bench run"):
        Store(tmp_path, write=False)


def test_a_store_of_an_older_version_is_read_and_gets_the_runs_of_its_new_cells(
    tmp_path: Path,
) -> None:
    with sqlite3.connect(tmp_path / "cells.sqlite") as db:
        db.executescript(SCHEMA.replace(", invocation TEXT", ""))
    with Store(tmp_path, write=False) as store:
        assert store.rows() == []
    with Store(tmp_path, invocation="abc") as store:
        store.expect([cell()])
        store.record([Outcome(cell(), "failed", "no\x1b[31m luck\r\n\ud800")])
        assert store.rows()[0].reason == r"no\x1b[31m luck \ud800"
    with sqlite3.connect(tmp_path / "cells.sqlite") as db:
        assert db.execute("SELECT invocation FROM cells").fetchall() == [("abc",)]
