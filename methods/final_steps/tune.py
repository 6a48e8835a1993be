"""Tune the weight of the total variation on development sets and write ``tv.toml``.

Usage: ``python -m methods.final_steps.tune``. For every class and noise level the weight with the
best mean PSNR, the true kernel given, is found by golden-section search on its logarithm.
"""

from __future__ import annotations

import math

import torch
from scipy.optimize import minimize_scalar

from bench.files import write_atomically
from bench.forward import add_noise, blur
from bench.metrics import psnr
from bench.observation import Condition, observe
from bench.plan import load_dataset
from bench.protocol import Boundary
from bench.seeds import generator
from datasets.motion_blur import motion_blur_kernels
from datasets.photos import photo_crops
from methods.final_steps.tv import PARAMETERS, tv_deconvolve

NOISES = (0.005, 0.01, 0.02, 0.04, 0.1)
IMAGES = 40
SETS = {"svhn": "svhn-val", "shoes": "shoes-val", "celeba": "celeba-val", "natural": "photos-val"}
FREE_SIZE, FREE_MARGIN = 96, 16


def main() -> None:
    """Tune all classes and write the file."""
    lines = [
        "# Weights of the total variation by class and noise level: those with the best mean PSNR",
        f"# on {IMAGES} development images, the true kernel given.",
        "# Written by: python -m methods.final_steps.tune",
    ]
    for image_class in (*SETS, "natural-free"):
        lines.append(f"\n[weights.{image_class}]")
        for noise in NOISES:
            weight, score = tune(image_class, noise)
            lines.append(f'"{noise:g}" = {weight:.3g}  # {score:.2f} dB')
            print(image_class, lines[-1], flush=True)
    write_atomically(PARAMETERS, "\n".join(lines) + "\n")


def tune(image_class: str, noise: float) -> tuple[float, float]:
    """Return the best weight and its mean PSNR in dB."""
    free = image_class.endswith("-free")
    image, kernel, observation = free_pairs(noise) if free else pairs(SETS[image_class], noise)
    boundary: Boundary = "free" if free else "circular"

    def loss(logarithm: float) -> float:
        restored = tv_deconvolve(observation, kernel, math.exp(logarithm), boundary)
        return -float(psnr(restored, image).mean())

    best = minimize_scalar(
        loss,
        bracket=(math.log(0.05 * noise), math.log(0.3 * noise)),
        method="golden",
        options={"xtol": 0.02, "maxiter": 14},
    )
    return math.exp(best.x), -best.fun


def pairs(name: str, noise: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images, kernels and circular observations of a development set."""
    dataset = load_dataset(name)
    observed = [
        observe(dataset, index, Condition(noise)) for index in range(min(IMAGES, len(dataset)))
    ]
    return (
        torch.stack([item.scene.image for item in observed]),
        torch.stack([item.scene.kernel for item in observed]),
        torch.stack([item.observation for item in observed]),
    )


def free_pairs(noise: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Grey crops of photographs blurred before they were cropped: a free boundary."""
    large = photo_crops("val", FREE_SIZE + 2 * FREE_MARGIN, 2).mean(1, keepdim=True)
    kernel = motion_blur_kernels(len(large), seed=2000)
    noises = [generator("free", index, noise) for index in range(len(large))]
    inside = slice(FREE_MARGIN, -FREE_MARGIN)
    observation = add_noise(blur(large, kernel), noise, noises)[..., inside, inside]
    return large[..., inside, inside], kernel, observation


if __name__ == "__main__":
    main()
