"""Recipes: what they may say, and that checkpoints and weights of before are still theirs."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from bench.cli import main
from bench.errors import InvalidInput, UnknownName
from bench.methods.training.checkpoint import save_checkpoint
from bench.methods.training.recipe import FOLDER, NetworkRecipe, load_recipe, recipe_names
from bench.methods.training.trainer import Loss, Trainer

PILOT = {"motion-blur"}
"""Weights that were not made by their recipe; their card says so."""
OLDER = {"kernel-net-celeba", "kernel-net-shoes"}
"""Hashed before a recipe could choose the network."""


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_are_whole_and_shipped_weights_are_theirs(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.licence
    for path in FOLDER.glob(f"*/weights/{name}.json"):
        card = json.loads(path.read_text())
        if name in PILOT:
            assert "pilot script" in card["recipe_fingerprint"]
        elif "recipe_fingerprint" in card and name not in OLDER:
            assert card["recipe_fingerprint"] == recipe.fingerprint()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("steps = 0", "steps = 0; it is at least 1"),
        ("steps = 1.5", "steps = 1.5; it is a whole number"),
        ("steps = true", "steps = True; it is a whole number"),
        ('lr = "fast"', "lr = 'fast'; it is a number"),
        ("lr = -1e-3", "lr = -0.001; it is at least 0"),
        ("lr = nan", "lr = nan; it is at least 0"),
        ("ema_decay = 1.5", "ema_decay = 1.5; it is at least 0 and at most 1"),
        ('augment = "flip"', "augment = 'flip'; it is a list"),
        ('augment = ["flop"]', r"augment = \('flop',\); it may be flip"),
        ('network = "big"', "network = 'big'; it may be maps"),
        ("title = 3", "title = 3; it is text"),
        ("look = 3", "unknown keys: look; there are: augment"),
        ('name = "other"', "unknown keys: name"),
        ('trainer = "nowhere:Trainer"', "trainer = 'nowhere:Trainer', which is none"),
        ("trainer = [3]", "which is none"),
        ('trainer = "pathlib:Path"', "trainer = 'pathlib:Path', which is none"),
        ("image_size = ", "is no whole TOML file"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(tmp_path: Path, line: str, words: str) -> None:
    text = (FOLDER / "kernel_net" / "recipes" / "kernel-net-svhn.toml").read_text()
    key = line.split(" = ")[0]
    kept = [other for other in text.splitlines() if not other.startswith(f"{key} = ")]
    path = tmp_path / "mine.toml"
    path.write_text("\n".join([*kept, line]))
    with pytest.raises(InvalidInput, match=words):
        load_recipe(str(path))


def test_what_is_missing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.toml").write_text('trainer = "bench.methods.kernel_net.train:KernelTrainer"')
    assert main(["train", str(tmp_path / "mine.toml")]) == 2
    assert "does not say: title, image_class, image_size" in capsys.readouterr().err
    assert main(["train", str(tmp_path / "gone.toml")]) == 2
    assert "There is no recipe at" in capsys.readouterr().err
    with pytest.raises(UnknownName, match="there are: celeba"):
        load_recipe("nonsense")


class Line(Trainer[NetworkRecipe]):
    """The smallest training there is: one weight that is drawn to 1."""

    def build(self, fresh: bool) -> nn.Module:
        """Make a linear layer."""
        return nn.Linear(1, 1, bias=False)

    def loss(self) -> Loss:
        """Return the distance of the weight from 1."""
        loss = (self.model.weight - 1).square().sum()
        return Loss(loss, loss)

    def evaluate(self) -> dict[str, float]:
        """Return the averaged weight."""
        return {"weight": self.average.weight.item()}


def test_checkpoints_of_earlier_versions_are_read(tmp_path: Path) -> None:
    recipe = NetworkRecipe(
        name="line", trainer="", title="", image_class="svhn", steps=4, eval_every=2
    )
    begun = Line(recipe, torch.empty(3))
    begun.advance()
    progress = {"seconds": 7.0, "origin": {}, "losses": [0.5], "looks": [{"step": 1}]}
    state = {"step": 1, "recipe": recipe.fingerprint(), "progress": progress}
    save_checkpoint(tmp_path / "line.safetensors", begun.parts, state)
    again = Line(recipe, torch.empty(3))
    done = again.train(tmp_path)
    assert [row["step"] for row in done.curve] == [1, 2, 4]
    assert done.seconds >= 7
    whole = Line(recipe, torch.empty(3))
    whole.train(tmp_path / "whole")
    assert torch.equal(whole.average.weight, again.average.weight)
    other = dataclasses.replace(recipe, lr=0.1)
    with pytest.raises(InvalidInput, match="another version of the recipe"):
        Line(other, torch.empty(3)).resume(tmp_path / "line.safetensors")
