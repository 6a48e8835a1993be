"""Time of a forward pass and gradient by z: folded, channels-last decoders against plain ones.

Writes ``reports/generators/speed.md``. Plain and folded are interleaved and the median of each is
compared, so that other work on the machine, which should be none, slows both alike.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from pathlib import Path

import torch
from torch import Tensor

from bench.checkout import commit
from bench.methods.generators.loading import Prior, generator_names, load_generator
from bench.methods.generators.page import REPORTS

EXAMPLES = """\
examples:
  python -m bench benchmark generators celeba --rounds 3
"""
COLUMNS = (
    "| generator | decoder | plain, images/s | folded, images/s | ratio "
    "| largest difference: image | gradient |\n|---|---|---|---|---|---|---|\n"
)


def gradient(prior: Prior, z: Tensor) -> tuple[Tensor, Tensor, float]:
    """Return images of z (N, d), the gradient by z of their squared sum, and the seconds it
    took."""
    latent = z.clone().requires_grad_()
    started = time.perf_counter()
    images = prior(latent)
    images.square().sum().backward()
    taken = time.perf_counter() - started
    assert latent.grad is not None
    return images.detach(), latent.grad, taken


def compare(name: str, batch: int, rounds: int) -> str:
    """Time both variants of a generator and return its row of the table."""
    priors = (load_generator(name, folded=False), load_generator(name))
    z = priors[0].latents(0, batch)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds + 1):
        found = [gradient(prior, z) for prior in priors]
        for (_, _, seconds), taken in zip(found, times, strict=True):
            taken.append(seconds)
    plain, folded = (statistics.median(taken[1:]) for taken in times)  # the first warms up
    image = (found[0][0] - found[1][0]).abs().max().item()
    slope = (found[0][1] - found[1][1]).abs().max() / found[0][1].abs().max()
    decoder = priors[0].card["decoder"]
    rates = f"{batch / plain:.0f} | {batch / folded:.0f} | {plain / folded:.2f}"
    return f"| {name} | {decoder} | {rates} | {image:.1e} | {slope:.1e} |\n"


def page(rows: str, batch: int, rounds: int, load: float) -> str:
    """Return the report, in Markdown."""
    return f"""# Folded, channels-last inference against the plain modules

Written by `python -m bench benchmark generators` at commit {commit()[:12]}: forward pass
and gradient by z of {batch} images in float32, {torch.get_num_threads()} thread(s) of
{os.cpu_count()} on {platform.machine()}, PyTorch {torch.__version__}; medians of {rounds}
interleaved rounds. The load average was {load:.1f} when it began: ratios hold, rates are those of a
machine with other work where that is above 0.5. The gradient's difference is relative to its
largest entry.

{COLUMNS}{rows}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("names", nargs="*", help="generators; default all")
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=REPORTS / "speed.md")


def run(args: argparse.Namespace) -> int:
    """Time, print and write the page."""
    load, rows = os.getloadavg()[0], ""
    print(COLUMNS, end="")
    for name in args.names or generator_names():
        rows += compare(name, args.batch, args.rounds)
        print(rows.splitlines()[-1], flush=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(page(rows, args.batch, args.rounds, load))
    return 0
