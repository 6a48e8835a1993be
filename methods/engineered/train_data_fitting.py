"""Learn the data fitting functions of the ``df`` method and write ``data_fitting.toml``.

``python -m bench tune data-fitting --dataset shoes`` learns two sets of weights
of the residual's derivatives for a class, on images of its training split under fresh kernels (for
photographs, which have no training split, on the development crops):

- for the kernel step by kernel error. The minimiser of the quadratic kernel energy is
  ``k(w) = (sum_i w_i A_i^T A_i + gamma I)^-1 sum_i w_i A_i^T t_i`` with ``A_i`` the convolution
  with the latent image's i-th derivative and ``t_i`` the observation's. The weights minimise
  ``|| k(w) - k ||^2 / || k ||^2`` over the training kernels ``k`` after negative values were cut
  and the sum was made 1, as the method does; by L-BFGS over ``log w``. Since latent images depend
  on the weights, both are renewed in turns, and of each turn's way only the largest share is gone
  with which the method restores the training images better (a lower error of blind kernels
  need not: kernels that are wrong but blurred have a low one);
- for the final step by image error, with the kernels that the first ones lead to; three weights,
  by the Nelder–Mead method over their logarithms.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Mapping

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from bench.datasets.archives import NAMES, to_unit_range, training_images
from bench.datasets.motion_blur import motion_blur_kernels
from bench.files import write_atomically
from bench.methods.engineered.data_fitting import LEARNED, DataFitting
from bench.methods.engineered.octave_prior import Value, settings_for
from bench.methods.engineered.octave_session import session
from bench.methods.tuning import DevelopmentPairs, development_pairs
from bench.physics.forward import add_noise, blur
from bench.seeds import derive_seed, generator

CLASSES = ("svhn", "shoes", "celeba", "natural")
SMALLEST = 0.1
"""Least weight the search starts from: near 0 its logarithm would hardly move."""
EXAMPLES = """\
examples:
  python -m bench tune data-fitting --dataset shoes
