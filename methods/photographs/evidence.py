"""A kernel by its marginal likelihood under sparse gradients, from an estimate that is near.

Variational Bayes with a variance ``γ_p`` for the gradients ``x_p`` of every pixel of the sharp
image leads (Wipf and Zhang 2014) to minimising, over ``x``, ``γ`` and kernels ``k ≥ 0``,

    ‖m (b − x ⊗ k)‖² / (2 s) + ½ Σ_p [|x_p|² / γ_p + 2 log(s + γ_p ‖k‖²)],

with ``b`` the observation's gradients, ``m`` one where they were seen and zero beyond the border,
and ``s`` a multiple of their noise variance. The logarithm is what a plain maximum a posteriori
estimate lacks: it keeps the kernel from shrinking to a point. In turn, conjugate gradients give
``x``, whose variance ``v_p = 1 / (‖k‖²/s + 1/γ_p)`` is that of a posterior with independent pixels;
``γ_p = r_p²/2`` with ``r_p² = |x_p|² + 2 v_p``, as the gradients of BSDS500's training photographs
have it up to some 0.1; larger ones are rarer than that, and a factor of ``1 + r_p/r₀`` holds them
back, lest the image become sharper than photographs are. The kernel follows from least squares that
``v`` holds back:

    (X'mX + diag c) k = X'm b,    c_j = Σ_p m_p v_{p−j}.

From a point, or with much assumed noise, the turns end in blurred kernels: they are for refining.
``s`` falls while they go on, and the last ones are at the true noise. Where the photograph itself
is soft, ``x`` are the gradients before a Gaussian ``g`` that every exposure has, and ``x ⊗ g``
takes their place.

References
----------
A. Levin, Y. Weiss, F. Durand and W. T. Freeman, "Efficient Marginal Likelihood Optimization in
Blind Deconvolution", CVPR 2011.
S. D. Babacan, R. Molina, M. N. Do and A. K. Katsaggelos, "Bayesian Blind Deconvolution with General
Sparse Image Priors", ECCV 2012.
D. Wipf and H. Zhang, "Revisiting Bayesian Blind Deconvolution", Journal of Machine Learning
Research 15, 2014.
"""

from __future__ import annotations

import dataclasses
import functools
import math

import torch
from scipy.fft import next_fast_len
from torch import Tensor

from bench.errors import InvalidInput
from bench.methods.photographs.sparse_edges import conjugate_gradients, pruned
from bench.physics.forward import transfer_function
from bench.protocol import Boundary

LENS_REACH = 3
"""How far beyond the kernel's a canvas reaches for a Gaussian, in standard deviations."""


@dataclasses.dataclass(frozen=True)
class Refinement:
    """How a kernel is refined; chosen on development photographs.

    Attributes
    ----------
    iterations : int
        Turns of gradients, variances and kernel.
    hot, cold : float
        ``s`` in units of the gradients' noise variance, at first and at last.
    first : float
        Added to the squared gradients of the observation, where ``γ`` begins.
    large : float
        ``r₀``, in units of the intensity.
    image_steps, kernel_steps : int
        Of conjugate gradients in a turn.
    floor, component : float
        Kernel values below this share of the largest go, and connected pieces below this share of
        the mass.
    least_noise : float
        Standard deviation that is assumed at least: 8 bits and a model that is not quite true.
    """

    iterations: int = 40
    hot: float = 4.0
    cold: float = 1.0
    first: float = 0.01
    large: float = 0.3
    image_steps: int = 10
    kernel_steps: int = 6
    floor: float = 0.035
    component: float = 0.03
    least_noise: float = 0.004

    @classmethod
    def of(cls, turns: int) -> Refinement:
        """Return the same of so many iterations; raise InvalidInput if they are negative."""
        if turns < 0:
            raise InvalidInput(f"turns = {turns}; it must not be negative, and 0 refines nothing.")
        return cls(iterations=turns)


