"""Learn the data fitting functions of the ``df`` method and write ``data_fitting.toml``.

``python -m bench tune data-fitting --dataset shoes`` learns two sets of weights
of the residual's derivatives for a class, on images of its training split under fresh kernels (for
photographs, which have no training split, on the development crops). Both by what the whole
estimation ends with, not by one step of it: a step's weights change the latent images that the
next one sees, and what its own error recommends is undone by them.

- For the kernel step by kernel error, ``|| k(w) - k ||^2 / || k ||^2`` averaged over the images,
  with ``k(w)`` the kernel that the estimation from coarse to fine ends with.
- For the non-blind step by image error, with the kernels that the first ones lead to.

The search needs no derivatives: a grid over the orders that the core's own fitting term, first
derivatives alone, leaves out, and then steps of ``STEPS`` along one logarithm after the other from
the best point. All points see the same images, kernels and noise. Every evaluation is appended to a
log, and a run that finds it there does not repeat it, so a run that was stopped goes on where it
was. What is learned is compared with the core's own term on images that the search has not seen.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.datasets.archives import NAMES, to_unit_range, training_images
from bench.datasets.motion_blur import motion_blur_kernels
from bench.files import read_toml, write_atomically
from bench.methods.engineered.data_fitting import LEARNED, DataFitting
from bench.methods.engineered.octave_prior import Value
from bench.methods.engineered.octave_session import session
from bench.methods.tuning import DevelopmentPairs, development_pairs
from bench.physics.forward import add_noise, blur
from bench.seeds import derive_seed, generator

CLASSES = ("svhn", "shoes", "celeba", "natural")
EXAMPLES = """\
examples:
  python -m bench tune data-fitting --dataset shoes
"""
SHORT: Mapping[str, Value] = {"iterations": 12, "alpha_growth": 3.0, "edges": 4.0}
"""The estimation while learning: one kernel per image, and fewer turns, a third of the cost."""
PLAIN = (0.0, 1.0, 0.0, 0.0)
"""Weights of intensity, first, pure second and mixed second derivatives: the core's own term."""
GRID = ((0.0, 0.0), (0.0, 0.1), (0.03, 0.0), (0.03, 0.1), (0.0, 1.0), (0.3, 0.0), (0.3, 1.0))
"""Weights of intensity and of second derivatives where the search starts, the likeliest first."""
STEPS = (3.0, 1.7)
RESTORING_GRID = ((1.0, 0.0, 0.0), (0.25, 0.4, 0.05), (0.5, 0.4, 0.05), (0.25, 0.4, 0.2))
BATCH = 20
NOISE = 0.01
"""At which the weights that are shipped are learned."""

Point = tuple[float, ...]


def training_pairs(
    name: str, count: int, part: str = "data fitting", noise: float = NOISE
) -> DevelopmentPairs:
    """Make training pairs of a class: circular, with the test sets' blur.

    Parameters
    ----------
    name : str
        One of ``CLASSES``.
    count : int
        At most so many.
    part : str
        Names of different parts share kernels and noise with no other, and images only by chance.
    noise : float
        Its standard deviation, of a range of 1.
    """
    if name not in NAMES:
        pairs = development_pairs(name, 2 * count, noise)
        half = len(pairs.image) // 2
        kept = slice(half) if part == "data fitting" else slice(half, None)
        parts = (pairs.image[kept], pairs.observation[kept], pairs.kernel[kept])
        return DevelopmentPairs(pairs.task, *parts)
    images = training_images(name)
    order = torch.randperm(len(images), generator=generator(part, name))[:count]
    image = to_unit_range(images[order], name)
    kernel = motion_blur_kernels(count, derive_seed(part, name)).to(image)
    task = development_pairs(name, 1, noise).task
    draws = [generator(part, name, index) for index in range(count)]
    return DevelopmentPairs(task, image, add_noise(blur(image, kernel), task.noise, draws), kernel)


def filters(point: Sequence[float]) -> list[float]:
    """Return the six weights of a point, which treats rows and columns alike."""
    intensity, first, second, mixed = point
    return [intensity, first, first, second, mixed, second]


def kernel_errors(found: Tensor, truth: Tensor) -> Tensor:
    """Relative squared error of kernels that sum to 1, shape (N,)."""
    return (found - truth).square().sum((1, 2)) / truth.square().sum((1, 2))


def estimated(pairs: DevelopmentPairs, **overrides: Value) -> Tensor:
    """Estimate all kernels, in batches."""
    method = DataFitting(pairs.task, **overrides)
    return torch.cat([method.estimate_kernel(part) for part in pairs.observation.split(BATCH)])


class Log:
    """Evaluations of a search, one per line of a file, each found again by its key."""

    def __init__(self, path: Path, **common: Any) -> None:
        self.path, self.common = path, common
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        self.known = {json.dumps(line["key"]): line["value"] for line in map(json.loads, lines)}
        self.curve: list[tuple[Point, float]] = []

    def value(self, point: Point, evaluate: Callable[[Point], float]) -> float:
        """Return the value at a point, from the file if it is there."""
        key = [self.common, list(point)]
        text = json.dumps(key)
        if text not in self.known:
            self.known[text] = evaluate(point)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "value": self.known[text]}) + "\n")
        self.curve.append((point, self.known[text]))
        print(f"{len(self.curve)}: {self.known[text]:.5f} at {point}", flush=True)
        return self.known[text]


