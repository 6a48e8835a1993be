"""What the HTML page says and holds, without a browser."""

from __future__ import annotations

import base64
import gzip
import html.parser
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.errors import BenchError
from bench.harness.scores import read
from bench.report.page import build_page, pairs, rows
from bench.report.statistics import paired_difference
from bench.report.summary import summarise


class Page(html.parser.HTMLParser):
    """Addresses, inline data and visible text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.data = ""
        self._inside_data = False
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value for name, value in attributes if value}
        self.ids += [found["id"]] if "id" in found else []
        self.loads += [found["src"]] if "src" in found else []
        if tag != "a" and "href" in found:
            self.loads.append(found["href"])
        self._inside_data = found.get("id") == "bench-data"

    def handle_data(self, data: str) -> None:
        if self._inside_data:
            self.data += data

    def handle_endtag(self, tag: str) -> None:
        self._inside_data = False


@pytest.fixture(scope="module")
def text(results: Path) -> str:
    return build_page(results)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_the_same_folder_gives_the_same_page(results: Path, text: str, tmp_path: Path) -> None:
    shutil.copytree(results, tmp_path / "elsewhere")
    assert build_page(tmp_path / "elsewhere") == text
    assert len(text.encode()) < 3_000_000


def test_the_page_loads_nothing_and_no_id_is_used_twice(text: str, page: Page) -> None:
    assert [address for address in page.loads if not address.startswith("data:")] == []
    styles = "".join(re.findall(r"<style>(.*?)</style>", text, re.DOTALL))
    assert "@import" not in styles
    assert "url(" not in styles
    assert len(page.ids) == len(set(page.ids))


def test_texts_from_the_scores_are_escaped(text: str) -> None:
    assert "</script><b>too dark" not in text
    assert "&lt;b&gt;too dark" in text


def test_the_csv_files_are_in_the_page_byte_for_byte(results: Path, page: Page) -> None:
    files = {file["name"]: file["gzip"] for file in json.loads(page.data)["files"]}
    assert set(files) == {"scores.csv", "sweep-noise.csv", "sweep-blur-length.csv"}
    unpacked = gzip.decompress(base64.b64decode(files["scores.csv"]))
    assert unpacked == (results / "scores.csv").read_bytes()


def test_nothing_is_averaged_over_missing_cells(results: Path) -> None:
    views = {view["dataset"]: view for view in rows.views(summarise(read(results)))}
    found = {row["method"]: row for row in views["svhn"]["rows"]}
    assert found["dp"]["missing"] == "3/4"
    assert found["dp"]["means"]["psnr"] is None
    assert found["dds"]["means"]["psnr"]["value"] == pytest.approx(27.0 + 0.75 - 0.2)
    assert found["dds"]["means"]["psnr"]["low"] < 27.55 < found["dds"]["means"]["psnr"]["high"]
    assert found["published-dd"]["seconds"] is None
    assert ": 1 failed: RuntimeError" in views["svhn"]["marks"][0][1]


def test_generated_images_have_no_column_in_table_1(results: Path) -> None:
    frame = read(results)
    ranges = frame[frame["dataset"] == "celeba"].assign(dataset="celeba-range")
    summary = summarise(pd.concat([frame, ranges]))
    views = rows.views(summary)
    assert [view["dataset"] for view in views] == ["svhn", "celeba", "celeba-range"]
    columns = rows.overview(summary, views)["columns"]
    assert [column["dataset"] for column in columns] == ["svhn", "celeba"]


def test_a_sweep_leaves_out_points_with_missing_cells(page: Page) -> None:
    charts = json.loads(page.data)["charts"]
    assert [(chart["sweep"], chart["dataset"]) for chart in charts] == [
        ("noise", "svhn"),
        ("noise", "celeba"),
        ("blur-length", "celeba"),
    ]
    curve = {curve["method"]: curve for curve in charts[0]["curves"]}["dds"]
    assert curve["x"] == [1, 2, 10]
    assert curve["n"] == [4, 4, 4]
    mean, low, high = curve["psnr"][0]
    assert low < mean < high


def test_scores_alone_are_enough(results: Path, tmp_path: Path) -> None:
    shutil.copy(results / "scores.csv", tmp_path)
    text = build_page(tmp_path)
    assert 'id="gallery"' not in text
    assert 'id="sweeps"' not in text
    assert "Provenance" not in text
    assert len(text) < 300_000  # without charts there is no charting library


def test_what_is_wrong_with_a_folder_is_said(results: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no scores at"):
        build_page(tmp_path)
    shutil.copytree(results, tmp_path / "copy")
    (tmp_path / "copy" / "gallery" / "svhn" / "dds.webp").unlink()
    with pytest.raises(BenchError, match="is missing, though gallery"):
        build_page(tmp_path / "copy")
    (tmp_path / "copy" / "gallery" / "gallery.json").write_text("[]")
    with pytest.raises(BenchError, match="is no gallery"):
        build_page(tmp_path / "copy")
    (tmp_path / "copy" / "provenance.json").write_text("{")
    shutil.rmtree(tmp_path / "copy" / "gallery")
    with pytest.raises(BenchError, match="is not JSON"):
        build_page(tmp_path / "copy")


def test_pairs_are_compared_as_the_command_line_compares_them(results: Path) -> None:
    frame = read(results)
    draw = np.random.default_rng(0)
    frame["psnr"] += draw.normal(size=len(frame))
    summary = summarise(frame)
    found = pairs.encode(summary, [view.dataset for view in summary.views])
    celeba = next(entry for entry in found if entry["view"] == "celeba")
    table = celeba["metrics"]["psnr"]
    assert table["methods"] == ["blurry", "dp", "dds", "published-dd", "known-kernel"]
    scores = np.array(table["scores"])
    both = [(i, j) for i in range(5) for j in range(i + 1, 5)]
    for (i, j), (mean, low, high, p) in zip(both, table["pairs"], strict=True):
        one = paired_difference(scores[i], scores[j])
        assert (mean, low, high) == pytest.approx((one.mean, one.low, one.high), abs=2e-4)
        assert p == pytest.approx(one.p_value, abs=1e-4)


def test_only_methods_with_all_images_are_compared(results: Path) -> None:
    summary = summarise(read(results))
    found = {entry["view"]: entry for entry in pairs.encode(summary, ["svhn", "celeba"])}
    assert "dp" not in found["svhn"]["metrics"]["psnr"]["methods"]  # it lacks an image there
    assert "blurry" not in found["svhn"]["metrics"]["kernel_similarity"]["methods"]


def test_of_many_methods_the_best_are_compared_and_it_is_said(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pairs, "MOST", 3)
    summary = summarise(read(results))
    found = {entry["view"]: entry for entry in pairs.encode(summary, ["svhn", "celeba"])}
    celeba = next(view for view in summary.views if view.dataset == "celeba")
    means = {row.method: row.means["psnr"].value for row in celeba.rows if row.comparable}
    best = sorted(means, key=lambda name: -means[name])[:3]
    assert set(found["celeba"]["metrics"]["psnr"]["methods"]) == set(best)
    assert found["celeba"]["left_out"] == f"of {len(means)} methods the 3 with the best PSNR."
    assert found["celeba"]["left_out"] in build_page(results)
    monkeypatch.setattr(pairs, "MOST_SCORES", 2 * celeba.images)  # one method for each view
    assert pairs.encode(summary, ["svhn", "celeba"]) == []
    assert 'id="pairs"' not in build_page(results)


def test_a_large_table_is_named_and_not_held(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = build_page(results)
    monkeypatch.setattr("bench.report.page.MOST_BYTES", (results / "scores.csv").stat().st_size - 1)
    small = build_page(results)
    assert 'data-file="scores.csv"' in whole
    assert 'data-file="scores.csv"' not in small
    assert "scores.csv is too large to be inside this page" in " ".join(small.split())
    assert len(small) < len(whole)


def test_views_of_one_data_set_have_names_of_their_own(results: Path) -> None:
    frame = read(results)
    again = frame.assign(condition=frame["condition"].str.replace("seed 0", "seed 1"))
    summary = summarise(pd.concat([frame, again]))
    assert rows.labels(summary.views) == [
        "svhn, seed 0", "svhn, seed 1", "celeba, seed 0", "celeba, seed 1",
    ]  # fmt: skip


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, as WCAG 2 defines it."""
    values = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(first: str, second: str) -> float:
    one, other = sorted((luminance(first), luminance(second)))
    return (other + 0.05) / (one + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_stand_out_in_both_schemes(text: str, scheme: str) -> None:
    """Text by 4.5, lines and dots by 3, as WCAG 2.1 asks (1.4.3 and 1.4.11)."""
    light, dark = re.findall(r":root \{(.*?)\}", text, re.DOTALL)[:2]
    found = dict(re.findall(r"--([\w-]+): (#\w{6})", light))
    if scheme == "dark":
        found |= dict(re.findall(r"--([\w-]+): (#\w{6})", dark))
    grounds = ("paper", "raised", "accent-soft", "notice", "line-soft")
    for ink in ("ink", "ink-soft", "accent", "second"):
        for ground in grounds:
            assert contrast(found[ink], found[ground]) > 4.5, (ink, ground)
    series = {name: paint for name, paint in found.items() if name.startswith("series-")}
    assert len(series) > 10
    for name, paint in series.items():
        assert contrast(paint, found["paper"]) > 3, name
