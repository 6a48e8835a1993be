"""Training: it learns, it resumes bit by bit after a kill, and refuses what it should."""

import dataclasses
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import torch

from bench.datasets.motion_blur import motion_blur_kernels
from bench.errors import InvalidInput, Unavailable
from bench.methods.generators.autoencoder import Trainer
from bench.methods.generators.recipe import load_recipe
from bench.methods.generators.train import fit
from bench.methods.training.checkpoint import save_checkpoint
from bench.methods.training.loop import Progress, learning_rate, resume

TINY = {"steps": 12, "batch": 8, "look": 6, "save": 2, "seed": 3}


@pytest.fixture(scope="module")
def kernels():
    return motion_blur_kernels(64, torch.Generator().manual_seed(0))[:, None]


def test_a_tiny_set_is_overfitted(kernels):
    recipe = load_recipe(
        "motion-blur", steps=250, batch=8, augment=(), latent_noise=0.0, average=0.9, rate=3e-3
    )
    trainer = Trainer(recipe, kernels[:8])
    first = trainer.advance()
    while trainer.step < recipe.steps:
        last = trainer.advance()
    assert first > 0.8
    assert last < 0.35


def test_the_linear_start_of_digits_is_far_ahead_of_a_random_one():
    coarse = torch.rand(160, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    images = torch.nn.functional.interpolate(coarse, (32, 32), mode="bilinear")
    first = {}
    for start in ("linear", "random"):
        settings = {"steps": 1, "batch": 32, "augment": (), "precision": "float32"}
        first[start] = Trainer(load_recipe("svhn", start=start, **settings), images).advance()
    assert first["linear"] < 0.5 * first["random"]


@pytest.mark.parametrize("name", ["motion-blur", "celeba"])
def test_resumed_training_equals_uninterrupted_training(name, kernels, tmp_path):
    if name == "motion-blur":
        recipe, images = load_recipe(name, **TINY), kernels
    else:
        recipe = load_recipe(name, start="random", **{**TINY, "steps": 4, "batch": 4})
        images = torch.randint(0, 256, (24, 3, 64, 64), dtype=torch.uint8)
    whole, _ = fit(recipe, images, images[:8], tmp_path / "whole")
    half = dataclasses.replace(recipe, steps=recipe.steps // 2)
    # The learning rate depends on the number of steps, so the first half is stopped, not short.
    trainer = Trainer(recipe, images)
    while trainer.step < half.steps:
        trainer.advance()
    state = {
        "step": trainer.step,
        "recipe": recipe.fingerprint(),
        "progress": dataclasses.asdict(Progress()),
    }
    save_checkpoint(tmp_path / "cut" / f"{name}.safetensors", trainer.parts, state)
    again, _ = fit(recipe, images, images[:8], tmp_path / "cut")
    for part in ("model", "average"):
        expected = whole.parts[part].state_dict()
        for key, value in again.parts[part].state_dict().items():
            assert torch.equal(value, expected[key]), key


def test_a_killed_run_leaves_a_whole_checkpoint(tmp_path):
    script = textwrap.dedent(
        """
        import sys, pathlib, torch
        from bench.methods.generators.recipe import load_recipe
        from bench.methods.generators.train import fit
        torch.set_num_threads(1)
        recipe = load_recipe("motion-blur", steps=100000, batch=8, look=100000, save=1)
        fit(recipe, torch.rand(32, 1, 28, 28), torch.rand(8, 1, 28, 28), pathlib.Path(sys.argv[1]))
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    path = tmp_path / "motion-blur.safetensors"
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    recipe = load_recipe("motion-blur", batch=8)
    trainer = Trainer(recipe, torch.rand(32, 1, 28, 28))
    resume(trainer, path, Progress())
    assert trainer.step >= 1


def test_checkpoint_of_another_recipe_is_refused(kernels, tmp_path):
    fit(load_recipe("motion-blur", **{**TINY, "steps": 2}), kernels, kernels[:8], tmp_path)
    other = load_recipe("motion-blur", **{**TINY, "rate": 0.5})
    with pytest.raises(InvalidInput, match="another version"):
        fit(other, kernels, kernels[:8], tmp_path)


def test_broken_checkpoint_is_explained(kernels, tmp_path):
    path = tmp_path / "motion-blur.safetensors"
    path.write_bytes(b"cut off")
    with pytest.raises(Unavailable, match="delete it"):
        fit(load_recipe("motion-blur", **TINY), kernels, kernels[:8], tmp_path)


def test_learning_rate_warms_up_and_falls():
    rates = [learning_rate(1e-3, step, 1000) for step in (0, 60, 500, 999)]
    assert rates[0] < rates[1] > rates[2] > rates[3] > 0
