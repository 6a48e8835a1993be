"""What the networks are trained to minimise, and the critic that one of them plays against."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.methods.feedforward.networks import Critic, Features

CONTENT = 100.0
"""Weight of the content term against the critic's, as published."""
PIXELS, FEATURES = 10.0, 1.0
"""Weights of the two squared errors in the content term, ours. The published one is of VGG's
features, whose scale is another; with a tenth of both the critic's term made three quarters of the
gradient and cost 1.4 dB on faces."""
PENALTY = 10.0
CRITIC_STEPS = 5
WEIGHTS = {
    "content": CONTENT,
    "pixels": PIXELS,
    "features": FEATURES,
    "gradient_penalty": PENALTY,
    "critic_steps": CRITIC_STEPS,
}
"""All of the above, for the cards."""
FLOOR = 1e-5
"""Keeps the logarithm of a squared error finite; 50 dB."""


def squared(restored: Tensor, sharp: Tensor) -> Tensor:
    """Return the mean squared error, the Euclidean loss of Hradiš et al. up to a factor."""
    return (restored - sharp).square().mean()


def distance(restored: Tensor, sharp: Tensor) -> Tensor:
    """Return the mean Euclidean distance of the images, per pixel: squared error's root, image by
    image.

    Squared errors of contrasty images drown those of the rest, and digits' contrasts differ widely.
    """
    return (restored - sharp).square().mean((1, 2, 3)).add(FLOOR).sqrt().mean()


def negative_psnr(restored: Tensor, sharp: Tensor) -> Tensor:
    """Return minus the mean PSNR, in units of 10 dB: every image counts the same, however
    blurred."""
    return (restored - sharp).square().mean((1, 2, 3)).add(FLOOR).log10().mean()


PIXELWISE = {"squared": squared, "distance": distance, "psnr": negative_psnr}


def content(restored: Tensor, sharp: Tensor, features: Features) -> Tensor:
    """Ten times the squared error of pixels plus that of features."""
    with torch.no_grad():
        target = features.features(sharp)
    perceptual = (features.features(restored) - target).square().mean()
    return PIXELS * squared(restored, sharp) + FEATURES * perceptual


class Adversary(nn.Module):
    """A WGAN critic with gradient penalty and its optimiser (Kupyn et al. 2018, section 3).

    Its ``share`` is the running mean of :func:`gradient_share` of the critic's term.

    Parameters
    ----------
    lr : float
        Learning rate of its Adam, with betas (0.5, 0.999).
    """

    def __init__(self, lr: float) -> None:
        super().__init__()
        self.critic = Critic()
        self.share: Tensor
        self.register_buffer("share", torch.zeros(()))
        self.optimiser = torch.optim.Adam(self.critic.parameters(), lr, betas=(0.5, 0.999))

    def learn(self, restored: Tensor, sharp: Tensor, source: torch.Generator) -> None:
        """Take five steps on a batch, as the published code does."""
        restored = restored.detach()
        for _ in range(CRITIC_STEPS):
            loss = self.critic(restored).mean() - self.critic(sharp).mean()
            loss = loss + PENALTY * self._penalty(restored, sharp, source)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self.optimiser.step()

    def judge(self, restored: Tensor, rest: Tensor, step: int) -> Tensor:
        """Return the term the generator minimises; its share against the ``rest`` is noted."""
        term = -self.critic(restored).mean()
        share = gradient_share(term, rest, restored)
        self.share += (share - self.share) * max(0.02, 1 / (step + 1))
        return term

    def _penalty(self, restored: Tensor, sharp: Tensor, source: torch.Generator) -> Tensor:
        mix = torch.rand((len(sharp), 1, 1, 1), generator=source)
        between = (mix * sharp + (1 - mix) * restored).requires_grad_()
        (slope,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
        return (slope.flatten(1).norm(dim=1) - 1).square().mean()


def gradient_share(term: Tensor, rest: Tensor, restored: Tensor) -> float:
    """Share of a loss term in the gradient at the restored image: ``‖∂a‖ / (‖∂a‖ + ‖∂b‖)``."""
    (first,) = torch.autograd.grad(term, restored, retain_graph=True)
    (second,) = torch.autograd.grad(rest, restored, retain_graph=True)
    return float(first.norm() / (first.norm() + second.norm()).clamp_min(1e-12))
