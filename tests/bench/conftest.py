"""A small results folder as a run and its sweeps leave it, made of numbers drawn here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bench.harness import columns, scores
from bench.report import mosaic

IMAGES = ["000", "001", "002", "003"]
METHODS = {
    "blurry": ("method", 18.0),
    "dp": ("method", 23.0),
    "dds": ("method", 27.0),
    "published-dd": ("replay", 21.0),
    "known-kernel": ("oracle", 30.0),
}
TILES = {"svhn": 32, "celeba": 64}


def score_rows(dataset: str, noise: float = 0.01, blur_length: int | None = None) -> list[dict]:
    """Rows of all methods on one dataset and condition, PSNRs apart by method and image."""
    length = "" if blur_length is None else f", blur length {blur_length}"
    return [
        {
            "dataset": dataset,
            "condition": f"noise {noise:g}{length}, seed 0",
            "method": method,
            "kind": kind,
            "image": image,
            "kernel_id": f"published-{image}",
            "noise": noise,
            "blur_length": blur_length,
            "seed": 0,
            "psnr": level + 0.5 * number - 20 * noise - 0.1 * (blur_length or 0),
            "ssim": level / 40 + 0.01 * number,
            "gmsd": 0.1,
            "kernel_similarity": np.nan if method == "blurry" else 0.9,
            "residual": 0.01,
            "seconds": 30 - level,
            "status": "ok",
            "metric_version": columns.stated(columns.versions()),
            "origin": "bench",
        }
        for method, (kind, level) in METHODS.items()
        for number, image in enumerate(IMAGES)
    ]


def write_scores(rows: list[dict], path: Path) -> None:
    scores.update(pd.DataFrame(rows, columns=columns.columns()), path.parent)


def gallery_group(folder: Path, dataset: str, draw: np.random.Generator) -> dict:
    """Describe and write a gallery: a group as ``bench.report.gallery`` writes it."""
    side = TILES[dataset]

    def entry(name: str, kind: str, kernels: bool) -> dict:
        shown, kernels_shown = f"{dataset}/{name}.webp", f"{dataset}/{name}-kernels.webp"
        tiles = [draw.random((side, side, 3)).astype(np.float32) for _ in IMAGES]
        (folder / dataset).mkdir(parents=True, exist_ok=True)
        (folder / shown).write_bytes(mosaic.encode(tiles, [side, side], quality=True))
        if kernels:
            tiles = [draw.random((28, 28, 1)).astype(np.float32) for _ in IMAGES]
            (folder / kernels_shown).write_bytes(mosaic.encode(tiles, [28, 28], quality=False))
        return {
            "kind": kind,
            "images": shown,
            "kernels": kernels_shown if kernels else None,
            "kernel_tile": [28, 28] if kernels else None,
        }

    group: dict[str, Any] = {
        "dataset": dataset,
        "title": f"four images of {dataset}",
        "condition": "noise 0.01, seed 0",
        "images": IMAGES,
        "tile": [side, side],
        "truth": entry("truth", "truth", True),
        "observation": entry("observation", "observation", False),
        "methods": {
            method: {
                **entry(method, kind, method != "blurry"),
                "missing": {"003": "failed"} if method == "dp" else {},
                "traces": {i: [[1, 9.0], [2, 3.0], [3, 1.0]] for i in IMAGES}
                if method == "dds"
                else {},
            }
            for method, (kind, _) in METHODS.items()
        },
    }
    # A restoration without an error, whose error map has to be black.
    group["methods"]["known-kernel"]["images"] = group["truth"]["images"]
    return group


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with scores, provenance, a gallery and both sweeps."""
    folder = tmp_path_factory.mktemp("results")
    rows = [row for dataset in TILES for row in score_rows(dataset)]
    lost = next(row for row in rows if row["method"] == "dp" and row["image"] == "003")
    lost.update(status="failed", reason="RuntimeError: </script><b>too dark</b>", psnr=None)
    write_scores(rows, folder / "scores.csv")
    noise = [r for d in TILES for level in (0.01, 0.02, 0.1) for r in score_rows(d, level)]
    lengths = [row for length in (5, 16, 28) for row in score_rows("celeba", 0.01, length)]
    write_scores(noise, folder / "sweeps" / "noise" / "scores.csv")
    write_scores(lengths, folder / "sweeps" / "blur-length" / "scores.csv")
    run = {
        "command": "python -m bench run --gallery 4",
        "started": "2026-01-02T03:04:05+00:00",
        "finished": "2026-01-02T03:04:06+00:00",
        "commit": "0123456789abcdef",
    }
    (folder / "provenance.json").write_text(json.dumps([run]))
    draw = np.random.default_rng(0)
    groups = [gallery_group(folder / "gallery", dataset, draw) for dataset in TILES]
    (folder / "gallery" / "gallery.json").write_text(json.dumps({"format": 1, "groups": groups}))
    return folder