@dataclasses.dataclass(frozen=True)
class Seen:
    """Gradients of an observation on a canvas that holds all that they depend on.

    Attributes
    ----------
    gradients : Tensor, shape (2, H, W)
        Zero where they were not seen.
    mask : Tensor, shape (H, W)
    support : (int, int)
        Of the kernel.
    lens : Tensor, shape (H, W // 2 + 1)
        Spectrum of what every exposure of the photograph is blurred by.
    """

    gradients: Tensor
    mask: Tensor
    support: tuple[int, int]
    lens: Tensor

    @property
    def extent(self) -> tuple[int, int]:
        """Pixels of the canvas."""
        return int(self.mask.shape[0]), int(self.mask.shape[1])

    def transfer(self, kernel: Tensor) -> Tensor:
        """Spectrum of a kernel on the canvas."""
        return self.lens * transfer_function(kernel, self.extent)

    @functools.cached_property
    def squared_lens(self) -> Tensor:
        """Spectrum of the squared point that the lens makes: it spreads variances."""
        return torch.fft.rfft2(self.image(self.lens).square())

    def image(self, spectrum: Tensor) -> Tensor:
        """Inverse transform."""
        return torch.fft.irfft2(spectrum, s=self.extent)

    def taps(self, spectrum: Tensor) -> Tensor:
        """Cut the kernel's support out of a correlation that is given by its spectrum."""
        rows, cols = self.support
        return self.image(spectrum).roll((rows // 2, cols // 2), (0, 1))[:rows, :cols]


def seen(grey: Tensor, support: tuple[int, int], boundary: Boundary, softness: float = 0.0) -> Seen:
    """Lay the gradients of an observation on their canvas.

    Parameters
    ----------
    grey : Tensor, shape (H, W)
    support : (int, int)
        Of the kernel.
    boundary : {"circular", "free"}
    softness : float
        Standard deviation in pixels of the Gaussian that every exposure is blurred by.
    """
    down, right = grey.roll(-1, 0) - grey, grey.roll(-1, 1) - grey
    gradients = torch.stack([down, right])
    if boundary == "circular":
        lens = bell_spectrum(gradients, softness)
        return Seen(gradients, torch.ones_like(grey), support, lens)
    gradients = gradients[:, :-1, :-1]  # the last ones went around the border
    inner = [int(side) for side in gradients.shape[1:]]
    around = math.ceil(LENS_REACH * softness)
    before = [(side - 1) - side // 2 + around for side in support]
    reaches = [side - 1 + 2 * around for side in support]
    sides = zip(inner, reaches, strict=True)
    extent = [int(next_fast_len(side + reach, real=True)) for side, reach in sides]
    window = tuple(slice(b, b + side) for b, side in zip(before, inner, strict=True))
    canvas, mask = grey.new_zeros(2, *extent), grey.new_zeros(*extent)
    canvas[(slice(None), *window)] = gradients
    mask[window] = 1
    return Seen(canvas, mask, support, bell_spectrum(canvas, softness))


def bell_spectrum(like: Tensor, deviation: float) -> Tensor:
    """Return the spectrum, (H, W // 2 + 1), of a Gaussian on the canvas of a tensor (..., H, W).

    It ends at the highest frequency there is, so that one of a quarter pixel rings a little.
    """
    rows, cols = (int(side) for side in like.shape[-2:])
    down = torch.fft.fftfreq(rows, dtype=like.dtype, device=like.device)[:, None]
    right = torch.fft.rfftfreq(cols, dtype=like.dtype, device=like.device)
    squares = down.square() + right.square()
    return torch.exp(-2 * (math.pi * deviation) ** 2 * squares)


@torch.no_grad()
def refine_kernel(
    grey: Tensor,
    kernel: Tensor,
    noise: float,
    boundary: Boundary = "free",
    settings: Refinement | None = None,
    softness: float = 0.0,
) -> Tensor:
    """Refine a kernel by the marginal likelihood.

    Parameters
    ----------
    grey : Tensor, shape (H, W), in [0, 1]
        The observation.
    kernel : Tensor, shape (kh, kw)
        An estimate, non-negative, summing to 1.
    noise : float
        Standard deviation of the observation's noise.
    boundary : {"circular", "free"}
    settings : Refinement, optional
    softness : float
        Standard deviation in pixels of the Gaussian that the photograph was blurred by before
        anything moved: its gradients are sparse but for that.

    Returns
    -------
    Tensor, shape (kh, kw)
        Non-negative, summing to 1, placed as the given one was.
    """
    settings = settings or Refinement()
    rows, cols = kernel.shape
    view = seen(grey, (int(rows), int(cols)), boundary, softness)
    # A difference of two pixels has twice the noise variance of one.
    variance = 2 * max(noise, settings.least_noise) ** 2
    gradients = view.gradients
    spread = gradients.square().mean(0) + settings.first
    fall = (settings.cold / settings.hot) ** (1 / max(settings.iterations - 1, 1))
    s = settings.hot * variance
    for _ in range(settings.iterations):
        transfer = view.transfer(kernel)
        # The sum of squares of what a gradient becomes in the observation.
        energy = float(view.image(transfer).square().sum())
        gradients = _gradients(view, transfer, gradients, s / spread, energy, settings.image_steps)
        doubt = 1 / (energy / s + 1 / spread)
        kernel = _kernel(view, kernel, gradients, doubt, settings)
        half = gradients.square().mean(0) + doubt
        spread = half / (1 + (2 * half).sqrt() / settings.large)
        s *= fall
    return kernel


def _gradients(
    view: Seen, transfer: Tensor, start: Tensor, ridge: Tensor, energy: float, steps: int
) -> Tensor:
    """Solve ``(K'mK + diag(ridge)) x = K'm b`` for both directions at once."""
    scale = 1 / (energy + ridge)

    def system(u: Tensor) -> Tensor:
        blurred = view.mask * view.image(transfer * torch.fft.rfft2(u))
        return view.image(transfer.conj() * torch.fft.rfft2(blurred)) + ridge * u

    x = start
    residual = view.image(transfer.conj() * torch.fft.rfft2(view.gradients)) - system(x)
    direction = scale * residual
    descent = _inner(residual, direction)
    for _ in range(steps):
        ahead = system(direction)
        step = descent / _inner(direction, ahead).clamp_min(1e-20)
        x = x + step * direction
        residual = residual - step * ahead
        scaled = scale * residual
        now = _inner(residual, scaled)
        direction, descent = scaled + now / descent.clamp_min(1e-20) * direction, now
    return x


def _inner(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((-2, -1), keepdim=True)


def _kernel(
    view: Seen, start: Tensor, gradients: Tensor, doubt: Tensor, settings: Refinement
) -> Tensor:
    """Least squares of the observation's gradients on the sharp image's, held back by ``doubt``."""
    spectra = view.lens * torch.fft.rfft2(gradients)
    softened = torch.fft.rfft2(doubt) * view.squared_lens
    sums = view.taps(2 * softened.conj() * torch.fft.rfft2(view.mask)).clamp_min(0)

    def correlated(blurred: Tensor) -> Tensor:
        return view.taps((spectra.conj() * torch.fft.rfft2(blurred)).sum(0))

    def product(k: Tensor) -> Tensor:
        blurred = view.image(spectra * transfer_function(k, view.extent))
        return correlated(view.mask * blurred) + sums * k

    right_side, free = correlated(view.gradients), torch.ones_like(start)
    kernel = conjugate_gradients(product, right_side, start, free, settings.kernel_steps)
    return pruned(kernel, settings.floor, settings.component)
