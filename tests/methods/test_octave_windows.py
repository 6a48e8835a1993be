"""Octave estimates the kernel of a whole photograph on a part of it."""

from __future__ import annotations

import shutil

import pytest
import torch

from bench.methods.engineered.l0 import SparseGradients
from bench.methods.engineered.octave_session import session
from bench.protocol import Task


@pytest.mark.skipif(shutil.which("octave") is None, reason="Octave is not installed")
def test_the_kernel_of_a_photograph_is_estimated_on_its_textured_window() -> None:
    part, whole = (
        Task("natural", size, 1, (9, 9), boundary="free") for size in ((400, 400), (420, 464))
    )
    y = torch.full((1, 1, *whole.image_size), 0.5)
    y[..., 20:, 64:] = torch.rand((400, 400), generator=torch.Generator().manual_seed(1))
    few = {"iterations": 1, "alpha_max": 0.01}
    expected = SparseGradients(part, **few).estimate_kernel(y[..., 20:, 64:])
    assert torch.equal(SparseGradients(whole, **few).estimate_kernel(y), expected)
    assert "window" in SparseGradients.assets(whole)
    assert "window" not in SparseGradients.assets(part)
    session().close()
