"""The natural track's report: what a registration changes, success rates, and the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import torch
from torch import Tensor

import bench
from bench.errors import BenchError
from bench.harness import columns
from bench.harness.session import Datasets
from bench.physics.forward import shift
from bench.protocol import Alignment, Dataset, Location, Method, Restoration, Sample, Status
from bench.registry import DATASETS, METHODS
from bench.report import natural, registration
from bench.report.natural import ledger

SET, MOVES = "blocks-registered", "moves-a-pixel-and-a-quarter"
CONDITION = "noise 0.005, seed 0"


class Blocks(Dataset):
    """Smooth blocks of grey, nothing blurred, whose scores follow a registration."""

    name = SET
    channels = 1
    image_size = (48, 48)
    alignment = Alignment(max_shift=3, step=0.25, border=6)

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Sample:
        draw = torch.Generator().manual_seed(index)
        blocks = torch.rand(1, 1, 6, 6, generator=draw)
        image = torch.nn.functional.interpolate(blocks, (48, 48), mode="bicubic").clamp(0, 1)[0]
        kernel = torch.zeros(5, 5)
        kernel[2, 2] = 1
        return Sample(index, f"{index:02d}", image, kernel, f"kernel-{index}")

    @classmethod
    def location(cls) -> Location:
        return Location(True, __file__)


class Moves(Method):
    def deblur(self, observation: Tensor) -> Restoration:
        offset = torch.tensor([[1.0, -1.25]]).expand(len(observation), 2)
        return Restoration(shift(observation, offset).clamp(0, 1))


@pytest.fixture
def registered() -> Iterator[None]:
    DATASETS.register(SET)(Blocks)
    METHODS.register(MOVES)(Moves)
    yield
    DATASETS.forget(SET)
    METHODS.forget(MOVES)


@pytest.mark.usefixtures("registered")
def test_every_part_of_a_registration_gains(tmp_path: Path) -> None:
    frame = bench.run(f"blurry,{MOVES}", SET, noise=0.001, out=tmp_path)
    measured = registration.measure(tmp_path, Datasets(), progress=False)
    moved = measured[measured["method"] == MOVES].set_index("image")
    assert (moved["cropped"] + 3 < moved["pixels"]).all()
    assert (moved["pixels"] + 3 < moved["full"]).all()
    score = frame[frame["method"] == MOVES].set_index("image")["psnr"]
    assert moved["full"].to_numpy() == pytest.approx(score.loc[moved.index].to_numpy(), abs=2e-3)
    still = measured[measured["method"] == "blurry"]
    assert still["cropped"].to_numpy() == pytest.approx(still["full"].to_numpy(), abs=2e-3)
    assert measured["digest"].nunique() == len(measured) == 4
    assert registration.read(tmp_path).equals(measured)


@pytest.mark.usefixtures("registered")
def test_rows_are_kept_whose_restorations_are_elsewhere(tmp_path: Path) -> None:
    old, new, record = tmp_path / "old", tmp_path / "new", tmp_path / "record"
    bench.run(f"blurry,{MOVES}", SET, noise=0.001, out=old)
    before = registration.measure(old, Datasets(), progress=False)
    for path in old.glob("cells.sqlite*"):
        path.unlink()
    bench.run("blurry", SET, noise=0.001, out=new)
    bench.merge(old, new, out=record, prefer=new)
    stale = before.copy()
    moved = stale["method"] == MOVES
    stale.loc[moved, "full"] += [0.0, 1.0]  # the second is of another image
    stale.to_csv(record / registration.FILE, index=False)
    after = registration.measure(record, Datasets(), progress=False)
    wanted = pd.concat([before[~moved], before[moved].iloc[:1]])
    pd.testing.assert_frame_equal(after, wanted.reset_index(drop=True))


def test_a_set_without_registration_is_refused(tmp_path: Path) -> None:
    bench.run("blurry", "photos", images=1, out=tmp_path)
    with pytest.raises(BenchError, match="scored after an alignment"):
        registration.measure(tmp_path, Datasets(), progress=False)


def levin(method: str, kind: str, psnr: float, ratio: float) -> list[dict[str, object]]:
    """Scores of a method on as many pairs as Levin's set has."""
    return [
        {"dataset": "levin", "condition": CONDITION, "method": method, "kind": kind,
         "image": f"im{i:02d}", "kernel_id": f"levin-{i % 8}", "psnr": psnr, "status": Status.OK,
         "error_ratio": ratio * (1 + i / 31), "seconds": 6.5025, "seed": 0, "noise": 0.005}
        for i in range(ledger.PAIRS)
    ]  # fmt: skip


