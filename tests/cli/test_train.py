"""``python -m bench train`` as a user runs it, on a few made-up images."""

import dataclasses
import json
from types import SimpleNamespace

import pytest
import torch

from bench.checksums import checksum
from bench.cli import main
from bench.methods.feedforward import train
from bench.methods.feedforward.loading import WEIGHTS
from bench.methods.generators import train as generators
from bench.methods.kernel_net import train as kernel_net
from bench.methods.training.loop import Progress


@pytest.fixture
def _small(monkeypatch):
    draw = torch.Generator().manual_seed(0)
    images = (255 * torch.rand(8, 3, 32, 32, generator=draw)).to(torch.uint8)
    load = train.load_recipe
    monkeypatch.setattr(train, "training_images", lambda *_: images)
    monkeypatch.setattr(
        train,
        "load_recipe",
        lambda name, **given: dataclasses.replace(load(name, **given), width=6, batch=2, start=""),
    )


@pytest.mark.usefixtures("_small")
def test_a_trial_leaves_the_weights_in_use_alone(tmp_path, capsys):
    used = WEIGHTS / "unet-noise-svhn.safetensors"
    before = checksum(used) if used.is_file() else None
    command = ["train", "unet-noise-svhn", "--folder", str(tmp_path)]
    assert main([*command, "--steps", "2"]) == 0
    assert (checksum(used) if used.is_file() else None) == before
    card = json.loads((tmp_path / "trial" / "weights" / "unet-noise-svhn.json").read_text())
    assert card["steps_done"] == 2
    assert set(card["curve"][-1]) == {"step", "psnr", "psnr_noisiest"}
    assert str(tmp_path / "trial" / "weights" / card["file"]) in capsys.readouterr().out
    assert main([*command, "--steps", "3"]) == 0  # goes on
    assert "going on from step 2" in capsys.readouterr().out


def test_a_trial_of_the_other_families_is_exported_beside_its_checkpoint(tmp_path, monkeypatch):
    written = []
    card = {"file": "x", "validation": {}}

    def export(*_, folder, reports, **__):
        written.extend([folder, reports])
        return card

    monkeypatch.setattr(generators, "training_data", lambda _: ([], []))
    monkeypatch.setattr(generators, "fit", lambda *_: (None, Progress()))
    monkeypatch.setattr(generators, "export", export)
    monkeypatch.setattr(kernel_net, "training_images", lambda *_: [])
    monkeypatch.setattr(kernel_net, "validation", lambda *_: (None, None, None))
    monkeypatch.setattr(kernel_net, "Trainer", lambda *_: SimpleNamespace(average=None))
    monkeypatch.setattr(kernel_net, "relative_errors", lambda *_: torch.ones(2))
    monkeypatch.setattr(kernel_net, "train", lambda *_: Progress())
    monkeypatch.setattr(kernel_net, "export", lambda *given: written.append(given[-1]) or card)
    for name in ("celeba", "kernel-net-celeba"):
        assert main(["train", name, "--steps", "2", "--folder", str(tmp_path)]) == 0
    assert written == [tmp_path / "trial" / "weights"] * 3


@pytest.mark.usefixtures("_small")
def test_fewer_steps_than_a_checkpoint_has_are_refused(tmp_path, capsys):
    command = ["train", "unet-noise-svhn", "--folder", str(tmp_path), "--steps"]
    assert main([*command, "2"]) == 0
    assert main([*command, "1"]) == 2
    assert "has 2 steps already, more than 1" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["gaussian-svhn", "restorer-features"])
def test_steps_are_refused_where_there_are_none_to_choose(name, capsys):
    assert main(["train", name, "--steps", "5"]) == 2
    assert "leave --steps 5 out" in capsys.readouterr().err


def test_an_unknown_recipe_is_refused(capsys):
    assert main(["train", "unet-cats"]) == 2
    assert "There is no recipe 'unet-cats'; there are:" in capsys.readouterr().err
