"""The noise is measured from the observation, grey or in colour."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.datasets.motion_blur import motion_blur_kernels
from bench.methods.deconvolution.lmmse import from_opponent
from bench.methods.marginal.model import load_model
from bench.methods.noise_level import CHOSEN_NOISE, loudness
from bench.physics.forward import blur
from bench.physics.noise import estimate_noise


def _observed(noise: float, count: int = 4) -> Tensor:
    kernel = motion_blur_kernels(count, 5, length=12)
    image = from_opponent(load_model("celeba").mean[None]).expand(count, -1, -1, -1)
    draw = torch.Generator().manual_seed(0)
    return blur(image, kernel) + noise * torch.randn(image.shape, generator=draw)


@pytest.mark.parametrize("noise", [0.01, 0.05])
def test_noise_is_measured_from_the_observation(noise: float) -> None:
    y = _observed(noise)
    assert torch.allclose(estimate_noise(y), torch.full((4,), noise), rtol=0.15)
    assert torch.allclose(estimate_noise(y[:, :1]), torch.full((4,), noise), rtol=0.25)


def test_what_the_weights_were_chosen_at_is_not_loud() -> None:
    assert (loudness(_observed(0.01)) == 1).all()
    assert torch.allclose(loudness(_observed(0.05)), torch.tensor(0.05 / CHOSEN_NOISE), rtol=0.15)