def registrations(method: str, digests: int, **ways: float) -> list[dict[str, object]]:
    return [
        {"dataset": "levin", "condition": CONDITION, "method": method, "kind": "replay",
         "image": f"im{i:02d}", "kernel_id": f"levin-{i % 8}", "pixels_of_image": 255 * 255,
         "digest": f"{i % digests}", **ways}
        for i in range(ledger.PAIRS)
    ]  # fmt: skip


@pytest.fixture
def results(tmp_path: Path) -> Path:
    rows = [
        *levin("blurry", "method", 23.0, 9.0),
        *levin("sparse-edges", "method", 29.0, 1.5),
        *levin("known-kernel", "oracle", 35.0, 1.0),
    ]
    pd.DataFrame(rows, columns=columns.columns()).to_csv(tmp_path / "scores.csv", index=False)
    found = [
        *registrations("sparse-edges", 32, whole=20.0, cropped=20.0, pixels=25.0, full=29.0),
        *registrations("published-phase-only", 23, whole=28.4, cropped=28.4, pixels=28.4,
                       full=33.7),
        *registrations("published-selfdeblur", 32, whole=23.0, cropped=23.0, pixels=31.0,
                       full=33.1),
        *registrations("published-pmp", 32, whole=26.2, cropped=26.9, pixels=29.9, full=32.44),
    ]  # fmt: skip
    frame = pd.DataFrame(found, columns=registration.COLUMNS)
    frame.to_csv(tmp_path / registration.FILE, index=False)
    return tmp_path


def test_rates_ways_and_times(results: Path, tmp_path: Path) -> None:
    written = {path.name for path in natural.build(results, tmp_path / "reports")}
    assert written == {"natural.md", *(f"natural-error-ratio.{s}" for s in ("png", "svg", "pdf"))}
    text = (tmp_path / "reports" / "natural.md").read_text()
    line = next(row for row in text.splitlines() if "sparse-edges" in row and "32/32" in row)
    # Ratios run from 1.5 to 3: a third of them is at most 2. 6 of the 12 dB; 65,025 pixels.
    assert [part.strip() for part in line.split("|")[2:8]] == [
        "32/32", "34", "100", "100", "50", "100",
    ]  # fmt: skip
    assert "No leading group on levin" in text


def test_what_a_bound_of_the_size_costs_is_shown_where_it_was_measured(
    results: Path, tmp_path: Path
) -> None:
    def report() -> str:
        list(natural.build(results, tmp_path / "reports"))
        return (tmp_path / "reports" / "natural.md").read_text()

    assert "Kernel size unknown" not in report()
    rows = [
        {**row, "condition": f"{CONDITION}{bound}"}
        for bound, psnr in (("", 29.0), (", kernel size bound 2", 26.5))
        for row in levin("sparse-edges", "method", psnr, 1.5)
    ]
    (results / "sweeps" / "kernel-size").mkdir(parents=True)
    frame = pd.DataFrame(rows, columns=columns.columns())
    frame.to_csv(results / "sweeps" / "kernel-size" / "scores.csv", index=False)
    section = report().split("## Kernel size unknown")[1].split("## Ledger")[0]
    assert "### levin" in section
    line = next(row for row in section.splitlines() if "sparse-edges" in row)
    assert "29.00" in line.split("|")[2]
    assert "26.50" in line.split("|")[3]


def test_the_ledger_says_what_reproduces_a_printed_number(results: Path) -> None:
    text = "\n".join(ledger.sections([], registration.read(results)))
    assert "32.45 (comparison published with the set, each method's own last step): " in text
    assert "reproduced by the full procedure" in text
    assert "18 of its 32 published images equal another pair's in every pixel" in text
    assert "even the worst gives 28.40, the best 33.70" in text
    assert "it lies between 23.00 and 33.10" in text


def test_results_without_photographs_are_refused(tmp_path: Path) -> None:
    bench.run("blurry", "photos", images=1, out=tmp_path)
    with pytest.raises(BenchError, match="no scores of photographs"):
        list(natural.build(tmp_path, tmp_path / "reports"))
