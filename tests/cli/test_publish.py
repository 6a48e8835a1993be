"""Results and observations in other people's formats."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import bench
from bench.cli import main
from bench.datasets.photos import Photos
from bench.harness.exchange import export
from bench.physics.condition import Condition


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    bench.run("blurry,known-kernel", "photos", images=2, out=folder, workers=1)
    return folder


def test_published_scores_are_the_folder_s(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pyarrow")
    assert main(["publish", str(results), str(tmp_path / "hub")]) == 0
    assert "scores.parquet" in capsys.readouterr().out
    found = pd.read_parquet(tmp_path / "hub" / "scores.parquet")
    expected = pd.read_csv(results / "scores.csv")
    assert found["psnr"].tolist() == pytest.approx(expected["psnr"].tolist())
    means = pd.read_parquet(tmp_path / "hub" / "means.parquet")
    blurry = means[means["method"] == "blurry"].iloc[0]
    assert blurry["n"] == blurry["cells"] == 2
    assert blurry["psnr"] == pytest.approx(expected["psnr"][:2].mean())
    card = (tmp_path / "hub" / "README.md").read_text()
    assert card.startswith("---\n")
    assert "data_files: scores.parquet" in card


def test_somebody_else_s_readme_stays(results: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "README.md").write_text("My thesis.")
    assert main(["publish", str(results), str(tmp_path)]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_the_croissant_description_is_valid(tmp_path: Path) -> None:
    croissant = pytest.importorskip("mlcroissant")
    export(Photos(), Condition(), tmp_path, images=2)
    described = croissant.Dataset(jsonld=tmp_path / "croissant.json")
    assert not described.metadata.ctx.issues.errors
    assert not described.metadata.ctx.issues.warnings
    records = list(described.records("observations"))
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    checksums = {entry["sha256"] for entry in manifest["images"].values()}
    found = [record["observations/sha256"] for record in records]
    assert {text.decode() if isinstance(text, bytes) else text for text in found} == checksums
