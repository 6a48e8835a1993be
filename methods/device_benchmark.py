"""``python -m bench benchmark device``: what a device gains, and whether it agrees with the CPU.

It measures on images of the sample sets, which need no download and are no published test images.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

from bench.errors import InvalidInput, Unavailable
from bench.methods.feedforward.train import FeedForwardTrainer
from bench.methods.training.recipe import load_recipe
from bench.metrics._kernel_similarity import kernel_similarity
from bench.physics.condition import Condition
from bench.physics.observation import observe
from bench.protocol import Method, Restoration
from bench.registry import DATASETS, METHODS

EXAMPLES = """\
examples:
  python -m bench benchmark device
  python -m bench benchmark device --device cuda:1 --images 8
  python -m bench benchmark device --only dds,training --training-steps 200
"""
PUBLISHED, TRAINING = "dd-published", "training"
MEASURED: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in ("unet", "kernel-net", "marginal", "dd", "dds")},
    PUBLISHED: ("dd", {"preset": "published"}),
}
"""Methods and their parameters by what a line of the table is called."""
RECIPE = "unet-celeba"
REPEATS = 3
AGREEMENT = 0.99
"""Similarity of the kernels of both devices that counts as the same kernel."""


@dataclasses.dataclass(frozen=True)
class Line:
    """What was measured: seconds per ``unit`` on both devices, the least similarity of kernels."""

    name: str
    unit: str
    cpu: float
    there: float
    similarity: float | None = None

    def __str__(self) -> str:
        kernels = "none" if self.similarity is None else f"{self.similarity:.4f}"
        ratio = self.cpu / self.there
        return (
            f"| {self.name} | s/{self.unit} | {self.cpu:.3f} | {self.there:.3f} | {ratio:.1f} "
            f"| {kernels} |"
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    known = ",".join((*MEASURED, TRAINING))
    parser.add_argument("--device", default="cuda", help="default: %(default)s")
    for option, count, what in (
        ("--images", 80, "faces that the device is given at once"),
        ("--cpu-images", 4, "of them, those that the CPU solves too"),
        ("--published-steps", 200, "steps of the published preset; 0 for all of its 10,000"),
        ("--training-steps", 20, "steps of the U-Net's training"),
    ):
        parser.add_argument(
            option, type=int, default=count, metavar="N", help=f"{what}; default: %(default)s"
        )
    parser.add_argument("--only", default=known, help="lines, by commas; default: %(default)s")


def run(options: argparse.Namespace) -> int:
    """Measure and print a table in Markdown; exit code 1 if a kernel differs."""
    chosen = options.only.split(",")
    if unknown := sorted({*chosen} - {*MEASURED, TRAINING}):
        known = ", ".join((*MEASURED, TRAINING))
        raise InvalidInput(f"There is no line {unknown[0]!r} to measure; there are: {known}.")
    if min(options.images, options.cpu_images, options.training_steps) < 1:
        raise InvalidInput("--images, --cpu-images and --training-steps are at least 1.")
    try:
        torch.zeros(1, device=options.device)
    except (RuntimeError, AssertionError) as error:
        raise Unavailable(
            f"There is no device {options.device!r} here; run this on a machine that has one."
        ) from error
    print(f"| what | unit | CPU, {torch.get_num_threads()} threads | {options.device} ", end="")
    print("| ratio | kernels |\n|---|---|---|---|---|---|")
    agree = True
    for line in _lines(chosen, options):
        print(line, flush=True)
        agree &= line.similarity is None or line.similarity > AGREEMENT
    return int(not agree)


def _lines(chosen: list[str], options: argparse.Namespace) -> Iterator[Line]:
    for name in chosen:
        if name == TRAINING:
            both = (_trained(options.training_steps, d) for d in ("cpu", options.device))
            yield Line("training of `unet`", "step", *both)
            continue
        steps = options.published_steps if name == PUBLISHED else 0
        sizes = {"cpu": min(options.cpu_images, options.images), options.device: options.images}
        cpu, there = (
            _measure(name, device, sizes[device], steps) for device in ("cpu", options.device)
        )
        shown = f"`{name}`" + f", {steps} steps" * bool(steps)
        yield Line(shown, "image", cpu[0], there[0], _similarity(cpu[1], there[1]))


def _measure(name: str, device: str, images: int, steps: int) -> tuple[float, Restoration]:
    """Return the median seconds per image after a call to warm up, and the result."""
    dataset = DATASETS.load("celeba-samples")()
    observed = [observe(dataset, index, Condition()) for index in range(min(images, len(dataset)))]
    task = dataclasses.replace(observed[0].task(dataset, Condition(), device), device=device)
    method, parameters = MEASURED[name]
    cls = METHODS.load(method)
    assert issubclass(cls, Method)
    solver = cls(task, **parameters, **({"steps": steps} if steps else {}))
    batch = torch.stack([item.observation for item in observed]).to(device)
    found = solver.deblur(batch.clone())
    seconds = [_timed(lambda: solver.deblur(batch.clone()).image.cpu()) for _ in range(REPEATS)]
    return statistics.median(seconds) / len(batch), found


def _trained(steps: int, device: str) -> float:
    """Return the seconds of a training step, its batch drawn on the CPU, after one to warm up."""
    recipe, dataset = load_recipe(RECIPE), DATASETS.load("celeba-samples")()
    images = torch.stack([dataset[index].image for index in range(recipe.batch)])
    trainer = FeedForwardTrainer(recipe, (255 * images).round().to(torch.uint8))
    trainer.to(device)
    trainer.advance()
    return _timed(lambda: [trainer.advance() for _ in range(steps)]) / steps


def _timed(call: Callable[[], object]) -> float:
    """Return the seconds of a call, which waits for the device by reading what it computed."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _similarity(one: Restoration, other: Restoration) -> float | None:
    """Return the least similarity of the kernels of images that both restored, or None of none."""
    if one.kernel is None or other.kernel is None:
        return None
    kernels = one.kernel.cpu(), other.kernel.cpu()
    count = min(map(len, kernels))
    return float(kernel_similarity(*(some[:count] for some in kernels)).min())
