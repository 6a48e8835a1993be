"""A Gaussian model of an image class: mean, principal components, and the spectrum of the rest.

In orthonormal opponent colours (luminance and two of chroma, nearly uncorrelated), an image is

    x = μ + V w + e,    w ~ N(0, I),    e stationary with power spectrum d,

with the leading principal components, scaled by their standard deviations, as columns of ``V`` and
whatever they leave in ``e``. It is the second-order summary of a training set: what faces have in
common sits in ``μ`` and ``V``, and that natural images have edges everywhere sits in ``d``.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from bench.methods.deconvolution.lmmse import to_opponent
from bench.methods.training.store import ModelStore
from bench.methods.training.weights import built_from

WEIGHTS = Path(__file__).parent / "weights"
STORE = ModelStore(WEIGHTS, "Gaussian model of the class", train="gaussian-{name}")
load_card = STORE.card
RANKS = (100, 40, 40)
"""Components kept of luminance and of each chroma."""
FINE = "-fine"
"""Ends the names of models with more components, for images rather than for searches."""


@dataclasses.dataclass(frozen=True)
class GaussianModel:
    """Mean, components and residual spectrum per opponent colour.

    Attributes
    ----------
    mean : Tensor, shape (3, H, W)
    components : tuple of 3 Tensors, shape (r, H, W)
        Orthogonal, each scaled by its standard deviation.
    spectrum : Tensor, shape (3, H, W // 2 + 1)
        Expected squared modulus of the remainder's orthonormal Fourier transform.
    """

    mean: Tensor
    components: tuple[Tensor, Tensor, Tensor]
    spectrum: Tensor

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return int(self.mean.shape[-2]), int(self.mean.shape[-1])

    def to(self, device: torch.device | str) -> GaussianModel:
        """Return the model on a device."""
        first, second, third = (part.to(device) for part in self.components)
        components = first, second, third
        return GaussianModel(self.mean.to(device), components, self.spectrum.to(device))


def learn_model(images: Tensor, ranks: tuple[int, int, int] = RANKS) -> GaussianModel:
    """Fit the model to images of a class.

    Parameters
    ----------
    images : Tensor, float32, shape (M, 3, H, W), in [0, 1]
        M above the largest rank.
    ranks : (int, int, int)
        Components per opponent colour.

    Returns
    -------
    GaussianModel
    """
    opponent = to_opponent(images)
    means, components, spectra = [], [], []
    for colour, rank in enumerate(ranks):
        mean = opponent[:, colour].mean(0)
        rows = (opponent[:, colour] - mean).flatten(1)
        values, vectors = principal_directions(rows, rank)
        rest = (rows - rows @ vectors @ vectors.T).view(-1, *mean.shape)
        transform = torch.fft.rfft2(rest, norm="ortho")
        means.append(mean)
        components.append((vectors * values.sqrt().to(rows)).T.reshape(rank, *mean.shape))
        spectra.append(transform.abs().square().mean(0))
    first, second, third = components
    return GaussianModel(torch.stack(means), (first, second, third), torch.stack(spectra))


def principal_directions(rows: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Largest variances (rank,) and orthonormal directions (D, rank) of centred rows (M, D).

    Of fewer rows than pixels, the inner products of the rows have the same eigenvalues as the
    covariance and are the smaller matrix.
    """
    few = rows.shape[0] < rows.shape[1]
    square = (rows @ rows.T if few else rows.T @ rows) / len(rows)
    values, vectors = torch.linalg.eigh(square.double())
    values, vectors = values[-rank:].flip(0), vectors[:, -rank:].flip(1)
    if few:
        vectors = rows.T.double() @ vectors / (len(rows) * values).sqrt()
    return values, vectors.to(rows)


def save_model(model: GaussianModel, path: Path) -> None:
    """Write a model: components in half precision, the rest in single."""
    tensors = {"mean": model.mean, "spectrum": model.spectrum}
    tensors |= {f"components.{i}": part.half() for i, part in enumerate(model.components)}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    path.chmod(0o644)


@functools.lru_cache(maxsize=4)
def load_model(image_class: str, folder: Path = WEIGHTS) -> GaussianModel:
    """Load a class's model.

    Raises
    ------
    Unavailable
        If it is missing or does not match its card.
    """
    store = STORE.at(folder)
    tensors = store.tensors(image_class)
    with built_from(store.weights(image_class)):
        first, second, third = (tensors[f"components.{i}"] for i in range(3))
        model = GaussianModel(tensors["mean"], (first, second, third), tensors["spectrum"])
        return truncate(model)


def truncate(model: GaussianModel, share: float = 0.1) -> GaussianModel:
    """Move frequencies where the components are faint into the remainder.

    Components are smooth: at most frequencies their power is a small part of the remainder's, and
    counting it there makes the evidence several times cheaper.

    Parameters
    ----------
    model : GaussianModel
    share : float
        Frequencies where the components' power is below this share of the remainder's are moved.
    """
    components, spectra = [], []
    for part, spectrum in zip(model.components, model.spectrum, strict=True):
        transform = torch.fft.rfft2(part, norm="ortho")
        power = transform.abs().square().sum(0)
        faint = power < share * spectrum
        # A real image has as much power at −f as at f, up to rounding: keep both or none.
        for edge in (0, -1):
            faint[:, edge] &= faint[:, edge].roll(-1, 0).flip(0)
        spectra.append(spectrum + power * faint)
        components.append(torch.fft.irfft2(transform * ~faint, s=part.shape[-2:], norm="ortho"))
    return GaussianModel(model.mean, tuple(components), torch.stack(spectra))


def real_spectrum(transform: Tensor) -> Tensor:
    """Flatten half spectra (..., H, W // 2 + 1) to real vectors that keep inner products.

    Columns that stand for their mirror image too count twice.
    """
    weighted = transform * column_weights(transform).sqrt()
    return torch.cat([weighted.real.flatten(-2), weighted.imag.flatten(-2)], -1)


def column_weights(transform: Tensor) -> Tensor:
    """Return how many entries of the full spectrum each column of a half spectrum (even W) stands
    for."""
    weights = torch.full_like(transform.real[..., 0, :].reshape(-1, transform.shape[-1])[0], 2.0)
    weights[0] = weights[-1] = 1.0
    return weights
