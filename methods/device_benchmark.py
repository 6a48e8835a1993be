"""``python -m bench benchmark device``: what a device gains, and whether it agrees with the CPU.

It measures on images of the sample sets, which need no download and are no published test images.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable

import torch

from bench.errors import Unavailable
from bench.metrics._kernel_similarity import kernel_similarity
from bench.physics.condition import Condition
from bench.physics.observation import observe
from bench.protocol import Method, Restoration
from bench.registry import DATASETS, METHODS

EXAMPLES = """\
examples:
  python -m bench benchmark device
  python -m bench benchmark device --device cuda --images 4
"""
METHODS_MEASURED = ("unet", "kernel-net", "dd", "dds")
AGREEMENT = 0.99
"""Similarity of the kernels of both devices that counts as the same kernel."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--device", default="cuda", help="default: %(default)s")
    parser.add_argument("--images", type=int, default=4, metavar="N", help="default: %(default)s")


def run(options: argparse.Namespace) -> int:
    """Measure and print a table in Markdown; exit code 1 if a kernel differs."""
    try:
        torch.zeros(1, device=options.device)
    except (RuntimeError, AssertionError) as error:
        raise Unavailable(
            f"There is no device {options.device!r} here; run this on a machine that has one."
        ) from error
    cores = torch.get_num_threads()
    device = options.device
    print(f"| method | CPU, {cores} threads: s/image | {device}: s/image | ratio | kernels |")
    print("|---|---|---|---|---|")
    agree = True
    for name in METHODS_MEASURED:
        cpu, there = (_measure(name, d, options.images) for d in ("cpu", device))
        similarity = _similarity(cpu[1], there[1])
        agree &= similarity is None or similarity > AGREEMENT
        shown = "none" if similarity is None else f"{similarity:.4f}"
        print(f"| `{name}` | {cpu[0]:.3f} | {there[0]:.3f} | {cpu[0] / there[0]:.1f} | {shown} |")
    return int(not agree)


def _measure(name: str, device: str, images: int) -> tuple[float, Restoration]:
    """Return the median seconds per image of three calls after one to warm up, and the result."""
    dataset = DATASETS.load("celeba-samples")()
    observed = [observe(dataset, index, Condition()) for index in range(images)]
    task = dataclasses.replace(observed[0].task(dataset, Condition(), device), device=device)
    cls = METHODS.load(name)
    assert issubclass(cls, Method)
    method = cls(task)
    batch = torch.stack([item.observation for item in observed]).to(device)
    found = method.deblur(batch.clone())
    seconds = [_timed(lambda: method.deblur(batch.clone()), device) for _ in range(3)]
    return statistics.median(seconds) / images, found


def _timed(call: Callable[[], Restoration], device: str) -> float:
    started = time.perf_counter()
    call().image.cpu()  # waits for the device
    return time.perf_counter() - started


def _similarity(one: Restoration, other: Restoration) -> float | None:
    """Return the least similarity of kernels, or None where the method estimates none."""
    if one.kernel is None or other.kernel is None:
        return None
    return float(kernel_similarity(one.kernel.cpu(), other.kernel.cpu()).min())