def search(log: Log, evaluate: Callable[[Point], float], grid: Sequence[Point], most: int) -> Point:
    """Minimise over a grid, and then along the logarithm of one coordinate after the other.

    Parameters
    ----------
    log : Log
    evaluate : callable
        From a point to its loss.
    grid : sequence of tuple of float
    most : int
        Evaluations in all.

    Returns
    -------
    tuple of float
        The best point.
    """
    losses = {point: log.value(point, evaluate) for point in grid[:most]}
    for point in _walk(losses):
        if len(log.curve) >= most:
            break
        losses[point] = log.value(point, evaluate)
    return min(losses, key=lambda each: losses[each])


def _walk(losses: Mapping[Point, float]) -> Iterator[Point]:
    """Return points around the best one that nobody has been at, for smaller and smaller steps."""
    for step in STEPS:
        waiting = True
        while waiting:
            best = min(losses, key=lambda each: losses[each])
            around = (
                tuple(float(f"{v * factor:.3g}") if i == at else v for i, v in enumerate(best))
                for at in range(len(best))
                for factor in (step, 1 / step)
            )
            waiting = any((found := point) not in losses for point in around)
            if waiting:
                yield found


def learn(
    name: str, count: int, evaluations: int, folder: Path, noise: float = NOISE
) -> dict[str, Any]:
    """Learn both sets of weights for a class at a noise level; return its part of the file."""
    pairs = training_pairs(name, count, noise=noise)
    unseen = training_pairs(name, count, "held out", noise)
    common: dict[str, Any] = {"images": count, **SHORT}
    if noise != NOISE:
        common["noise"] = noise

    def loss(point: Point) -> float:
        kernel = estimated(pairs, fitting=filters(point), **SHORT)
        return float(kernel_errors(kernel, pairs.kernel).mean())

    log = Log(folder / f"{name}-kernel.jsonl", **common)
    grid = [(zero, 1.0, two, two) for zero, two in GRID]
    best = search(log, loss, grid, evaluations)

    def unseen_error(point: Point) -> float:
        kernel = estimated(unseen, fitting=filters(point), **SHORT)
        return float(kernel_errors(kernel, unseen.kernel).mean())

    held_out = Log(folder / f"{name}-held-out.jsonl", **common)
    fitting = filters(best)
    kernel = estimated(pairs, fitting=fitting, **SHORT)

    def distortion(point: Point) -> float:
        method = DataFitting(pairs.task, fitting=fitting, restoring=list(point))
        restored = [
            method.restore(y, k)
            for y, k in zip(pairs.observation.split(BATCH), kernel.split(BATCH), strict=True)
        ]
        return -float(pairs.psnr(torch.cat(restored)).mean())

    restoring_log = Log(folder / f"{name}-restoring.jsonl", **common, fitting=fitting)
    restoring = search(restoring_log, distortion, RESTORING_GRID, evaluations)
    return {
        "fitting": fitting,
        "restoring": list(restoring),
        "images": len(pairs.image),
        "kernel_error": [round(log.known[json.dumps([common, list(p)])], 5) for p in (PLAIN, best)],
        "held_out_error": [round(held_out.value(p, unseen_error), 5) for p in (PLAIN, best)],
        "psnr": [
            round(-restoring_log.known[json.dumps([restoring_log.common, list(p)])], 3)
            for p in ((1.0, 0.0, 0.0), restoring)
        ],
        "curve": [round(value, 4) for _, value in log.curve],
    }


def write(sections: Mapping[str, Mapping[str, Any]]) -> None:
    """Write the learned weights, one section per class."""
    lines = [line for line in LEARNED.read_text("utf-8").splitlines() if line.startswith("#")]
    for name, section in sections.items():
        lines += ["", f"[{name}]", *(f"{key} = {value!r}" for key, value in section.items())]
    write_atomically(LEARNED, "\n".join(lines) + "\n")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--dataset", required=True, choices=CLASSES)
    parser.add_argument("--images", type=int, default=80)
    parser.add_argument("--noise", type=float, default=NOISE, help="at others nothing is written")
    parser.add_argument("--evaluations", type=int, default=16, help="most, per set of weights")
    parser.add_argument("--log", type=Path, default=Path("runs") / "data-fitting")


def run(options: argparse.Namespace) -> int:
    """Learn the weights of one class; write them, or print what another noise level would have."""
    learned = learn(
        options.dataset, options.images, options.evaluations, options.log, options.noise
    )
    session().close()
    if options.noise != NOISE:
        print(json.dumps(learned, indent=1))
        return 0
    sections = read_toml(LEARNED)
    sections[options.dataset] = learned
    write(sections)
    return 0
