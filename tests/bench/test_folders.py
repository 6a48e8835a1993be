"""Results folders that were edited, cut, merged, or written by another version."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import io
import json
import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench import cli
from bench.errors import BenchError, StorageError, UnknownName
from bench.harness import provenance, scores
from bench.harness.store import Outcome, Store
from bench.protocol import Status
from bench.report import contact_sheet, tables
from bench.report.comparison import compare
from bench.report.details import STRATA, _thirds
from bench.report.gallery import read_gallery
from bench.report.patterns import choose
from bench.report.plain import plain_figures
from tests.bench.test_store import cell
from tests.bench.test_tables import frame, row


def write(folder: Path, table: pd.DataFrame) -> Path:
    scores.update(table.astype(dict.fromkeys(scores.WHOLE, "Int64")), folder)
    return folder / "scores.csv"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_doubled_rows_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, frame([20.0, 21.0]))
    path.write_text(path.read_text() + path.read_text().partition("\n")[2])
    with pytest.raises(BenchError, match="blurry / 00' twice"):
        scores.read(tmp_path)


@pytest.mark.parametrize("name", ["None", "NA", "nan", "null", "=1+1", "@x", "'-x", "007"])
def test_names_are_read_as_they_are(tmp_path: Path, name: str) -> None:
    write(tmp_path, frame([20.0, 21.0], name))
    assert set(scores.read(tmp_path)["method"]) == {name}
    write(tmp_path, frame([20.0, 21.0], name))
    assert len(scores.read(tmp_path)) == 2
    assert f"\n{name}," not in (tmp_path / "scores.csv").read_text() or name[0] not in "=@"


def test_a_carriage_return_in_a_reason_is_escaped_and_read(tmp_path: Path) -> None:
    path = write(tmp_path, frame([20.0, None]).replace("it broke", "10 %\r20 %\n\x1b[0m\x00"))
    assert r"10 %\r20 %\n\x1b[0m\x00" in path.read_text()
    edit(path, r"10 %\r20 %", "10 %\r20 %")  # as an earlier version wrote it
    assert scores.read(tmp_path)["reason"][1].startswith(r"10 %\r20 %")
    write(tmp_path, frame([20.0, None]))


def test_what_is_no_table_of_scores_says_why(tmp_path: Path) -> None:
    path = write(tmp_path, frame([20.0, 21.0]))
    whole = path.read_text()
    head, _, rows = whole.partition("\n")
    for text, reason in {
        f"{head}\n<<<<<<< HEAD\n{rows}=======\n{rows}>>>>>>> other\n": "merge",
        whole.replace("20.0", "twenty"): "psnr is 'twenty' in row 1",
        whole.replace("20.0", "20.0,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,"): "Length of header",
        whole.rpartition(",ok")[0]: "has no status",
        "": "No columns",
    }.items():
        path.write_text(text)
        with pytest.raises(BenchError, match=f"no table of scores.*{reason}"):
            scores.read(tmp_path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BenchError, match="no table of scores"):
        scores.check(tmp_path)


def test_an_older_table_lacks_columns_and_is_carried_on(tmp_path: Path) -> None:
    path = write(tmp_path, frame([20.0, 21.0]))
    pd.read_csv(path, dtype=str).drop(columns=["kernel_spread", "gmsd"]).to_csv(path, index=False)
    assert scores.read(tmp_path)["gmsd"].isna().all()
    assert "GMSD" not in tables.markdown(scores.read(tmp_path))
    write(tmp_path, frame([25.0], "dd"))
    assert list(scores.read(tmp_path)["method"]) == ["blurry", "blurry", "dd"]
    assert _thirds(pd.Series([np.nan, np.nan])).isna().all()
    assert list(_thirds(pd.Series([1.0, 2.0])).cat.categories) == list(STRATA)


def test_the_table_of_a_killed_run_counts_what_was_planned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store(tmp_path) as store:
        store.expect([cell(f"{number:02d}") for number in range(8)])
        store.record([Outcome(cell(image), "ok") for image in ("00", "01")])
    first = frame([20.0], "some").assign(condition=str(cell().condition))
    write(tmp_path, first)
    assert cli.main(["table", str(tmp_path), "--markdown"]) == 0
    shown = capsys.readouterr().out
    assert row(shown, "some").count("2/8") > 1
    assert "6 pending" in shown
    assert cli.main(["table", str(tmp_path), "--method", "sone"]) == 2
    assert "there is 'some'" in capsys.readouterr().err


def test_a_label_with_brackets_is_meant_as_it_is() -> None:
    labels = ["dd", "dd[preset=published]", "ddp"]
    assert choose(labels, "dd[preset=published]", "method") == {"dd[preset=published]"}
    with pytest.raises(UnknownName, match="'dd'"):
        choose(labels, "de", "method")


def test_names_and_reasons_do_not_break_a_table() -> None:
    broken = frame([20.0, None], "a|b\n<script>").replace("it broke", "<b>x\n| y")
    text = tables.markdown(broken)
    assert r"| a\|b\n&lt;script> " in text
    assert "<b>" not in text
    assert r"&lt;b>x\n\| y" in text


def test_a_table_says_what_is_exact_untimed_or_another_method_s() -> None:
    first = frame([20.0, 21.0], "dp").assign(seconds=np.nan, ssim=0.5, kernel_similarity=0.9)
    text = tables.markdown(pd.concat([first, first.assign(method="other")]))
    assert "- `other` equals `dp`: the same scores on all 2 images" in text
    assert "| – " in row(text, "other")
    assert "nan" not in row(text, "other")
    assert "equals" not in tables.markdown(pd.concat([first, frame([20.0, 21.0], "x")]))
    assert "∞ (1 of 3 exact, else 21.00)" in tables.markdown(frame([np.inf, 20.0, 22.0]))


def sided(psnrs: list[float | None]) -> pd.DataFrame:
    return frame(psnrs).assign(kernel_id=[f"k{i}" for i in range(len(psnrs))])


def test_an_image_without_an_error_hides_no_drop() -> None:
    old = sided([np.inf, *np.linspace(30, 31, 12)])
    result = compare(old, sided([np.inf, *np.linspace(20, 21, 12)]), ["psnr"])
    assert result.changes[0].difference.n == 12
    assert result.worse
    assert "1 of 13 images exact in both" in result.notices[0]
    result = compare(old, sided([50.0, *np.linspace(30, 31, 12)]), ["psnr"])
    assert result.worse
    assert "exact only in the old" in result.notices[0]
    result = compare(sided([np.inf, np.inf]), sided([np.inf, np.inf]), ["psnr"])
    assert not result.worse
    assert "too few" in result.notices[0]


def test_a_store_that_can_only_be_read_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path) as store:
        store.expect([cell()])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    connect = sqlite3.connect

    def without_index(address: object, **options: object) -> sqlite3.Connection:
        if "mode=ro" in str(address):
            error = sqlite3.OperationalError("attempt to write a readonly database")
            error.sqlite_errorcode = sqlite3.SQLITE_READONLY
            raise error
        return connect(address, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(sqlite3, "connect", without_index)
    with Store(tmp_path, write=False) as store:
        assert len(store.rows()) == 1
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_damaged_stores_say_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "cells.sqlite"
    for number, change in enumerate(
        ("ALTER TABLE cells RENAME COLUMN cost TO price", "UPDATE plan SET row = '[1]'")
    ):
        folder = tmp_path / str(number)
        with Store(folder) as store:
            store.expect([cell()])
        with sqlite3.connect(folder / "cells.sqlite") as db:
            db.execute(change)
        db.close()
        with pytest.raises(BenchError, match=r"cells\.sqlite.*move it away"):
            Store(folder, write=False).rows()
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(BenchError, match=r"cells\.sqlite.*move it away"):
        Store(tmp_path)


def test_a_store_that_another_program_holds_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **{**k, "timeout": 0.1}))
    with Store(tmp_path) as store, contextlib.closing(connect(store.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match=r"in use by another program .* close it"):
            store.forget([])


def test_a_folder_that_cannot_be_locked_is_no_other_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(BenchError, match="cannot be locked"):
        Store(tmp_path)


@pytest.mark.parametrize("text", ["{", "{}", "[1]", "\xff"])
def test_damaged_provenance_is_set_aside(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "provenance.json"
    path.write_text(text, encoding="latin-1")
    provenance.begin(tmp_path, {"command": "x"}, {})
    assert [entry["command"] for entry in json.loads(path.read_text())] == ["x"]
    assert (tmp_path / "provenance.json.damaged").read_text(encoding="latin-1") == text
    assert "is kept as provenance.json.damaged" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../scores.csv", "/etc/passwd", 7])
def test_a_gallery_names_no_file_outside_its_folder(tmp_path: Path, name: object) -> None:
    entry = {"kind": "truth", "images": name, "kernels": None}
    group = {"dataset": "d", "condition": "c", "images": ["0"], "tile": [8, 8], "methods": {}}
    groups = [{**group, "truth": entry, "observation": entry}]
    (tmp_path / "gallery").mkdir()
    (tmp_path / "gallery" / "gallery.json").write_text(json.dumps({"format": 1, "groups": groups}))
    with pytest.raises(BenchError, match=r"gallery\.json (names|is no gallery)"):
        read_gallery(tmp_path)


def test_figures_ignore_the_user_s_settings() -> None:
    import matplotlib

    with matplotlib.rc_context({"text.usetex": True}):
        with plain_figures():
            assert not matplotlib.rcParams["text.usetex"]
        assert matplotlib.rcParams["text.usetex"]


def test_a_sheet_that_cannot_be_drawn_costs_a_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(contact_sheet, "_draw", lambda *_: 1 / 0)
    with Store(tmp_path) as store:
        store.expect([cell()])
        store.record([Outcome(cell(), Status.FAILED)])
        table = frame([20.0])
        assert contact_sheet.write_sheets(store, lambda _: None, tmp_path, table) == []  # type: ignore[arg-type,return-value]
    assert "is not drawn: ZeroDivisionError" in capsys.readouterr().err


def test_a_terminal_without_arrows_gets_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, frame([20.0, 21.0]))
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii")
    monkeypatch.setattr("sys.stdout", stream)
    assert cli.main(["table", str(tmp_path), "--markdown"]) == 0
    stream.flush()
    assert b"PSNR" in written.getvalue()
