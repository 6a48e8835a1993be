"""Products of bfloat16 only where a processor has instructions for them."""

import pytest
import torch
from torch import nn

from bench.methods.generators.architectures import TiledTransposedConv
from bench.methods.training import arithmetic


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [
        ({"avx2": True, "amx_bf16": False}, torch.float32),
        ({"avx2": True, "avx512_bf16": True}, torch.bfloat16),
        ({"neon": True, "bf16": True}, torch.bfloat16),
        ({}, torch.float32),
    ],
)
def test_training_multiplies_in_what_the_processor_can(capabilities, dtype, monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    layer, x = nn.Linear(4, 4), torch.ones(2, 4)
    with arithmetic.mixed_precision():
        assert layer(x).dtype == dtype
    with arithmetic.mixed_precision(wanted=False):
        assert layer(x).dtype == torch.float32
    tiled = TiledTransposedConv(4, 4)
    arithmetic.multiply_in_bfloat16(nn.Sequential(tiled, nn.ReLU()))
    assert tiled.training_dtype == dtype
    assert arithmetic.arithmetic() == str(dtype).removeprefix("torch.")
