"""Sets with free boundaries, from the plan to the score, without any data."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from bench.harness import scores, scoring
from bench.harness.dispatch import make_job
from bench.harness.exchange import export, read_manifest
from bench.harness.packing import pack
from bench.harness.plan import Chunk, MethodSpec, plan
from bench.harness.store import Outcome, Store
from bench.harness.worker import build, compute
from bench.physics.condition import Condition
from bench.protocol import Dataset, NoiseModel, Restoration, Sample


@pytest.fixture
def photographs(plugins: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.syspath_prepend(plugins)
    import tiny_plugin

    declared = {
        "boundary": "valid",
        "alignment": "half kernel",
        "noise_model": NoiseModel("uniform", 0.01),
        "noise": 0.0029,
        "bits": 8,
    }
    return type("Photographs", (tiny_plugin.Tiny,), declared)()


def chunks(dataset: Dataset, method: str) -> list[Chunk]:
    laid_out = list(plan([MethodSpec(method)], [dataset], [Condition()]))
    assert all(isinstance(item, Chunk) for item in laid_out)
    return laid_out  # type: ignore[return-value]


def test_the_oracle_restores_what_no_border_betrays(photographs: Dataset) -> None:
    (chunk,) = chunks(photographs, "known-kernel")
    assert (chunk.task.boundary, chunk.task.image_size) == ("free", (24, 24))
    answers = compute(build(chunk.cells[0].method, chunk.task), make_job(chunk))
    assert [answer.status for answer in answers] == ["ok"] * 6


def test_a_shifted_truth_scores_like_the_truth(photographs: Dataset, tmp_path: Path) -> None:
    """Kernels have 9×9 pixels, so shifts of up to four are forgiven, and no more."""
    (chunk,) = chunks(photographs, "known-kernel")
    shifts = [(0, 0), (4, -4), (-3, 1), (2, 4), (5, 0), (0, -5)]
    outcomes = [
        Outcome(cell, "ok", "", pack(Restoration(observed.sample.image.roll(shift, (1, 2))[None])))
        for cell, observed, shift in zip(chunk.cells, chunk.observed(), shifts, strict=True)
    ]
    with Store(tmp_path) as store:
        store.expect(chunk.cells)
        store.record(outcomes)
        frame = scores.collect(store, lambda name: photographs, progress=False)
    assert (frame["psnr"][:4] > 90).all()  # up to the rounding of what is stored
    assert (frame["psnr"][4:] < 50).all()


def test_few_large_restorations_are_scored_at_a_time(
    photographs: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (chunk,) = chunks(photographs, "known-kernel")
    restored = [pack(Restoration(item.sample.image[None])) for item in chunk.observed()]
    monkeypatch.setattr(scoring, "BATCH_BYTES", 2.5 * len(restored[0].arrays))
    batches: list[int] = []
    score = scoring._score

    def counted(*given: Any) -> Any:
        batches.append(len(given[2]))
        return score(*given)

    monkeypatch.setattr(scoring, "_score", counted)
    with Store(tmp_path) as store:
        store.expect(chunk.cells)
        outcomes = zip(chunk.cells, restored, strict=True)
        store.record(Outcome(cell, "ok", "", packed) for cell, packed in outcomes)
        frame = scores.collect(store, lambda name: photographs, progress=False)
    assert batches == [2, 2, 2]
    assert (frame["psnr"] > 90).all()


def test_images_of_several_sizes_are_scored_together(photographs: Dataset, tmp_path: Path) -> None:
    def cut(self: Dataset, index: int) -> Sample:
        sample = photographs[index]
        return dataclasses.replace(sample, image=sample.image[:, :, index % 2 :])

    mixed = type("Mixed", (type(photographs),), {"__getitem__": cut})()
    outcomes = [
        Outcome(cell, "ok", "", pack(Restoration(observed.sample.image[None])))
        for chunk in chunks(mixed, "known-kernel")
        for cell, observed in zip(chunk.cells, chunk.observed(), strict=True)
    ]
    with Store(tmp_path) as store:
        store.expect(outcome.cell for outcome in outcomes)
        store.record(outcomes)
        frame = scores.collect(store, lambda name: mixed, progress=False)
    assert (frame["psnr"] > 90).tolist() == [True] * 6


def test_an_export_says_what_was_done(photographs: Dataset, tmp_path: Path) -> None:
    manifest = read_manifest(export(photographs, Condition(), tmp_path, 1))
    assert manifest["boundary"] == "free"
    assert "n uniform on [0, 0.01)" in manifest["forward_model"]
    assert manifest["condition"]["noise"] == 0.0029
