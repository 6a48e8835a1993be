"""Time of a forward pass and gradient by z: folded, channels-last decoders against plain ones.

Run on a quiet machine; plain and folded are interleaved, and the median of each is compared.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from methods.generators import architectures
from methods.generators.loading import Prior


def seconds(prior: Prior, z: torch.Tensor) -> float:
    """Time one forward pass and gradient by z (N, d), in seconds."""
    latent = z.clone().requires_grad_()
    started = time.perf_counter()
    prior(latent).square().sum().backward()
    return time.perf_counter() - started


def main() -> int:
    """Run as ``python -m methods.generators.benchmark``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    print("| decoder | plain, images/s | folded, images/s | ratio |\n|---|---|---|---|")
    for name in ("SVHNDecoder", "DCGANDecoder", "MotionBlurDecoder"):
        torch.manual_seed(0)
        decoder = getattr(architectures, name)()
        z = torch.randn(args.batch, decoder.latent_size)
        priors = (Prior(decoder, folded=False), Prior(decoder))
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(args.rounds + 1):
            for prior, taken in zip(priors, times, strict=True):
                taken.append(seconds(prior, z))
        plain, folded = (statistics.median(taken[1:]) for taken in times)  # the first warms up
        rates = f"{args.batch / plain:.0f} | {args.batch / folded:.0f} | {plain / folded:.2f}"
        print(f"| {name} | {rates} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
