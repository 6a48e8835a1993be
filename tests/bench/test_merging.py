"""Merging of results folders."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench
from bench.errors import BenchError
from bench.harness.store import Store
from bench.report import gallery
from tests.conftest import Bench


def run(folder: Path, methods: str = "blurry", images: int = 2, **options: Any) -> Path:
    bench.run(methods, "photos", images=images, out=folder, workers=1, **options)
    return folder


def without_store(folder: Path) -> Path:
    for path in folder.glob("cells.sqlite*"):
        path.unlink()
    return folder


def rows(folder: Path) -> pd.DataFrame:
    frame = pd.read_csv(folder / "scores.csv", dtype={"image": str}).drop(columns="seconds")
    return frame.sort_values(["method", "condition", "image"]).reset_index(drop=True)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: two that share half of their cells, and one of both together."""
    place = tmp_path_factory.mktemp("folders")
    run(place / "a", "blurry,known-kernel", 2)
    run(place / "b", "blurry", 3)
    run(place / "b", "blurry", 1, noise=0.05)
    run(place / "all", "blurry,known-kernel", 2)
    run(place / "all", "blurry", 3)
    run(place / "all", "blurry", 1, noise=0.05)
    return place


def copies(folders: Path, place: Path) -> tuple[Path, Path]:
    pair = place / "a", place / "b"
    for folder in pair:
        shutil.copytree(folders / folder.name, folder)
    return pair


@pytest.mark.parametrize("bare", [(), ("a",), ("b",), ("a", "b")], ids=str)
@pytest.mark.parametrize("into", ["c", "a", "b"])
def test_two_folders_make_what_one_run_of_both_makes(
    folders: Path, tmp_path: Path, bare: tuple[str, ...], into: str
) -> None:
    first, second = copies(folders, tmp_path)
    for name in bare:
        without_store(tmp_path / name)
    merged = bench.merge(first, second, tmp_path / into)
    pd.testing.assert_frame_equal(rows(tmp_path / into), rows(folders / "all"), check_dtype=False)
    assert merged.both == 2
    assert merged.first + merged.second == len(merged.frame) == 6
    assert (tmp_path / into / "table.md").read_text().count("| blurry") == 2


def test_restorations_and_runs_of_both_are_kept(folders: Path, tmp_path: Path) -> None:
    first, second = copies(folders, tmp_path)
    bench.merge(first, second, tmp_path / "c")
    with Store(tmp_path / "c", write=False) as store:
        assert all(store.restoration(row.id).image.ndim == 4 for row in store.each())
        named = {row[0] for row in store._select("SELECT invocation FROM cells")}
    runs = json.loads((tmp_path / "c" / "provenance.json").read_text())
    earlier = [json.loads((folder / "provenance.json").read_text()) for folder in (first, second)]
    assert [entry for entry in runs if "merged" not in entry] == [*earlier[0], *earlier[1]]
    assert named <= {entry["invocation"] for entry in runs}
    assert runs[-1]["merged"] == [str(first), str(second)]
    frame = bench.run("blurry", "photos", images=3, out=tmp_path / "c")  # nothing is done again
    assert len(frame) == 6
    with Store(tmp_path / "c", write=False) as store:
        assert {row[0] for row in store._select("SELECT invocation FROM cells")} == named


def changed(folder: Path, column: str, value: str) -> None:
    frame = pd.read_csv(folder / "scores.csv", dtype=str, keep_default_na=False)
    frame.loc[frame["method"] == "blurry", column] = value
    frame.to_csv(folder / "scores.csv", index=False)


