"""The gallery that a run writes for the page."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.errors import BenchError
from bench.harness.store import Store
from bench.report import gallery, mosaic
from tests.conftest import Bench

RUN = ("run", "--datasets", "tiny", "--output", "out", "--quiet", "--methods", "half,blurry,raises")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_finished_run_gets_its_gallery_by_the_same_command(bench: Bench) -> None:
    folder = bench.folder / "out" / "gallery"
    bench(*RUN)
    assert not folder.exists()
    done = bench(*RUN, "--gallery", "3")
    assert "Gallery: out/gallery" in done.stdout, done.stderr
    (group,) = gallery.read_gallery(bench.folder / "out")
    assert group["images"] == ["00", "02", "05"]
    assert group["tile"] == [32, 32]
    assert list(group["methods"]) == ["blurry", "half", "raises"]
    half, raises = group["methods"]["half"], group["methods"]["raises"]
    assert half["kernel_tile"] == [9, 9]
    assert half["missing"] == {}
    assert group["methods"]["blurry"]["kernels"] is None
    assert set(raises["missing"].values()) <= {"failed"}
    with Image.open(folder / half["images"]) as picture:
        assert picture.size == (96, 32)
    with Image.open(folder / half["kernels"]) as picture:
        pixels = np.asarray(picture.convert("L"))
    assert pixels.shape == (9, 27)
    assert pixels[4, 4::9].tolist() == [255] * 3  # the identity, in the middle of every tile
    assert pixels.sum() == 3 * 255

    first = contents(folder)
    bench(*RUN, "--gallery", "3")
    assert contents(folder) == first
    (folder / "tiny-noise-0.01" / "stale.webp").write_bytes(b"")
    bench(*RUN, "--gallery", "3")
    assert contents(folder) == first


def test_of_several_seeds_the_first_is_shown(bench: Bench) -> None:
    bench(*RUN, "--gallery", "2", "--seed", "4,3", "--noise", "0.01,0.1", "--images", "2")
    groups = gallery.read_gallery(bench.folder / "out")
    assert [group["condition"] for group in groups] == ["noise 0.01, seed 3", "noise 0.1, seed 3"]


@pytest.mark.parametrize("number", ["-1", "65"])
def test_a_number_of_images_that_makes_no_gallery(bench: Bench, number: str) -> None:
    done = bench(*RUN, "--images", "2", "--gallery", number)
    assert done.returncode == 2
    assert number in done.stderr
    assert not (bench.folder / "out").exists()


def test_traces_are_thinned_and_keep_their_ends() -> None:
    trace = torch.arange(1000.0, 0, -1).repeat(1, 2, 1)
    trace[0, 1, 500:] = float("nan")  # a restart that was dropped
    for chosen, last in ((0, [1000, 1.0]), (1, [500, 501.0])):
        points = gallery.thin({"loss_trace": trace, "chosen": torch.tensor([chosen])})
        assert len(points) == gallery.TRACE_POINTS
        assert points[0] == [1, 1000.0]
        assert points[-1] == last
    assert gallery.thin({"loss_trace": trace}) == []
    assert gallery.thin({}) == []


def test_large_images_become_thumbnails_and_grey_ones_stay_grey() -> None:
    small = mosaic.thumbnail(torch.rand(1, 255, 100))
    assert small is not None
    assert small.shape == (192, 75)
    encoded = mosaic.encode([small, None], [192, 192], quality=True)
    with Image.open(io.BytesIO(encoded)) as picture:
        assert picture.size == (384, 192)
        pixels = np.asarray(picture.convert("RGB"), dtype=float)
    assert np.ptp(pixels, axis=2).max() <= 3
    assert pixels[:, 200:].mean() == pytest.approx(255 * mosaic.MISSING_GREY, abs=2)


def test_a_gallery_of_another_format_is_refused(tmp_path: Path) -> None:
    assert gallery.read_gallery(tmp_path) == []
    path = tmp_path / "gallery" / "gallery.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"format": 99, "groups": []}))
    with pytest.raises(BenchError, match="has the format 99, not 1"):
        gallery.read_gallery(tmp_path)
    with Store(tmp_path) as store, pytest.raises(BenchError, match="give 1 to 64"):
        gallery.write_gallery(store, lambda name: None, tmp_path, 0)  # type: ignore[arg-type,return-value]
