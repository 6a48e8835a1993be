"""Training: it learns, it resumes bit by bit after a kill, and refuses what it should."""

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
from bench.methods.generators.autoencoder import AutoencoderTrainer
from bench.methods.training.recipe import load_recipe
from bench.methods.training.trainer import Progress, checkpoint_path, learning_rate

TINY = {"steps": 12, "batch": 8, "eval_every": 6, "save_every": 2, "seed": 3}


@pytest.fixture(scope="module")
def kernels():
    return motion_blur_kernels(64, torch.Generator().manual_seed(0))[:, None]


def test_a_tiny_set_is_overfitted(kernels):
    recipe = load_recipe(
        "motion-blur", steps=250, batch=8, augment=(), latent_noise=0.0, ema_decay=0.9, lr=3e-3
    )
    trainer = AutoencoderTrainer(recipe, kernels[:8])
    first = trainer.advance()
    assert first > 0.8
    while trainer.step < recipe.steps:
        if trainer.advance() < 0.35:
            return
    pytest.fail(f"It is not below 0.35 after {recipe.steps} steps.")


def test_the_linear_start_of_digits_is_far_ahead_of_a_random_one():
    coarse = torch.rand(160, 3, 6, 6, generator=torch.Generator().manual_seed(0))
    images = torch.nn.functional.interpolate(coarse, (32, 32), mode="bilinear")
    first = {}
    for start in ("linear", "random"):
        settings = {"steps": 1, "batch": 32, "augment": (), "precision": "float32"}
        recipe = load_recipe("svhn", start=start, **settings)
        first[start] = AutoencoderTrainer(recipe, images).advance()
    assert first["linear"] < 0.5 * first["random"]


@pytest.mark.parametrize("name", ["motion-blur", "celeba"])
def test_resumed_training_equals_uninterrupted_training(name, kernels, tmp_path):
    if name == "motion-blur":
        recipe, images = load_recipe(name, **TINY), kernels
    else:
        recipe = load_recipe(name, start="random", **{**TINY, "steps": 4, "batch": 4})
        images = torch.randint(0, 256, (24, 3, 64, 64), dtype=torch.uint8)
    whole = AutoencoderTrainer(recipe, images, images[:8])
    whole.train(tmp_path / "whole")
    # The learning rate depends on the number of steps, so the first half is stopped, not short.
    trainer = AutoencoderTrainer(recipe, images)
    while trainer.step < recipe.steps // 2:
        trainer.advance()
    trainer.save(checkpoint_path(tmp_path / "cut", name), Progress())
    again = AutoencoderTrainer(recipe, images, images[:8], fresh=False)
    again.train(tmp_path / "cut")
    for part in ("model", "average"):
        expected = whole.parts[part].state_dict()
        for key, value in again.parts[part].state_dict().items():
            assert torch.equal(value, expected[key]), key


def test_a_killed_run_leaves_a_whole_checkpoint(tmp_path):
    script = textwrap.dedent(
        """
        import sys, pathlib, torch
        from bench.methods.training.recipe import load_recipe
        from bench.methods.generators.autoencoder import AutoencoderTrainer
        torch.set_num_threads(1)
        often = {"eval_every": 100000, "save_every": 1}
        recipe = load_recipe("motion-blur", steps=100000, batch=8, **often)
        AutoencoderTrainer(recipe, torch.rand(32, 1, 28, 28)).train(pathlib.Path(sys.argv[1]))
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
    trainer = AutoencoderTrainer(recipe, torch.rand(32, 1, 28, 28))
    trainer.resume(path)
    assert trainer.step >= 1


def test_checkpoint_of_another_recipe_is_refused(kernels, tmp_path):
    short = load_recipe("motion-blur", **{**TINY, "steps": 2})
    AutoencoderTrainer(short, kernels, kernels[:8]).train(tmp_path)
    other = load_recipe("motion-blur", **{**TINY, "lr": 0.5})
    with pytest.raises(InvalidInput, match="another version"):
        AutoencoderTrainer(other, kernels, kernels[:8]).train(tmp_path)


def test_broken_checkpoint_is_explained(kernels, tmp_path):
    path = tmp_path / "motion-blur.safetensors"
    path.write_bytes(b"cut off")
    with pytest.raises(Unavailable, match="delete it"):
        AutoencoderTrainer(load_recipe("motion-blur", **TINY), kernels).train(tmp_path)


def test_learning_rate_warms_up_and_falls():
    rates = [learning_rate(1e-3, step, 1000) for step in (0, 60, 500, 999)]
    assert rates[0] < rates[1] > rates[2] > rates[3] > 0
