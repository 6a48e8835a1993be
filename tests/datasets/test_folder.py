"""A folder of one's own sharp images as a data set, from the command line and from Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from bench.datasets.folder import folder_dataset
from bench.errors import BenchError, InvalidInput
from bench.harness.plan import load_dataset
from bench.physics.condition import Condition
from bench.physics.observation import observe
from bench.registry import DATASETS
from tests.conftest import Bench


def pictures(folder: Path, sizes: dict[str, tuple[int, ...]]) -> Path:
    """Write smooth random pictures."""
    folder.mkdir(parents=True)
    draw = np.random.default_rng(1)
    for name, shape in sizes.items():
        coarse = Image.fromarray(draw.integers(0, 255, (6, 6, *shape[2:]), dtype=np.uint8))
        coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC).save(folder / name)
    return folder


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two colour pictures of different sizes and formats, and a file that is none."""
    folder = pictures(tmp_path / "my pictures, 1", {"b.png": (48, 64, 3), "A.JPG": (64, 64, 3)})
    (folder / "notes.txt").write_text("none")
    return folder


def test_mixed_sizes_are_measured_without_code(bench: Bench, mixed: Path) -> None:
    name = f"folder:{str(mixed).replace(',', '%2C')}"
    done = bench(
        *("run", "--methods", "blurry,known-kernel", "--datasets", name, "--output", "out"),
        *("--boundary", "circular", "--quiet"),
    )
    assert done.returncode == 0, done.stderr
    frame = pd.read_csv(bench.folder / "out" / "scores.csv")
    assert sorted(frame["image"].unique()) == ["A", "b"]
    scores = frame.pivot_table(index="image", columns="method", values="psnr")
    assert (scores["known-kernel"] > scores["blurry"] + 1).all()
    sheets = list((bench.folder / "out" / "sheets").iterdir())
    assert len(sheets) == 1
    again = bench(
        *("run", "--methods", "blurry,known-kernel", "--datasets", name, "--output", "out"),
        *("--boundary", "circular", "--quiet"),
    )
    assert again.returncode == 0
    assert again.stdout == done.stdout


def test_grey_pictures_stay_grey_and_boundaries_are_true(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "grey", {"x.png": (60, 50)})
    opened = load_dataset(f"folder:{folder}?boundary=valid&bits=8")
    assert opened.channels == 1
    observed = observe(opened, 0, Condition())
    assert observed.observation.shape == (1, 60 - 27, 50 - 27)
    assert observed.sample.image.shape == observed.observation.shape
    levels = observed.observation * 255
    assert torch.allclose(levels, levels.round(), atol=1e-4)


def test_kernels_from_a_folder_are_used_in_turn(tmp_path: Path, mixed: Path) -> None:
    kernels = pictures(tmp_path / "kernels", {"k1.png": (9, 9), "k2.png": (11, 11)})
    name = f"folder:{mixed}?kernels=folder:{kernels}"
    opened = load_dataset(name)
    assert [opened[i].kernel_id for i in (0, 1)] == ["kernels/k1", "kernels/k2"]
    assert opened[1].kernel.shape == (11, 11)
    assert float(opened[0].kernel.sum()) == pytest.approx(1)


def test_a_file_in_the_folder_keeps_the_choices_and_the_name_wins(mixed: Path) -> None:
    (mixed / "dataset.toml").write_text('boundary = "replicate"\nclass = "celeba"\ntitle = "Mine"')
    cls = folder_dataset(f"folder:{mixed}?class=shoes")
    assert (cls.boundary, cls.image_class, cls.title) == ("replicate", "shoes", "Mine")
    assert DATASETS.with_options([f"folder:{mixed}?class=shoes"], {"class": "svhn", "bits": 8}) == [
        f"folder:{mixed}?class=shoes&bits=8"
    ]


@pytest.mark.parametrize(
    ("settings", "query", "message"),
    [
        ("", "?bondary=valid", "the option 'bondary'; there are: class, kernels, boundary, bits"),
        ("", "?boundary=free", "the boundary 'free'; there are: circular, valid, replicate"),
        ("", "?kernels=gauss", "the kernels 'gauss'; give motion, levin"),
        ("", "?bits=eight", "bits='eight'"),
        ("colour = 1", "", r"dataset.toml has the option 'colour'"),
        ("=", "", "no whole TOML file"),
        ("bits = inf", "", "bits=inf; give 8 or 16"),
        ("class = [1]", "", r"class=\[1\]; give a text"),
        ("title = 5", "", "title=5; give a text"),
    ],
)
def test_what_makes_no_sense_is_refused(
    mixed: Path, settings: str, query: str, message: str
) -> None:
    (mixed / "dataset.toml").write_text(settings)
    with pytest.raises(BenchError, match=message):
        DATASETS.load(f"folder:{mixed}{query}")


def test_folders_without_images_or_with_one_name_twice_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="Give a folder that holds images"):
        load_dataset(f"folder:{tmp_path / 'nowhere'}")
    folder = pictures(tmp_path / "twice", {"a.png": (32, 32), "a.bmp": (32, 32)})
    with pytest.raises(InvalidInput, match=r"a\.bmp and a\.png"):
        load_dataset(f"folder:{folder}")
    with pytest.raises(BenchError, match="--kernels is for datasets of your own"):
        DATASETS.with_options(["photos"], {"kernels": "levin"})
