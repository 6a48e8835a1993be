"""Muon on convolutions."""

import pytest
import torch

from bench.methods.training.muon import COEFFICIENTS, ITERATIONS, ConvolutionMuon, orthogonal


def test_a_step_is_as_long_in_every_direction():
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(3, 6, 5)
    conv.weight.data = conv.weight.data.contiguous(memory_format=torch.channels_last)
    before = conv.weight.detach().clone()
    u, _, v = torch.linalg.svd(torch.randn(6, 75), full_matrices=False)
    gradient = u @ torch.diag(torch.tensor([10.0, 3.0, 1.0, 0.5, 0.3, 0.1])) @ v
    conv.weight.grad = gradient.view(6, 5, 5, 3).permute(0, 3, 1, 2)
    ConvolutionMuon([conv.weight], lr=0.01).step()
    step = (before - conv.weight).detach().permute(0, 2, 3, 1).reshape(6, 75)
    lengths = torch.linalg.svdvals(step)
    assert lengths.max() < 2 * lengths.min()  # the gradient's differ a hundredfold
    assert step.square().mean().sqrt() == pytest.approx(0.2 * 0.01, rel=0.25)  # as Adam's
    assert (step * gradient).sum() > 0


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_steps_follow_nesterovs_momentum_whatever_the_layout(layout):
    torch.manual_seed(0)
    start, first, second = torch.randn(3, 8, 3, 5, 5)
    weight = torch.nn.Parameter(start.clone(memory_format=layout))
    optimiser = ConvolutionMuon([weight], lr=0.01)
    for gradient in (first, second):
        weight.grad = gradient.clone(memory_format=layout)
        optimiser.step()
    one = 0.05 * first
    two = 0.95 * one + 0.05 * second
    expected = start.clone()
    for momentum, gradient in ((one, first), (two, second)):
        direction = orthogonal((0.05 * gradient + 0.95 * momentum).flatten(1))
        expected -= 0.01 * 0.2 * 75**0.5 * direction.view(start.shape)
    assert torch.allclose(weight, expected, atol=1e-6)


def test_weights_without_a_gradient_stay():
    weight = torch.nn.Parameter(torch.ones(2, 3, 1, 1))
    ConvolutionMuon([weight], lr=0.01).step()
    assert torch.equal(weight, torch.ones(2, 3, 1, 1))


@pytest.mark.parametrize("shape", [(4, 30), (30, 4), (6, 6)])
def test_orthogonal_keeps_singular_vectors(shape):
    torch.manual_seed(0)
    matrix = torch.randn(shape, dtype=torch.float64)
    u, values, v = torch.linalg.svd(matrix, full_matrices=False)
    x, (a, b, c) = values / values.norm(), COEFFICIENTS
    for _ in range(ITERATIONS):  # the iteration, on singular values alone
        x = a * x + b * x**3 + c * x**5
    assert torch.allclose(orthogonal(matrix), u @ torch.diag(x) @ v, atol=1e-9)
    assert torch.allclose(orthogonal(matrix.float()).double(), orthogonal(matrix), atol=1e-4)
