"""``−log p(y | k)`` with the image integrated out, its gradient by ``k``, and the posterior mean.

With the Gaussian model ``x = μ + V w + e`` of :mod:`bench.methods.marginal.model` and ``y = x ⊗ k +
n``, the observation is Gaussian too. A circular blur is diagonal in the Fourier domain, so with the
diagonal ``a = |k̂|² d + σ²`` and the residual ``r = ŷ − k̂ μ̂``,

    C = diag(a) + (k̂ V̂)(k̂ V̂)ᴴ,    −2 log p = rᴴ C⁻¹ r + log|C|,

and the matrix inversion lemma leaves one small system per colour,

    M = I + V̂ᴴ diag(|k̂|² / a) V̂,    b = V̂ᴴ (conj(k̂) r / a),
    rᴴ C⁻¹ r = rᴴ a⁻¹ r − bᵀ M⁻¹ b,    log|C| = Σ log a + log|M|.

Maximising a posteriori over image *and* kernel prefers the kernel that does nothing (Levin et
al. 2009); integrating over the image does not, since it also counts how many images explain ``y``.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from bench.methods.deconvolution.lmmse import from_opponent, to_opponent
from bench.methods.marginal.model import GaussianModel, column_weights, real_spectrum
from bench.physics.forward import transfer_function

SCALES = 6
MOST_TOGETHER = 20_000
"""Numbers in the components of a small system: above, a batch gains nothing on a CPU."""


class MarginalLikelihood:
    """The evidence of kernels for observations of a class.

    Parameters
    ----------
    model : GaussianModel
    noise : float or Tensor, shape (R,)
        Standard deviation of the noise, positive; :mod:`bench.physics.noise` measures it. A tensor
        has it for each row, where rows are of several observations.
    together : bool
        Whether small systems of all rows are solved in one batch on a CPU too: several times
        faster, but the last digit of a row may depend on how many there are. On a device they
        always are.
    """

    def __init__(
        self, model: GaussianModel, noise: float | Tensor, *, together: bool = False
    ) -> None:
        self.size = model.image_size
        self.noise = noise
        self._most = MOST_TOGETHER if together else 0
        self.mean = torch.fft.rfft2(model.mean, norm="ortho")
        self.spectrum = model.spectrum.clamp_min(1e-8)
        self._transforms = [torch.fft.rfft2(part, norm="ortho") for part in model.components]
        flat = [part.flatten(1) for part in self._transforms]
        # Only frequencies where some component has power enter the small systems.
        self._kept = [part.abs().amax(0) > 1e-6 * part.abs().max() for part in flat]
        self.components = [
            real_spectrum(part)[:, torch.cat([kept, kept])].contiguous()
            for part, kept in zip(self._transforms, self._kept, strict=True)
        ]
        self._weights = column_weights(self.mean)

    @property
    def variance(self) -> float | Tensor:
        """Of the noise, in the shape of half spectra, (R, 1, 1), where each row has its own."""
        noise = self.noise
        return noise.square()[:, None, None] if isinstance(noise, Tensor) else noise**2

    def at(self, noise: float | Tensor) -> MarginalLikelihood:
        """Return the same for other noise."""
        other = copy.copy(self)
        other.noise = noise
        return other

    def of(self, rows: Tensor) -> MarginalLikelihood:
        """Return the same for some of the rows."""
        return self.at(self.noise[rows] if isinstance(self.noise, Tensor) else self.noise)

    def observe(self, observation: Tensor) -> Tensor:
        """Orthonormal transforms of observations (N, 3, H, W) in opponent colours."""
        return torch.fft.rfft2(to_opponent(observation), norm="ortho")

    def luminance(self, spectrum: Tensor) -> Tensor:
        """Return the first of the opponent colours, (H, W) or (R, H, W), of transforms."""
        return torch.fft.irfft2(spectrum.select(-3, 0), s=self.size, norm="ortho")

    def __call__(
        self,
        spectrum: Tensor,
        kernel: Tensor,
        scales: Tensor | None = None,
        temperature: float = 1.0,
    ) -> Tensor:
        """Return ``−log p(y | k)`` up to a constant, differentiable by the kernel.

        Parameters
        ----------
        spectrum : Tensor, complex, shape (3, H, W // 2 + 1) or (R, 3, H, W // 2 + 1)
            Of one observation, or of each row's; see :meth:`observe`.
        kernel : Tensor, shape (R, kh, kw)
            Kernels to compare, each summing to 1.
        scales : Tensor, shape (R, 6), optional
            Logarithms of factors on the components' and the remainder's standard deviations, of
            each opponent colour in turn: images of a class differ in contrast, colour and
            texture. None leaves them at 0.
        temperature : float
            Multiplies the noise variance: above 1 the likelihood is smoother.

        Returns
        -------
        Tensor, shape (R,)
        """
        transfer = transfer_function(kernel, self.size)
        power = transfer.abs().square()
        total = torch.zeros(len(kernel), dtype=kernel.dtype, device=kernel.device)
        for colour, components in enumerate(self.components):
            drawn, rest = _factors(scales, colour, kernel)
            a = power * self.spectrum[colour] * rest.square() + self.variance * temperature
            residual = spectrum.select(-3, colour) - transfer * self.mean[colour]
            terms = residual.abs().square() / a + a.log()
            total = total + (terms * self._weights).sum((-2, -1))
            pulled = self._on_components(colour, drawn * transfer.conj() * residual / a)
            gain = (drawn.square() * power / a).flatten(1)[:, self._kept[colour]]
            total = total + _Evidence.apply(components, gain, pulled, self._most)
        return total / 2

    def posterior_mean(
        self, spectrum: Tensor, kernel: Tensor, scales: Tensor | None = None
    ) -> Tensor:
        """Return ``E[x | y, k]``, the linear minimum-mean-square estimate of the image.

        Parameters
        ----------
        spectrum : Tensor, complex, shape (3, H, W // 2 + 1) or (R, 3, H, W // 2 + 1)
        kernel : Tensor, shape (R, kh, kw)
        scales : Tensor, shape (R, 6), optional

        Returns
        -------
        Tensor, shape (R, 3, H, W)
            Not clamped to [0, 1].
        """
        transfer = transfer_function(kernel, self.size)
        power = transfer.abs().square()
        colours = []
        for colour, components in enumerate(self.components):
            drawn, rest = _factors(scales, colour, kernel)
            prior = self.spectrum[colour] * rest.square()
            a = power * prior + self.variance
            residual = spectrum.select(-3, colour) - transfer * self.mean[colour]
            pulled = self._on_components(colour, drawn * transfer.conj() * residual / a)
            gain = (drawn.square() * power / a).flatten(1)[:, self._kept[colour]]
            rows = []
            for row in range(len(kernel)):
                factor, aligned = _system(components, gain[row], pulled[row])
                weights = drawn[row] * torch.cholesky_solve(aligned, factor)
                part = torch.tensordot(weights[:, 0].to(transfer), self._transforms[colour], 1)
                left = residual[row] - transfer[row] * part
                filtered = prior[row] * transfer[row].conj() * left / a[row]
                rows.append(self.mean[colour] + part + filtered)
            colours.append(torch.stack(rows))
        image = torch.fft.irfft2(torch.stack(colours, 1), s=self.size, norm="ortho")
        return from_opponent(image)

    def _on_components(self, colour: int, transform: Tensor) -> Tensor:
        kept = self._kept[colour]
        return real_spectrum(transform)[:, torch.cat([kept, kept])]


def _factors(scales: Tensor | None, colour: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return factors on the components and on the remainder, each (R, 1, 1)."""
    logarithms = like.new_zeros(len(like), SCALES) if scales is None else scales
    factors = logarithms.exp()[:, :, None, None]
    return factors[:, 2 * colour], factors[:, 2 * colour + 1]


class _Evidence(torch.autograd.Function):
    """``log|M| − bᵀ M⁻¹ b`` per row, ``M = I + V diag(g, g) Vᵀ`` and ``b = V p``.

    With ``m = M⁻¹ b`` the gradient by ``g`` at a frequency is ``vᵀ (M⁻¹ + m mᵀ) v`` of its columns
    ``v``, and that by ``p`` is ``−2 Vᵀ m``. On a CPU rows are computed one by one, so that rounding
    never depends on what else is in the batch, unless the components have no more than ``most``
    numbers; on a device, which small systems leave idle, all at once.
    """

    @staticmethod
    def forward(ctx, components: Tensor, gain: Tensor, pulled: Tensor, most: int = 0) -> Tensor:
        if components.device.type != "cpu" or components.numel() <= most:
            value, *slopes = evidence_at_once(components, gain, pulled)
            ctx.save_for_backward(*slopes)
            return value
        values, by_gain, by_pulled = [], [], []
        for row in range(len(gain)):
            factor, aligned = _system(components, gain[row], pulled[row])
            mean = torch.cholesky_solve(aligned, factor)
            values.append(2 * factor.diagonal().log().sum() - (aligned * mean).sum())
            if ctx.needs_input_grad[1]:
                # The inverse of a small factor and one product: triangular solves with thousands
                # of right-hand sides are several times slower here.
                eye = torch.eye(len(factor), dtype=factor.dtype, device=factor.device)
                spread = torch.linalg.solve_triangular(factor, eye, upper=False) @ components
                drawn = mean[:, 0] @ components
                slope = spread.square().sum(0) + drawn.square()
                by_gain.append(slope[: gain.shape[1]] + slope[gain.shape[1] :])
                by_pulled.append(-2 * drawn)
        if by_gain:
            ctx.save_for_backward(torch.stack(by_gain), torch.stack(by_pulled))
        return torch.stack(values)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[None, Tensor, Tensor, None]:
        by_gain, by_pulled = ctx.saved_tensors
        return None, gradient[:, None] * by_gain, gradient[:, None] * by_pulled, None


def evidence_at_once(
    components: Tensor, gain: Tensor, pulled: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return ``log|M| − bᵀ M⁻¹ b`` of all rows in one batch, and its slopes.

    Memory grows with the rows: a row takes as much as the components do.

    Parameters
    ----------
    components : Tensor, shape (r, 2F)
        ``V``, real and imaginary parts of the frequencies that are kept.
    gain : Tensor, shape (R, F)
        ``g``.
    pulled : Tensor, shape (R, 2F)
        ``p``.

    Returns
    -------
    value : Tensor, shape (R,)
    by_gain : Tensor, shape (R, F)
    by_pulled : Tensor, shape (R, 2F)
    """
    system = (components * torch.cat([gain, gain], 1)[:, None]) @ components.T
    eye = torch.eye(len(components), dtype=components.dtype, device=components.device)
    factor = torch.linalg.cholesky(system + eye)
    aligned = (pulled @ components.T)[:, :, None]
    mean = torch.cholesky_solve(aligned, factor)
    logarithm = 2 * factor.diagonal(dim1=-2, dim2=-1).log().sum(1)
    inverse = torch.linalg.solve_triangular(factor, eye.expand_as(factor), upper=False)
    spread = (inverse @ components).square().sum(1)
    drawn = mean[:, :, 0] @ components
    slope = spread + drawn.square()
    by_gain = slope[:, : gain.shape[1]] + slope[:, gain.shape[1] :]
    return logarithm - (aligned * mean).sum((1, 2)), by_gain, -2 * drawn


def _system(components: Tensor, gain: Tensor, pulled: Tensor) -> tuple[Tensor, Tensor]:
    """Return the Cholesky factor of ``M`` and the right-hand side ``b``, a column."""
    system = (components * torch.cat([gain, gain])) @ components.T
    system.diagonal().add_(1)
    return torch.linalg.cholesky(system), (components @ pulled)[:, None]
