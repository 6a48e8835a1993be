"""Other people's functions and reconstructors are measured as methods."""

from __future__ import annotations

import pytest
import torch

import bench
from bench.adapters import from_function
from bench.adapters.deepinv import from_deepinv
from bench.errors import Unavailable
from bench.physics.forward import blur
from bench.protocol import Task

TASK = Task("natural", (32, 32), 3, (9, 8), 0.01, "circular")


def test_a_function_may_ask_for_the_task() -> None:
    seen = []

    def careful(y: torch.Tensor, task: Task) -> torch.Tensor:
        seen.append(task.kernel_size)
        return y

    restored = from_function(careful, tells=True)(TASK).deblur(torch.rand(2, 3, 32, 32))
    assert restored.image.shape == (2, 3, 32, 32)
    assert seen == [(9, 8)]


def test_without_deepinv_the_method_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    from bench.adapters import deepinv

    monkeypatch.setattr(deepinv.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match="pip install deepinv"):
        from_deepinv(lambda task: torch.nn.Identity()).check_available(TASK)


def test_a_deepinv_reconstructor_sees_our_forward_model() -> None:
    pytest.importorskip("deepinv")
    image = torch.rand(1, 3, 32, 32)
    kernels = []

    class Check(torch.nn.Module):
        def forward(self, y: torch.Tensor, physics: object) -> torch.Tensor:
            kernels.append(physics)
            return y

    method = from_deepinv(lambda task: Check(), estimator="sparse-edges")
    found = method(TASK).deblur(image)
    assert found.kernel is not None
    assert torch.allclose(kernels[0].A(image), blur(image, found.kernel), atol=1e-5)  # type: ignore[attr-defined]
    assert bench.METHODS.load("sparse-edges")
