"""Muon on convolutions."""

import pytest
import torch

from methods.training.muon import ConvolutionMuon


def test_a_step_is_as_long_in_every_direction():
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(3, 6, 5).to(memory_format=torch.channels_last)
    before = conv.weight.detach().clone()
    u, _, v = torch.linalg.svd(torch.randn(6, 75), full_matrices=False)
    gradient = u @ torch.diag(torch.tensor([10.0, 3.0, 1.0, 0.5, 0.3, 0.1])) @ v
    conv.weight.grad = gradient.view(6, 5, 5, 3).permute(0, 3, 1, 2)
    ConvolutionMuon([conv.weight], rate=0.01).step()
    step = (before - conv.weight).detach().permute(0, 2, 3, 1).reshape(6, 75)
    lengths = torch.linalg.svdvals(step)
    assert lengths.max() < 2 * lengths.min()  # the gradient's differ a hundredfold
    assert step.square().mean().sqrt() == pytest.approx(0.2 * 0.01, rel=0.25)  # as Adam's
    assert (step * gradient).sum() > 0


def test_filters_that_are_not_channels_last_are_refused():
    conv = torch.nn.Conv2d(3, 6, 5)
    with pytest.raises(RuntimeError, match="view"):
        ConvolutionMuon([conv.weight], rate=0.01)
