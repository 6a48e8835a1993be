"""Training a feed-forward network end to end: fresh kernels and noise in every step.

``deblurgan`` is trained in two recipes, so that what the critic changes can be seen: first on the
content term alone (``deblurgan-content-CLASS``), then from there with the critic.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import InvalidInput, Unavailable
from bench.methods.feedforward import losses
from bench.methods.feedforward.loading import FEATURES, STORE, build, load_features, load_network
from bench.methods.feedforward.networks import NETWORKS
from bench.methods.training.arithmetic import mixed_precision
from bench.methods.training.blurred import NOISE, BlurredTrainer
from bench.methods.training.muon import muon_and_adam
from bench.methods.training.recipe import NetworkRecipe, key
from bench.methods.training.trainer import Loss
from bench.metrics import psnr


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeedForwardRecipe(NetworkRecipe):
    """How a feed-forward network is trained; its name is ``NETWORK-CLASS``.

    Attributes
    ----------
    network : str
        A name in :data:`bench.methods.feedforward.networks.NETWORKS`.
    width : float
        Of the network; what that means is the network's business.
    published_width : float
        The publication's, for the card; 0 where there is none.
    loss : {"squared", "distance", "psnr", "content"}
        Mean squared error; mean Euclidean distance of the images; mean of the logarithm of each
        image's squared error, which is the PSNR; or squared error of pixels and features
        (:mod:`bench.methods.feedforward.losses`).
    adversarial : bool
        Add a WGAN-GP critic to the loss.
    start : str
        Name of the weights to start from; "" for a random start. A recipe's own name trains the
        weights that are there on, and starts at random where there are none; the card says which.
    noise : (float, float)
        Smallest and largest standard deviation of the noise, drawn uniformly.
    optimiser : {"adam", "muon"}
        Muon takes what has four dimensions, filters and blocks' scales; Adam the rest
        (:class:`bench.methods.training.muon.ConvolutionMuon`).
    """

    network: str = key(among=NETWORKS)
    width: float = key(least=1e-3)
    published_width: float = key(0.0, hashed=None)
    loss: str = key("squared", among=(*losses.PIXELWISE, "content"))
    adversarial: bool = key(False)
    start: str = key("")
    noise: tuple[float, ...] = key((NOISE, NOISE), most=1.0)
    optimiser: str = key("adam", among=("adam", "muon"), added=True)
    batch: int = key(16, least=1)
    eval_every: int = key(100, least=1, hashed=None)
    save_every: int = key(50, least=1, hashed=None)


class FeedForwardTrainer(BlurredTrainer[FeedForwardRecipe]):
    """Train a network from observations to images."""

    recipe_class = FeedForwardRecipe
    store = STORE
    purpose = "restorer validation"
    device = torch.device("cpu")

    def __init__(
        self, recipe: FeedForwardRecipe, images: Tensor, held_out: Any = None, *, fresh: bool = True
    ) -> None:
        super().__init__(recipe, images, held_out, fresh=fresh)
        self.features = load_features() if recipe.loss == "content" else None
        self.adversary = losses.Adversary(recipe.lr) if recipe.adversarial else None
        if recipe.adversarial:
            self.largest_gradient = 100.0

    def to(self, device: str) -> None:
        """Take steps on a device from here on; batches are drawn on the CPU, as they always are."""
        self.device = torch.device(device)
        for part in (self.model, self.average, self.features, self.adversary):
            if part is not None:
                part.to(self.device)

    def build(self, fresh: bool) -> nn.Module:
        """Make the network, with the weights to start from."""
        model = build(self.recipe.network, self.recipe.width)
        self.origin = _origin(self.recipe)
        if self.origin:
            model.load_state_dict(load_network(self.recipe.start).state_dict())
        return model

    def make_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        """Make Adam for all, or Muon for filters and Adam for the rest."""
        if self.recipe.optimiser == "adam":
            return super().make_optimisers()
        return muon_and_adam(self.model, self.recipe.lr, **self.adam)

    @property
    def parts(self) -> dict[str, Any]:
        """Return what a checkpoint holds: the critic too."""
        if self.adversary is None:
            return super().parts
        critic = {"adversary": self.adversary, "critic_optim": self.adversary.optimiser}
        return super().parts | critic

    def noise_levels(self, uniform: Tensor, coin: Tensor) -> Tensor:
        """Draw from the recipe's interval."""
        low, high = self.recipe.noise
        return low + (high - low) * uniform

    def loss(self) -> Loss:
        """Return the content's loss, with the critic's term in the total."""
        sharp, observation = (x.to(self.device) for x in self.batches.batch(self.step)[:2])
        with mixed_precision(device=self.device.type):
            restored = self.model(observation.contiguous(memory_format=torch.channels_last))
        restored = restored.float()
        loss = self._content(restored, sharp)
        if self.adversary is None:
            return Loss(loss, loss)
        weighted = losses.CONTENT * loss
        self.adversary.learn(restored, sharp, self.source("critic", self.step))
        return Loss(weighted + self.adversary.judge(restored, weighted, self.step), loss)

    def _content(self, restored: Tensor, sharp: Tensor) -> Tensor:
        if self.features is not None:
            return losses.content(restored, sharp, self.features)
        return losses.PIXELWISE[self.recipe.loss](restored, sharp)

    def evaluate(self) -> dict[str, float]:
        """Score validation images at 1 % and at the most noise; add the critic's share."""
        levels = {"psnr": NOISE}
        if (noisiest := max(self.recipe.noise)) > NOISE:
            levels["psnr_noisiest"] = noisiest
        values = {}
        for name, noise in levels.items():
            sharp, observation, _ = self.validation(noise)
            restored_ = restored(self.average, observation[:80])
            values[name] = psnr(restored_, sharp[:80]).mean().item()
        if self.adversary is not None:
            values["critic_share"] = self.adversary.share.item()
        return values

    def describe(self) -> dict[str, Any]:
        """Say what was scaled and what the loss was made of."""
        recipe = self.recipe
        ratio = recipe.width / recipe.published_width if recipe.published_width else None
        card: dict[str, Any] = {"width_against_published": ratio}
        if self.features is not None:
            card |= {"loss_weights": losses.WEIGHTS, "features": STORE.card(FEATURES)["sha256"]}
        if self.adversary is not None:
            card["critic_share_of_gradient"] = self.adversary.share.item()
        return card

    def validate(self, folder: Path) -> dict[str, Any]:
        """Score what was exported, at 1 % noise; the methods' noise sweep has the rest."""
        load_network.cache_clear()
        network = load_network(self.recipe.name, folder)
        sharp, observation, _ = self.validation()
        started = time.perf_counter()
        images = restored(network, observation)
        seconds = time.perf_counter() - started
        return {
            "images": len(sharp),
            "noise": NOISE,
            "psnr": psnr(images, sharp).mean().item(),
            "psnr_of_observation": psnr(observation, sharp).mean().item(),
            "images_per_second": round(len(observation) / seconds, 1),
        }


def _origin(recipe: FeedForwardRecipe) -> dict[str, Any]:
    """Describe the weights to start from; {} for a random start."""
    if not recipe.start:
        return {}
    try:
        card = STORE.card(recipe.start)
    except Unavailable:
        if recipe.start != recipe.name:
            raise
        return {}
    network, width = card["recipe"]["network"], card["recipe"]["width"]
    if (network, width) != (recipe.network, recipe.width):
        raise InvalidInput(
            f"{recipe.name!r} is a {recipe.network} of width {recipe.width:g} and starts from "
            f"{recipe.start!r}, whose weights are of a {network} of width {width:g}; train "
            f"{recipe.start!r} first, or change the recipe."
        )
    kept = ("name", "sha256", "commit", "samples_seen", "duration_minutes", "start")
    return {key: card[key] for key in kept if key in card}


@torch.no_grad()
def restored(network: nn.Module, observation: Tensor) -> Tensor:
    """Restore observations (N, 3, H, W) in batches, clamped to [0, 1]."""
    return torch.cat([network(part).clamp(0, 1) for part in observation.split(40)])
