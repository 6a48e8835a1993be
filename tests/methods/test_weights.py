"""Weights and cards that are damaged, or of something else, are refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import pytest
import torch
from safetensors.torch import save_file

from bench.checksums import checksum
from bench.cli import main
from bench.errors import BenchError
from bench.files import LFS_POINTER
from bench.methods.feedforward.loading import load_network as load_feed_forward
from bench.methods.generators.loading import load_generator
from bench.methods.kernel_net.loading import load_network
from bench.methods.marginal.model import load_model
from bench.methods.training.checkpoint import load_checkpoint, save_checkpoint

LOADERS: dict[str, Callable[[Path], Any]] = {
    "celeba": lambda folder: load_generator("celeba", folder=folder),
    "kernel-net-svhn": lambda folder: load_network("svhn", folder),
    "svhn": lambda folder: load_model("svhn", folder),
    "cnn-svhn": lambda folder: load_feed_forward("cnn-svhn", folder),
}


@pytest.fixture(params=LOADERS)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "says nothing of 'file'"),
        ("[]", "is no card"),
        ("null", "is no card"),
        ('{"file": 3, "sha256": "0"}', "'file' is no text"),
        ('{"file": "cele', "is no card"),
        ("[" * 100_000, "is no card"),
        ("\xff\xfe", "is no card|missing"),
        (LFS_POINTER.decode() + "v1\n", "Git LFS pointer"),
        ('{"file": "x.safetensors", "sha256": "0"}', "missing|says nothing of 'recipe'"),
    ],
)
def test_a_card_that_is_none(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / f"{name}.json").write_text(text, encoding="latin-1")
    with pytest.raises(BenchError, match=words) as refusal:
        LOADERS[name](tmp_path)
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize("kind", ["damaged", "foreign", "empty"])
def test_weights_that_are_others(tmp_path: Path, name: str, kind: str) -> None:
    weights = tmp_path / "x.safetensors"
    if kind == "foreign":
        save_file({"network/x": torch.zeros(3), "decoder/x": torch.zeros(2)}, weights)
    else:
        weights.write_bytes(b"" if kind == "empty" else (1 << 60).to_bytes(8, "little") + b"{" * 50)
    card = {
        "file": weights.name,
        "sha256": checksum(weights),
        "decoder": "no decoder",
        "recipe": {"network": "cnn", "width": 0.1},
    }
    (tmp_path / f"{name}.json").write_text(json.dumps(card))
    with pytest.raises(BenchError, match=r"are damaged|another version|says nothing of") as refusal:
        LOADERS[name](tmp_path)
    assert "\n" not in str(refusal.value)


def test_a_checkpoint_of_another_recipe(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, {"network": torch.nn.Linear(3, 2)}, {"step": 1})
    with pytest.raises(BenchError, match="of another recipe or version"):
        load_checkpoint(path, {"network": torch.nn.Linear(4, 2)})


@pytest.mark.parametrize("threads", ["-1", "two", "1e9", "100000000000000000000"])
def test_threads_that_cannot_be(threads: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["train", "svhn", f"--threads={threads}"])
    assert stop.value.code == 2
    assert "--threads" in capsys.readouterr().err.splitlines()[-1]


def test_a_recipe_that_is_no_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipes = tmp_path / "family" / "recipes"
    recipes.mkdir(parents=True)
    (recipes / "odd.toml").write_text("steps = [")
    monkeypatch.setattr("bench.methods.training.recipe.FOLDER", tmp_path)
    assert main(["train", "odd", "--folder", str(tmp_path)]) == 2
    assert "odd.toml is no whole TOML file" in capsys.readouterr().err


def test_a_folder_that_takes_no_checkpoints_is_refused_before_the_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        "bench.methods.training.trainer.Trainer.run", lambda *_: pytest.fail("work was done")
    )
    assert main(["train", "celeba", "--folder", "/proc/nowhere"]) == 2
    assert "/proc/nowhere/celeba cannot be written" in capsys.readouterr().err


def test_a_keras_file_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.h5"
    command = ["import-weights", str(path), "celeba", "--folder", str(tmp_path)]
    for content in (b"", b"no HDF5" * 99, b"\x89HDF\r\n\x1a\n" + bytes(99)):
        path.write_bytes(content)
        assert main(command) == 2
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["dense"]
        layer = file.create_group("dense")
        layer.attrs["weight_names"] = ["dense/kernel:0"]
        layer.create_dataset("dense/kernel:0", (100_000, 100_000), "f4", chunks=(100, 100))
    assert main(command) == 2
    assert "says that it has 40000000000 bytes" in capsys.readouterr().err
    for name, words in (("../celeba", "is none"), ("", "is none"), ("a/b", "is none")):
        assert main([*command, "--name", name]) == 2
        assert words in capsys.readouterr().err
    (tmp_path / "celeba.json").write_text('{"file": "celeba.safetensors", "sha256": "0"}')
    assert main([*command, "--name", "celeba"]) == 2
    assert "was trained here" in capsys.readouterr().err
