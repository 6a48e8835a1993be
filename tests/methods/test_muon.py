"""Muon on convolutions."""

import pytest
import torch

from methods.training.muon import COEFFICIENTS, ITERATIONS, ConvolutionMuon, orthogonal


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


def test_a_steps_direction_does_not_depend_on_the_layout():
    torch.manual_seed(0)
    start, gradient = torch.randn(2, 8, 3, 5, 5)
    ends = []
    for layout in (torch.contiguous_format, torch.channels_last):
        weight = torch.nn.Parameter(start.clone(memory_format=layout))
        optimiser = ConvolutionMuon([weight], rate=0.01)
        for scale in (1.0, 0.3):  # the second step reads the first's momentum
            weight.grad = (scale * gradient).contiguous(memory_format=layout)
            optimiser.step()
        ends.append(weight.detach())
    assert torch.allclose(*ends, atol=1e-6)


def test_weights_without_a_gradient_stay():
    weight = torch.nn.Parameter(torch.ones(2, 3, 1, 1))
    ConvolutionMuon([weight], rate=0.01).step()
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