"""


SHARES = (0.3, 0.1, 0.03, 0.01)
"""Shares of the way to the learned weights that are tried: the latent images that the weights were
learned on change with them."""


def training_pairs(name: str, count: int) -> DevelopmentPairs:
    """Make training pairs of a class: circular, with the test sets' blur and noise.

    Parameters
    ----------
    name : str
        One of ``CLASSES``.
    count : int
        At most so many.
    """
    if name not in NAMES:
        return development_pairs(name, count)
    images = training_images(name)
    order = torch.randperm(len(images), generator=generator("data fitting", name))[:count]
    image = to_unit_range(images[order], name)
    kernel = motion_blur_kernels(count, derive_seed("data fitting", name)).to(image)
    task = development_pairs(name, 1).task
    draws = [generator("data fitting", name, index) for index in range(count)]
    return DevelopmentPairs(task, image, add_noise(blur(image, kernel), task.noise, draws), kernel)


def fitted_kernel(features: Tensor, targets: Tensor, weights: Tensor, ridge: float) -> Tensor:
    """Solve the kernel step's least squares densely, differentiably in the weights.

    Parameters
    ----------
    features, targets : Tensor, float64, shape (N, F, H, W)
        Derivatives of latent images and of observations, periodic.
    weights : Tensor, shape (F,)
    ridge : float
        Weight of the kernel's squared norm.

    Returns
    -------
    Tensor, shape (N, H, W) or smaller
        Kernels on a grid of at most 28×28 pixels, origin at pixel (14, 14).
    """
    height, width = features.shape[-2:]
    kh, kw = min(height, 28), min(width, 28)
    spectra, observed = torch.fft.fft2(features), torch.fft.fft2(targets)
    weight = weights[:, None, None]

    def crop(spectrum: Tensor) -> Tensor:
        images = torch.fft.ifft2(spectrum.sum(1)).real.roll((kh // 2, kw // 2), (1, 2))
        return images[:, :kh, :kw].flatten(1)[..., None]

    with torch.no_grad():
        power = torch.fft.ifft2((weight * spectra.abs().square()).sum(1)).real
        rows, columns = torch.meshgrid(torch.arange(kh), torch.arange(kw), indexing="ij")
        rows, columns = rows.flatten(), columns.flatten()
        normal = power[:, (rows[:, None] - rows) % height, (columns[:, None] - columns) % width]
        normal.diagonal(dim1=1, dim2=2).add_(ridge)
        factor = torch.linalg.cholesky(normal)
        kernel = torch.cholesky_solve(crop(weight * spectra.conj() * observed), factor)
        padded = torch.zeros(len(features), height, width, dtype=features.dtype)
        padded[:, :kh, :kw] = kernel.view(-1, kh, kw)
        transfer = torch.fft.fft2(padded.roll((-(kh // 2), -(kw // 2)), (1, 2)))[:, None]
        left = spectra.conj() * (observed - spectra * transfer)
    # One more Newton step: nothing to gain, but its derivative is that of the solution, at the
    # cost of two triangular solves instead of a derivative through the normal matrix.
    kernel = kernel + torch.cholesky_solve(crop(weight * left) - ridge * kernel, factor)
    return kernel.view(-1, kh, kw)


def kernel_error(found: Tensor, truth: Tensor) -> Tensor:
    """Mean relative squared error, after cutting negative values and scaling to sum 1."""
    found = found.clamp_min(0)
    found = found / found.sum((1, 2), keepdim=True).clamp_min(1e-12)
    errors = (found - truth).square().sum((1, 2)) / truth.square().sum((1, 2))
    return errors.mean()


def learn_fitting(
    features: Tensor, targets: Tensor, truth: Tensor, start: Tensor, ridge: float
) -> Tensor:
    """Minimise the kernel error over the weights; return them, shape (F,)."""
    logarithm = start.clamp_min(SMALLEST).log().requires_grad_()
    optimiser = torch.optim.LBFGS([logarithm], max_iter=10, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        # In parts, for the normal matrices of all images at once would not fit into memory.
        total = torch.zeros((), dtype=features.dtype)
        for part in torch.arange(len(truth)).split(8):
            found = fitted_kernel(features[part], targets[part], logarithm.exp(), ridge)
            error = kernel_error(found, truth[part]) * len(part) / len(truth)
            error.backward()
            total += error.detach()
        return total

    optimiser.step(closure)
    return logarithm.detach().exp()


def learn_restoring(pairs: DevelopmentPairs, kernel: Tensor, fitting: list[float]) -> list[float]:
    """Minimise the restored images' error over the final step's weights of orders 0, 1, 2."""

    def loss(logarithm: np.ndarray) -> float:
        weights = np.exp(logarithm).tolist()
        restored = DataFitting(pairs.task, fitting=fitting, restoring=weights)
        return -float(pairs.psnr(restored.restore(pairs.observation, kernel)).mean())

    start = np.log([1.0, 0.05, 0.05])
    simplex = np.vstack([start, *(start + 1.5 * np.eye(3))])
    found = minimize(
        loss, start, method="Nelder-Mead", options={"maxfev": 20, "initial_simplex": simplex}
    )
    alone = -loss(np.log([1.0, 1e-9, 1e-9]))
    print(f"final step: {alone:.2f} dB by intensities alone, {-found.fun:.2f} dB learned")
    if alone > -found.fun:
        return [1.0, 0.0, 0.0]
    return [float(f"{value:.3g}") for value in np.exp(found.x)]


def learn(name: str, count: int, turns: int) -> dict[str, Value]:
    """Learn both sets of weights for a class; return its part of the file."""
    pairs = training_pairs(name, count)
    task = pairs.task
    truth = pairs.kernel.double()
    settings = settings_for("df", task)  # the unlearned weights: first derivatives alone
    weights = torch.tensor(settings["fitting"], dtype=torch.float64)
    ridge = float(np.asarray(settings["final_ridge"]))

    def estimate(weights: Tensor) -> tuple[float, Tensor]:
        method = DataFitting(task, fitting=weights.tolist(), restoring=[1.0, 0.0, 0.0])
        kernel = method.estimate_kernel(pairs.observation)
        error = float(kernel_error(kernel.double(), truth))
        score = float(pairs.psnr(method.restore(pairs.observation, kernel)).mean())
        shown = f"kernel error {error:.4f}, {score:.2f} dB with {weights.tolist()}"
        print(shown, flush=True)
        return score, kernel

    best, kernel = estimate(weights)
    for _ in range(turns):
        method = DataFitting(task, fitting=weights.tolist())
        features, targets = method.features(pairs.observation)
        learned = learn_fitting(features, targets, truth, weights, ridge)
        for share in SHARES:
            mixed = weights + share * (learned - weights)
            rounded = [float(f"{value:.3g}") for value in mixed]
            candidate = torch.tensor(rounded, dtype=torch.float64)
            score, found = estimate(candidate)
            if score > best:
                best, weights, kernel = score, candidate, found
                break
    fitting = weights.tolist()
    restoring = learn_restoring(pairs, kernel, fitting)
    return {"fitting": fitting, "restoring": restoring, "images": count}


def write(sections: Mapping[str, Mapping[str, Value]]) -> None:
    """Write the learned weights, one section per class."""
    lines = [line for line in LEARNED.read_text("utf-8").splitlines() if line.startswith("#")]
    for name, section in sections.items():
        lines += ["", f"[{name}]", *(f"{key} = {value!r}" for key, value in section.items())]
    write_atomically(LEARNED, "\n".join(lines) + "\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--dataset", required=True, choices=CLASSES)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--turns", type=int, default=1)


def run(options: argparse.Namespace) -> int:
    """Learn the weights of one class and write them."""
    learned = learn(options.dataset, options.images, options.turns)
    session().close()
    sections = tomllib.loads(LEARNED.read_text("utf-8"))
    sections[options.dataset] = learned
    write(sections)
    return 0