@pytest.mark.parametrize(("column", "value"), [("psnr", "33.3"), ("method_version", "7")])
def test_cells_that_differ_are_refused_by_name_unless_one_wins(
    folders: Path, tmp_path: Path, column: str, value: str
) -> None:
    first, second = copies(folders, tmp_path)
    changed(without_store(second), column, value)
    with pytest.raises(BenchError, match=r"differ in 2 of 2 cells.*photos / noise 0.01, seed 0"):
        bench.merge(first, second, tmp_path / "c")
    assert not (tmp_path / "c").exists()
    frame = bench.merge(first, second, first, prefer=second).frame
    won = frame[(frame["method"] == "blurry") & (frame["noise"] == 0.01)]
    assert [str(text) for text in won[column]] == [value] * 3
    frame = bench.merge(first, second, tmp_path / "c", prefer=first).frame
    assert [str(text) for text in frame[frame["method"] == "blurry"][column]].count(value) == 4


def pictures(folder: Path) -> dict[str, bytes]:
    paths = [*folder.glob("sheets/*"), *folder.glob("gallery/*.json"), *folder.glob("gallery/*/*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_pictures_of_fewer_images_do_not_replace_those_of_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = run(tmp_path / "record", "blurry,known-kernel", 3)
    gallery.refresh(record, 3)
    before = pictures(without_store(record))
    assert len(before) == 1 + 1 + 4 + 2  # sheet, index, mosaics of images and of kernels
    few = run(tmp_path / "few", "blurry,known-kernel", 1)
    bench.merge(record, few, record, prefer=few)
    gallery.refresh(record, 3)
    assert "they show 3 images, and the store has 1" in capsys.readouterr().err
    run(record, "blurry", 1)  # draws what sheets there are to draw
    assert pictures(record) == before
    run(record, "known-kernel", 3)  # all images, but one method is there of one image only
    gallery.refresh(record, 3)
    assert pictures(record) == before
    run(record, "blurry", 3)
    gallery.refresh(record, 2)  # as few as are asked for, where all are there
    (group,) = gallery.read_gallery(record)
    assert len(group["images"]) == 2


def test_a_success_is_taken_over_a_failure(folders: Path, tmp_path: Path) -> None:
    first, second = copies(folders, tmp_path)
    for folder in (first, second):
        without_store(folder)
    changed(first, "status", "failed")
    for pair in ((first, second), (second, first)):
        frame = bench.merge(*pair, tmp_path / pair[0].name / "c").frame
        assert list(frame["status"]) == ["ok"] * 6


def test_a_folder_taken_back_without_its_store_is_refused(folders: Path, tmp_path: Path) -> None:
    first, second = copies(folders, tmp_path)
    committed = {name: (first / name).read_bytes() for name in ("scores.csv", "provenance.json")}
    run(first, "known-kernel", 1, noise=0.05)
    for name, content in committed.items():  # as git checkout does
        (first / name).write_bytes(content)
    for again in (
        lambda: bench.merge(first, second, first),
        lambda: bench.merge(second, first, tmp_path / "c"),
        lambda: run(first, "blurry", 1),
    ):
        with pytest.raises(BenchError, match=r"cells\.sqlite holds 1 cells of runs that"):
            again()
    assert {name: (first / name).read_bytes() for name in committed} == committed
    assert not (tmp_path / "c").exists()
    bench.merge(without_store(first), second, first)
    pd.testing.assert_frame_equal(rows(first), rows(folders / "all"), check_dtype=False)


def test_what_makes_no_sense_is_refused(bench: Bench, folders: Path) -> None:
    a, b, all_of_them = (str(folders / name) for name in ("a", "b", "all"))
    assert "Both folders are" in bench.refused("merge", a, a, "-o", "c")
    assert "no results folder at" in bench.refused("merge", a, "nowhere", "-o", "c")
    assert "holds results already" in bench.refused("merge", a, b, "-o", all_of_them)
    assert "is neither" in bench.refused("merge", a, b, "-o", "c", "--prefer", "c")
    assert not (bench.folder / "c").exists()
    done = bench("merge", a, b, "-o", "c")
    assert done.returncode == 0, done.stderr
    assert "6 rows in c/scores.csv: 4 of" in done.stdout
