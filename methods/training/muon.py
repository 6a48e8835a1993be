"""Muon for convolutions: steps whose singular values are all about equal."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn


class ConvolutionMuon(torch.optim.Muon):
    """PyTorch's Muon (Jordan 2024), each filter bank a matrix: output channels × all the rest.

    A plain network whose gradients have a few large directions learns the small ones no slower,
    which is what holds L15 back under Adam. The step's size is Adam's (``match_rms_adamw``).

    Parameters
    ----------
    weights : iterable of Tensor, shapes (out, in, side, side), channels last
        The optimiser works on views of them.
    rate : float

    Raises
    ------
    RuntimeError
        If a weight is not channels last.
    """

    def __init__(self, weights: Iterable[Tensor], rate: float) -> None:
        self.weights = list(weights)
        matrices = [
            nn.Parameter(weight.data.permute(0, 2, 3, 1).view(len(weight), -1))
            for weight in self.weights
        ]
        super().__init__(matrices, rate, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step along the gradients of the weights; those without one stay."""
        for matrix, weight in zip(self.param_groups[0]["params"], self.weights, strict=True):
            gradient = weight.grad
            matrix.grad = (
                None if gradient is None else gradient.permute(0, 2, 3, 1).reshape(matrix.shape)
            )
        super().step()
