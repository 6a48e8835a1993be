from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import pytest

from bench.errors import BenchError
from bench.harness import columns, interview, scores
from bench.report import layout, printed, tables
from bench.report.summary import summarise
from bench.report.writers import terminal


def frame(psnrs: list[float | None], method: str = "blurry") -> pd.DataFrame:
    rows = [
        {
            **dict.fromkeys(columns.columns()),
            "dataset": "tiny",
            "condition": "noise 0.01, seed 0",
            "method": method,
            "kind": "method",
            "image": f"{index:02d}",
            "psnr": psnr,
            "seconds": 0.5,
            "status": "failed" if psnr is None else "ok",
            "reason": "it broke" if psnr is None else "",
        }
        for index, psnr in enumerate(psnrs)
    ]
    return pd.DataFrame(rows, columns=columns.columns())


def row(text: str, method: str = "blurry") -> str:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {method} ")]
    return line


def test_a_method_on_a_boundary_it_does_not_model_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    found = frame([20.0, 21.0]).assign(dataset="levin")
    assert "boundaries" not in tables.markdown(found)
    told = dataclasses.replace(interview.introduce("blurry"), boundaries=("circular",))
    monkeypatch.setattr(interview, "introduce", lambda _: told)
    remark = "- `blurry` assumes boundaries that are circular; here they are free."
    assert remark in tables.markdown(found)
    assert remark not in tables.markdown(found.assign(dataset="photos"))


def test_a_mean_has_its_n_and_its_interval() -> None:
    line = row(tables.markdown(frame([20.0, 21.0, 22.0, 23.0])))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:3] == ["Blurred input", "4"]
    mean, low, high = cells[3].replace("[", "").replace("]", "").replace(",", "").split()
    assert float(mean) == 21.5
    assert 20.0 <= float(low) < 21.5 < float(high) <= 23.0


def test_nothing_is_averaged_over_missing_cells() -> None:
    text = tables.markdown(frame([20.0, None, 22.0]))
    assert "2/3" in row(text)
    assert "21.0" not in row(text)
    assert "1 failed: it broke" in text


def test_the_interval_is_the_same_every_time() -> None:
    values = frame([20.0, 21.0, 25.0])
    assert tables.markdown(values) == tables.markdown(values)


def test_oracles_come_last_and_say_what_they_are() -> None:
    oracle = frame([30.0], "known-kernel").assign(kind="oracle")
    replay = frame([25.0], "published-dd").assign(kind="replay")
    text = tables.markdown(pd.concat([oracle, replay, frame([20.0])]))
    order = [text.index(f"| {name} ") for name in ("blurry", "published-dd", "known-kernel")]
    assert order == sorted(order)
    assert "is given the truth" in row(text, "known-kernel")


def test_an_empty_table_is_refused() -> None:
    with pytest.raises(BenchError, match="no cells"):
        tables.markdown(frame([]))


def test_reading_what_is_no_table_of_scores(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BenchError, match="lacks the columns dataset"):
        scores.read(tmp_path)
    with pytest.raises(BenchError, match="no scores at"):
        scores.read(tmp_path / "elsewhere")


def many(level: float, method: str, images: int, kernels: int = 0) -> pd.DataFrame:
    found = frame([level + 0.1 * (image % 7) for image in range(images)], method)
    names = [f"k{image % kernels}" if kernels else f"k{image}" for image in range(images)]
    return found.assign(kernel_id=names, image=[f"{image:03d}" for image in range(images)])


@pytest.mark.parametrize(
    ("images", "kernels", "why"), [(12, 0, "12 images are too few"), (32, 8, "share 8 kernels")]
)
def test_no_leading_group_is_claimed_of_too_little(images: int, kernels: int, why: str) -> None:
    few = pd.concat([many(20, "dp", images, kernels), many(25, "dds", images, kernels)])
    text = tables.markdown(few)
    assert "**" not in row(text, "dds")
    assert why in text
    enough = pd.concat([many(20, "dp", 24), many(25, "dds", 24)])
    assert "**25.28**" in row(tables.markdown(enough), "dds")


def test_intervals_are_over_kernels_where_kernels_repeat() -> None:
    apart = many(20, "dp", 32).assign(psnr=[20.0 + image % 8 for image in range(32)])
    shared = apart.assign(kernel_id=[f"k{image % 8}" for image in range(32)])
    widths = []
    for cells in (apart, shared):
        mean = summarise(cells).views[0].rows[0].means["psnr"]
        widths.append(mean.high - mean.low)
    assert widths[1] > 1.7 * widths[0]  # four images of a kernel are one piece of evidence: sqrt(4)


def test_a_terminal_s_line_is_no_longer_than_it_is_wide() -> None:
    scores = pd.concat([many(20, "dp", 24), many(25, "dds", 24)]).assign(ssim=0.5, gmsd=0.1)
    table = layout.detail(summarise(scores).views[0], ("psnr", "ssim", "gmsd"))
    for width in (50, 80, 200):
        text = terminal.write(table, width, bold=False)
        assert max(map(len, text.splitlines())) <= width
    assert "Not shown" in terminal.write(table, 50)
    assert "Not shown" not in terminal.write(table, None)
    assert "25.28*" in text
    assert "Dark channel prior" in text
    assert "noise" not in text.partition("method")[2]  # prior information is shown on request
    assert "leading" in printed.as_json(scores)
    twice = terminal.write_all([table, table], 50, bold=False)
    assert twice.count("Dark channel prior") == twice.count("Not shown") == 1
