"""Kernel sources that do harm: each costs the folder that asks for it, with a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from bench.errors import BenchError
from bench.harness import guests
from bench.harness.plan import load_dataset
from bench.physics.condition import Condition
from bench.physics.observation import observe
from bench.registry import KERNELS
from tests.cli.hostile import install

PLUGIN = '''
import os, random, time

import torch

from bench.protocol import KernelSource


class Good(KernelSource):
    def kernel(self, index, *, seed, length=None):
        return torch.full((3, 3), 1 / 9)


def kind(name, kernel):
    """A source that draws as it is told."""
    globals()[name] = type(name, (Good,), {"kernel": lambda self, index, **_: kernel(index)})


def raises(index):
    raise KeyError("walk")


def changes_state(index):
    os.chdir("/")
    os.environ.clear()
    torch.set_default_dtype(torch.float64)
    return torch.full((3, 3), 1 / 9)


def draws(index):
    kernel = torch.full((3, 3), random.random())
    kernel[1, 1] = 1.0
    return kernel / kernel.sum()


kind("Raises", raises)
kind("Dies", lambda index: os._exit(6))
kind("Sleeps", lambda index: time.sleep(3600))
kind("NotFinite", lambda index: torch.full((3, 3), float("nan")))
kind("TooLarge", lambda index: torch.full((99, 99), 1 / 99**2))
kind("Draws", draws)
kind("ChangesState", changes_state)
'''
MODULES = {
    "kernel_evil": PLUGIN,
    "kernel_exit": "import sys\nsys.exit('not today')\n",
}
REFUSED = {
    "raises": ("kernel_evil:Raises", "cannot give its image 0: KeyError: 'walk'"),
    "dies": ("kernel_evil:Dies", "The worker process died (exit code 6)"),
    "sleeps": ("kernel_evil:Sleeps", "did not answer within 5 s"),
    "not-finite": ("kernel_evil:NotFinite", "has a kernel of sum nan"),
    "too-large": ("kernel_evil:TooLarge", "99×99"),
    "import-exits": ("kernel_exit:Gone", "SystemExit: not today"),
    "no-module": ("kernel_that_is_not_there:Gone", "ModuleNotFoundError"),
    "draws": ("kernel_evil:Draws", "gave another image 0"),
}
TAKEN = {"good": "kernel_evil:Good", "changes-state": "kernel_evil:ChangesState"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A folder with a picture of one's own, and the sources installed."""
    (tmp_path / "mine").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "mine" / "a.png"), pixels)
    for name, text in MODULES.items():
        (tmp_path / f"{name}.py").write_text(text)
    named = {name: target for name, (target, _) in REFUSED.items()}
    install(tmp_path, "sources", {**named, **TAKEN, "motion-blur": "kernel_evil:Good"}, "kernels")
    monkeypatch.syspath_prepend(tmp_path)
    KERNELS.__dict__.pop("entries", None)
    yield f"folder:{tmp_path / 'mine'}"
    KERNELS.__dict__.pop("entries", None)


def observed_twice(folder: str, source: str) -> torch.Tensor:
    """What methods see of the picture, asked for as a plan and then a run does."""
    opened = load_dataset(f"{folder}?kernels={source}&boundary=circular", patience=5.0)
    first, second = (observe(opened, 0, Condition()).observation for _ in range(2))
    assert torch.equal(first, second)
    return first


@pytest.mark.parametrize("source", REFUSED)
def test_a_source_that_does_harm_is_refused_in_a_sentence(folder: str, source: str) -> None:
    with pytest.raises(BenchError) as refused:
        observed_twice(folder, source)
    assert REFUSED[source][1] in str(refused.value)
    assert guests.is_guest(f"{folder}?kernels={source}")  # a run leaves it out and goes on


def test_a_source_that_changes_its_process_changes_nothing_here(folder: str) -> None:
    place, kind = Path.cwd(), torch.get_default_dtype()
    good, changed = (observed_twice(folder, source) for source in TAKEN)
    assert (Path.cwd(), torch.get_default_dtype()) == (place, kind)
    assert good.shape == changed.shape
    assert not torch.equal(good, changed)  # the noise is seeded by the data set's name
    assert (good - changed).abs().max() < 0.1


def test_the_project_s_own_source_is_drawn_from_here_and_keeps_its_name(folder: str) -> None:
    name = f"{folder}?kernels=motion&boundary=circular"
    assert not guests.is_guest(name)
    assert load_dataset(name)[0].kernel_id == "motion-blur-7-000"
    (advice,) = KERNELS.collisions.values()
    assert "The kernel source name 'motion-blur' of sources is already taken by bench" in advice
