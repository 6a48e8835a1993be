"""``python -m bench train`` as a user runs it, on a few made-up images."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from bench.checksums import checksum
from bench.cli import main
from bench.datasets.motion_blur import motion_blur_kernels
from bench.methods.feedforward.loading import WEIGHTS
from bench.methods.training.recipe import FOLDER

Edited = Callable[..., str]


def _images(size: int) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    return (255 * torch.rand(8, 3, size, size, generator=draw)).to(torch.uint8)


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edited:
    """Give the path of a recipe of the project's own with other values, on made-up images."""

    def edit(name: str, size: int = 32, **values: object) -> str:
        def images(*_: object) -> Tensor:
            return _images(size)

        for module in ("training.blurred", "generators.recipe", "feedforward.features"):
            monkeypatch.setattr(f"bench.methods.{module}.training_images", images)
        (source,) = FOLDER.glob(f"*/recipes/{name}.toml")
        text = source.read_text()
        for key, value in values.items():
            text = re.sub(rf"(?m)^{key} = .*\n", "", text) + f"{key} = {json.dumps(value)}\n"
        (tmp_path / f"{name}.toml").write_text(text)
        return str(tmp_path / f"{name}.toml")

    return edit


def test_a_trial_leaves_the_weights_in_use_alone(
    edited: Edited, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used = WEIGHTS / "unet-noise-svhn.safetensors"
    before = checksum(used) if used.is_file() else None
    recipe = edited("unet-noise-svhn", width=6, batch=2, start="")
    command = ["train", recipe, "--folder", str(tmp_path)]
    assert main([*command, "--steps", "2"]) == 0
    assert (checksum(used) if used.is_file() else None) == before
    card = json.loads((tmp_path / "trial" / "weights" / "unet-noise-svhn.json").read_text())
    assert card["steps_done"] == 2
    assert set(card["curve"][-1]) == {"step", "psnr", "psnr_noisiest"}
    assert str(tmp_path / "trial" / "weights" / card["file"]) in capsys.readouterr().out
    assert main([*command, "--steps", "3"]) == 0  # goes on
    assert "going on from step 2" in capsys.readouterr().out
    assert main([*command, "--steps", "1"]) == 2
    assert "has 3 steps already, more than 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "size", "values"),
    [
        ("kernel-net-svhn", 32, {"width": 8, "blocks": 1, "batch": 2}),
        ("restorer-features", 32, {"batch": 12}),
        ("motion-blur", 28, {"batch": 4}),
    ],
)
def test_every_family_makes_a_trial(
    edited: Edited,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    size: int,
    values: dict[str, object],
) -> None:
    kernels = motion_blur_kernels(12, torch.Generator().manual_seed(0))
    monkeypatch.setattr(
        "bench.methods.generators.recipe.motion_blur_kernels", lambda *_, **__: kernels.clone()
    )
    monkeypatch.setattr("bench.methods.generators.train.judge", lambda *_: {})
    recipe = edited(name, size, **values)
    assert main(["train", recipe, "--folder", str(tmp_path), "--steps", "2"]) == 0
    card = json.loads((tmp_path / "trial" / "weights" / f"{name}.json").read_text())
    assert card["steps_done"] == 2
    assert card["curve"][-1]["step"] == 2
    assert (tmp_path / "trial" / "weights" / card["file"]).is_file()
    assert main(["train", recipe, "--folder", str(tmp_path), "--steps", "2", "--finish"]) == 0


def test_steps_are_refused_where_there_are_none_to_choose(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["train", "gaussian-svhn", "--steps", "5"]) == 2
    assert "leave --steps 5 out" in capsys.readouterr().err


def test_an_unknown_recipe_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "unet-cats"]) == 2
    assert "There is no recipe 'unet-cats'; there are:" in capsys.readouterr().err
