"""Generators by name: weights, their cards and the common protocol."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from bench import seeds
from bench.errors import Unavailable, UnknownName
from bench.methods.generators import architectures
from bench.methods.generators.folding import fold
from bench.methods.training.store import ModelStore
from bench.methods.training.weights import built_from

WEIGHTS = Path(__file__).parent / "weights"
STORE = ModelStore(WEIGHTS, "generator", unknown=UnknownName)
load_card = STORE.card

CLASSES = ("svhn", "shoes", "celeba", "faces128", "motion-blur")
"""Classes that have a generator. The default one, chosen on validation images (see the cards), has
the class's name."""
KERNEL_PRIORS = {"faces128": "motion-blur-32"}
"""Generators of kernels of classes whose experiment has larger ones than the others."""


def kernel_prior(image_class: str) -> str:
    """Name of the generator of kernels that goes with a class of images."""
    return KERNEL_PRIORS.get(image_class, "motion-blur")


@runtime_checkable
class Generator(Protocol):
    """What deblurring needs of a prior, whatever its architecture.

    Attributes
    ----------
    name : str
    latent_size : int
        d; the latent is standard normal.
    image_size : (int, int)
    range : (float, float)
        Of what ``forward`` returns: (0, 1).
    has_encoder : bool
    """

    name: str
    latent_size: int
    image_size: tuple[int, int]
    range: tuple[float, float]
    has_encoder: bool

    def __call__(self, z: Tensor) -> Tensor:
        """Map latents (N, d) to images (N, C, H, W) in [0, 1], differentiably by z."""
        ...

    def encode(self, x: Tensor) -> Tensor:
        """Map images (N, C, H, W) in [0, 1] to latents (N, d)."""
        ...

    def sample(self, seed: int, count: int = 1) -> Tensor:
        """Draw images (count, C, H, W): image i depends on (seed, i) alone."""
        ...


