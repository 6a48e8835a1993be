"""SelfDeblur on one grey observation: both networks are fitted, and what they give is the answer.

With networks ``x(θ)`` and ``k(φ)``, whose inputs are fixed noise, Adam minimises

    mean (y − x(θ) ⊗ k(φ))²,    and after a fifth of the steps    1 − SSIM(y, x(θ) ⊗ k(φ)),

by ``θ`` and ``φ`` together. Nothing was learned before: the structure of the image network is the
prior, and a softmax makes ``k ≥ 0`` and ``Σk = 1``. With a free boundary ``x`` is larger than ``y``
by the kernel, and ``⊗`` keeps what it determines.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import torch
from torch import Tensor

from bench.methods.photographs.sparse_edges import pruned
from bench.methods.selfdeblur.networks import CODE, PLANES, ImageNetwork, KernelNetwork
from bench.methods.selfdeblur.settings import Settings
from bench.physics.forward import blur, seen_part
from bench.protocol import Boundary, Formation

REACH, SIGMA = 5, 1.5
"""Of the Gaussian window of the similarity: pixels to either side, standard deviation."""


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What one pair of networks came to.

    Attributes
    ----------
    image : Tensor, shape (H, W), in [0, 1]
        The part that was observed.
    kernel : Tensor, shape (kh, kw)
    residual : float
        Root mean square of ``y − x ⊗ k`` per pixel, with the kernel as the network gave it.
    steps : int
        That were taken.
    trace : Tensor, shape (steps + 1,)
        Such residuals before every step and after the last; NaN after an early stop.
    """

    image: Tensor
    kernel: Tensor
    residual: float
    steps: int
    trace: Tensor


def fit(
    y: Tensor,
    size: tuple[int, int],
    boundary: Boundary,
    settings: Settings,
    source: torch.Generator,
    noise: float = 0.0,
    start: Tensor | None = None,
) -> Fitted:
    """Fit an image and a kernel network to an observation.

    Parameters
    ----------
    y : Tensor, shape (H, W), in [0, 1]
    size : (int, int)
        Of the kernel.
    boundary : {"circular", "free"}
    settings : Settings
    source : torch.Generator
        Draws the networks, their inputs and the noise that is added to these.
    noise : float
        The fit stops where the residual is no larger; 0 takes all steps.
    start : Tensor, shape (kh, kw), optional
        Kernel to begin at, in place of the random network's, which is nearly flat.

    Returns
    -------
    Fitted
    """
    formation: Formation = "circular" if boundary == "circular" else "valid"
    (height, width), (kh, kw) = y.shape, size
    beyond = (0, 0) if boundary == "circular" else (kh - 1, kw - 1)
    canvas = int(height + beyond[0]), int(width + beyond[1])
    image_network, kernel_network = _networks(canvas, size, settings, source)
    image_network, kernel_network = image_network.to(y.device), kernel_network.to(y.device)
    planes = settings.code * torch.rand(1, PLANES, *canvas, generator=source)
    code = (settings.code * torch.rand(CODE, generator=source)).to(y.device)
    if start is not None:
        kernel_network.begin_at(start.to(y.device), code, settings.spread)
    optimiser = torch.optim.Adam(
        [
            {"params": image_network.parameters(), "lr": settings.image_rate},
            {"params": kernel_network.parameters(), "lr": settings.kernel_rate},
        ]
    )
    halvings = [round(share * settings.steps) for share in settings.halvings]
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, halvings, gamma=0.5)
    likeness = Similarity(y)
    trace = torch.full((settings.steps + 1,), math.nan)
    step = 0
    while True:
        jitter = settings.jitter * torch.randn(planes.shape, generator=source)
        image, kernel = image_network((planes + jitter).to(y.device)), kernel_network(code)
        if start is not None and step < settings.held * settings.steps:
            kernel = kernel.detach()
        blurred = blur(image, kernel, formation)
        error = (blurred - y).square().mean()
        trace[step] = float(error.detach().sqrt())
        if step == settings.steps or trace[step] <= noise:
            break
        value = error if step < settings.squares * settings.steps else 1 - likeness(blurred)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        schedule.step()
        step += 1
    shown = seen_part(image.detach(), size, formation)[0, 0]
    kernel = kernel.detach()
    if settings.floor:
        kernel = pruned(kernel.cpu(), settings.floor, settings.floor).to(kernel)
    return Fitted(shown, kernel, float(trace[step]), step, trace)


class Similarity:
    """Mean structural similarity to one image, zeros beyond the borders.

    Parameters
    ----------
    y : Tensor, shape (H, W), in [0, 1]
    """

    def __init__(self, y: Tensor) -> None:
        self.y = y
        self.mean = self._window(y)
        self.variance = self._window(y * y) - self.mean.square()

    def __call__(self, x: Tensor) -> Tensor:
        """Return the similarity of an image, shape (1, 1, H, W)."""
        c1, c2 = 0.01**2, 0.03**2
        mean, square, product = self._window(torch.cat([x[0], (x * x)[0], (x * self.y)[0]]))
        variance, covariance = square - mean * mean, product - mean * self.mean
        likeness = (2 * mean * self.mean + c1) * (2 * covariance + c2)
        norm = (mean * mean + self.mean.square() + c1) * (variance + self.variance + c2)
        return (likeness / norm).mean()

    def _window(self, planes: Tensor) -> Tensor:
        rows, cols = (_banded(int(side)).to(planes) for side in planes.shape[-2:])
        return rows @ planes @ cols


@functools.lru_cache(maxsize=8)
def _banded(side: int) -> Tensor:
    """Return the Gaussian window along an axis as a matrix, zeros beyond the borders."""
    apart = torch.arange(side)[:, None] - torch.arange(side)
    taps = torch.exp(-torch.arange(-REACH, REACH + 1).square() / (2 * SIGMA**2))
    weights = torch.exp(-apart.square() / (2 * SIGMA**2)) * (apart.abs() <= REACH)
    return weights / taps.sum()


def _networks(
    canvas: tuple[int, int], size: tuple[int, int], settings: Settings, source: torch.Generator
) -> tuple[ImageNetwork, KernelNetwork]:
    """Draw the networks; of small images, fewer scales."""
    # A border of one pixel is reflected, and pairs are pooled, where there are two pixels.
    deepest = math.ceil(math.log2(min(canvas))) - 1
    channels = settings.channels[: max(1, deepest)]
    seed = int(torch.randint(2**62, (), generator=source))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        image = ImageNetwork(channels, settings.skips, settings.attentive)
        return image, KernelNetwork(size)
