"""``python -m bench train`` as a user runs it, on a few made-up images."""

import dataclasses
import json

import pytest
import torch

from bench.cli import main
from datasets.locations import checksum
from methods.restorers import train
from methods.restorers.loading import WEIGHTS


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


def test_an_unknown_recipe_is_refused(capsys):
    assert main(["train", "unet-cats"]) == 2
    assert "There is no recipe 'unet-cats'; there are:" in capsys.readouterr().err