class Prior(nn.Module):
    """A published decoder, folded or plain, as a :class:`Generator`.

    Parameters
    ----------
    decoder : nn.Module
        One of :mod:`bench.methods.generators.architectures`, in evaluation mode.
    encoder : nn.Module or None
    name : str
    folded : bool
        Whether to use the fast variant, equal to the plain one to 1e-4.
    card : dict
        What is known about the weights.
    """

    range = (0.0, 1.0)

    def __init__(
        self,
        decoder: Any,
        encoder: nn.Module | None = None,
        *,
        name: str = "unnamed",
        folded: bool = True,
        card: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.name, self.card = name, card or {}
        self.latent_size: int = decoder.latent_size
        self.image_shape: tuple[int, int, int] = decoder.image_shape
        self.image_size = self.image_shape[1:]
        self.signed: bool = decoder.output_range[0] < 0
        self.decoder = fold(decoder) if folded else decoder.eval().requires_grad_(False)
        self.encoder = encoder.eval().requires_grad_(False) if encoder is not None else None

    @property
    def has_encoder(self) -> bool:
        """Whether :meth:`encode` works."""
        return self.encoder is not None

    def forward(self, z: Tensor) -> Tensor:
        """Map latents (N, d) to images (N, C, H, W) in [0, 1] (kernels: non-negative)."""
        x = self.decoder(z)
        return (x + 1) / 2 if self.signed else x

    def encode(self, x: Tensor) -> Tensor:
        """Map images (N, C, H, W) in [0, 1] to latents (N, d).

        Raises
        ------
        Unavailable
            If the weights came without an encoder.
        """
        if self.encoder is None:
            raise Unavailable(f"The generator {self.name!r} has no encoder; start from samples.")
        return self.encoder(x)

    def latents(self, seed: int, count: int = 1) -> Tensor:
        """Draw standard normal latents (count, d); row i depends on (seed, i) alone."""
        rows = [
            torch.randn(self.latent_size, generator=seeds.generator("latent", seed, i))
            for i in range(count)
        ]
        return torch.stack(rows) if rows else torch.empty(0, self.latent_size)

    @torch.no_grad()
    def sample(self, seed: int, count: int = 1) -> Tensor:
        """Draw images (count, C, H, W) in [0, 1] by seed."""
        device = next(self.decoder.parameters()).device
        return self(self.latents(seed, count).to(device)).clamp(0, 1)


def generator_names() -> list[str]:
    """Return the names of the generators whose cards are here."""
    return STORE.names()


def check_generator(name: str) -> None:
    """Raise ``Unavailable`` unless a generator of the project's own and its weights are here."""
    if name not in generator_names():
        raise Unavailable(
            f"The generator {name!r} is not trained; 'python -m bench train {name}' makes it."
        )
    STORE.weights(name)


def load_generator(
    name: str, *, folded: bool = True, device: str = "cpu", folder: Path = WEIGHTS
) -> Prior:
    """Load a generator, checking the weights against the card's SHA-256.

    Parameters
    ----------
    name : str
        A name in :func:`generator_names`.
    folded : bool
        Use the fast inference variant.
    device : str
    folder : Path
        Where weights and cards lie.

    Raises
    ------
    UnknownName
        If there is no such card.
    Unavailable
        If the weights are missing or do not match the card.
    """
    store = STORE.at(folder)
    card, tensors = store.card(name), store.tensors(name)
    with built_from(store.weights(name)):
        decoder = architectures.DECODERS[card["decoder"]]()
        decoder.load_state_dict(_part(tensors, "decoder", decoder))
        encoder = None
        if card.get("encoder"):
            encoder = build_encoder(card["encoder"], decoder)
            encoder.load_state_dict(_part(tensors, "encoder", encoder))
        prior = Prior(decoder, encoder, name=name, folded=folded, card=card)
    return prior.to(device)


def build_encoder(kind: str, decoder: Any) -> nn.Module:
    """Make an encoder of a decoder's latent size and image shape."""
    cls = architectures.ENCODERS[kind]
    if cls in (architectures.SVHNEncoder, architectures.MotionBlurEncoder):
        return cls(decoder.latent_size)
    return cls(decoder.latent_size, decoder.image_shape)


def _part(tensors: dict[str, Tensor], prefix: str, module: nn.Module) -> dict[str, Tensor]:
    own = {
        key.removeprefix(f"{prefix}/"): value
        for key, value in tensors.items()
        if key.startswith(f"{prefix}/")
    }
    # Counters of batch norms are not shipped: nothing in evaluation reads them.
    counters = {k: v for k, v in module.state_dict().items() if k.endswith("num_batches_tracked")}
    return {**counters, **own}


@dataclasses.dataclass(frozen=True)
class LatentStatistics:
    """How far the aggregate posterior is from N(0, I): see :func:`latent_statistics`."""

    mean: float
    spread_low: float
    spread_high: float
    correlation: float
    norm: float
    kurtosis: float


def latent_statistics(z: Tensor, noise: float = 0.0) -> LatentStatistics:
    """Compare latents (N, d) with N(0, I).

    Returns
    -------
    LatentStatistics
        ``mean``: largest absolute mean; ``spread_low``, ``spread_high``: smallest and largest
        standard deviation; ``correlation``: root mean square off the diagonal; ``norm``: mean of
        ``‖z‖²/d`` (1 for N(0, I)); ``kurtosis``: mean excess kurtosis (0 for a normal).
    """
    z = z.double()
    covariance = torch.cov(z.T) + noise**2 * torch.eye(z.shape[1])
    spread = covariance.diagonal().sqrt()
    correlation = covariance / spread[:, None] / spread
    off = correlation[~torch.eye(len(spread), dtype=torch.bool)]
    standard = (z - z.mean(0)) / z.std(0)
    return LatentStatistics(
        mean=z.mean(0).abs().max().item(),
        spread_low=spread.min().item(),
        spread_high=spread.max().item(),
        correlation=off.square().mean().sqrt().item(),
        norm=(z.square().mean(1).mean().item() + noise**2),
        kurtosis=(standard**4).mean().item() - 3,
    )
