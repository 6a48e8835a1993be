"""Learn the data fitting functions of the ``df`` method and write ``data_fitting.toml``.

``python -m bench tune data-fitting --dataset shoes`` learns two sets of weights
of the residual's derivatives for a class, on images of its training split under fresh kernels: for
photographs on crops of BSDS500's training photographs, with circular boundaries (``natural``) or
free ones (``free``). Both by what the whole estimation ends with, not by one step of it: a step's
weights change the latent images that the next one sees, and what its own error recommends is
undone by them.

- For the kernel step by kernel error, ``|| k(w) - k ||^2 / || k ||^2`` averaged over the images,
  with ``k(w)`` the kernel that the estimation from coarse to fine ends with.
- For the non-blind step by image error, with the kernels that the first ones lead to. With free
  boundaries that step fits intensities alone, and there is nothing to learn.

The search needs no derivatives: a grid over the orders that the core's own fitting term, first
derivatives alone, leaves out, and then steps of ``STEPS`` along one logarithm after the other from
the best point. All points see the same images, kernels and noise. Every evaluation is appended to a
log, and a run that finds it there does not repeat it, so a run that was stopped goes on where it
was. What is learned is compared with the core's own term on images that the search has not seen.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from bench.datasets.archives import NAMES, to_unit_range, training_images
from bench.datasets.motion_blur import LENGTHS, motion_blur_kernels
from bench.datasets.whole_photos import training_pictures
from bench.files import read_toml, write_atomically
from bench.methods.engineered.data_fitting import LEARNED, DataFitting
from bench.methods.engineered.octave_prior import Value
from bench.methods.engineered.octave_session import session
from bench.methods.tuning import DevelopmentPairs, development_pairs
from bench.physics.forward import add_noise, blur
from bench.physics.intensity import luma
from bench.seeds import derive_seed, generator

CLASSES = ("svhn", "shoes", "celeba", "natural", "free")
EXAMPLES = """\
examples:
  python -m bench tune data-fitting --dataset shoes
"""
SHORT: Mapping[str, Value] = {"iterations": 12, "alpha_growth": 3.0, "edges": 4.0}
"""The estimation while learning: one kernel per image, and fewer turns, a third of the cost."""
SHORT_FREE: Mapping[str, Value] = {"iterations": 8, "alpha_growth": 4.0}
"""With free boundaries as many edges as ever, since the border takes many of them."""
CROP, FREE_CROP = 64, 96
"""Sides of training crops of photographs in pixels, with circular and with free boundaries."""
PLAIN = (0.0, 1.0, 0.0, 0.0)
"""Weights of intensity, first, pure second and mixed second derivatives: the core's own term."""
GRID = ((0.0, 0.0), (0.0, 0.1), (0.03, 0.0), (0.03, 0.1), (0.0, 1.0), (0.3, 0.0), (0.3, 1.0))
"""Weights of intensity and of second derivatives where the search starts, the likeliest first."""
STEPS = (3.0, 1.7)
SHARE = 0.1
"""Of the first derivatives' weight, at which second ones are tried once more beside the best."""
RESTORING_GRID = ((1.0, 0.0, 0.0), (0.25, 0.4, 0.05), (0.5, 0.4, 0.05), (0.25, 0.4, 0.2))
BATCH = 20

Point = tuple[float, ...]


def training_pairs(
    name: str, count: int, part: str = "data fitting", noise: float | None = None
) -> DevelopmentPairs:
    """Make training pairs of a class: its development task, with fresh images and kernels.

    Parameters
    ----------
    name : str
        One of ``CLASSES``.
    count : int
        At most so many; of photographs there are 200.
    part : str
        Names of different parts share kernels and noise with no other, and images only by chance;
        of photographs ``data fitting`` takes the even ones and every other part the odd ones.
    noise : float, optional
        Its standard deviation, of a range of 1; default as the development pairs'.
    """
    task = development_pairs(name, 1, noise).task
    size, lengths, margin = int(task.kernel_size[0]), LENGTHS, 0
    if name == "free":
        task = dataclasses.replace(task, image_size=(FREE_CROP, FREE_CROP))
        margin, lengths = size // 2 + 1, (size // 2, size - 1)
    image = _training_images(name, count, part, margin)
    seed = derive_seed(part, name)
    kernel = motion_blur_kernels(len(image), seed, size=size, lengths=lengths).to(image)
    draws = [generator(part, name, index) for index in range(len(image))]
    inside = (..., slice(margin, -margin or None), slice(margin, -margin or None))
    observation = add_noise(blur(image, kernel)[inside], float(task.noise or 0), draws)
    return DevelopmentPairs(task, image[inside], observation, kernel)


def _training_images(name: str, count: int, part: str, margin: int) -> Tensor:
    if name in NAMES:
        images = training_images(name)
        order = torch.randperm(len(images), generator=generator(part, name))[:count]
        return to_unit_range(images[order], name)
    side = FREE_CROP + 2 * margin if name == "free" else CROP
    places = generator(part, name)
    crops: list[Tensor] = []
    for index, picture in enumerate(training_pictures()):
        if index % 2 == (part != "data fitting") and len(crops) < count:
            small = avg_pool2d(picture, 2)
            top, left = (
                int(torch.randint(extent - side + 1, (), generator=places))
                for extent in small.shape[1:]
            )
            crops.append(small[:, top : top + side, left : left + side])
    images = torch.stack(crops)
    return luma(images) if name == "free" else images


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
    """Yield points around the best one that nobody has been at, for smaller and smaller steps."""
    for step in STEPS:
        waiting = True
        while waiting:
            best = min(losses, key=lambda each: losses[each])
            around = [
                tuple(float(f"{v * factor:.3g}") if i == at else v for i, v in enumerate(best))
                for at in range(len(best))
                for factor in (step, 1 / step)
            ]
            if best[2:] == (0.0, 0.0):  # no factor turns them on
                around.append((*best[:2], *2 * [float(f"{SHARE * best[1]:.3g}")]))
            waiting = any((found := point) not in losses for point in around)
            if waiting:
                yield found


def learn(
    name: str, count: int, evaluations: int, folder: Path, noise: float | None = None
) -> dict[str, Any]:
    """Learn the weights of a class; return its part of the file.

    Parameters
    ----------
    name : str
        One of ``CLASSES``.
    count : int
        Images to learn on, and as many others to compare with the core's own term on.
    evaluations : int
        At most so many per set of weights.
    folder : Path
        Of the logs, one per search.
    noise : float, optional
        As in :func:`training_pairs`.
    """
    pairs = training_pairs(name, count, noise=noise)
    unseen = training_pairs(name, count, "held out", noise)
    short = SHORT_FREE if name == "free" else SHORT
    common: dict[str, Any] = {"images": count, **short}
    if noise is not None:
        common["noise"] = noise

    def loss(point: Point) -> float:
        kernel = estimated(pairs, fitting=filters(point), **short)
        return float(kernel_errors(kernel, pairs.kernel).mean())

    log = Log(folder / f"{name}-kernel.jsonl", **common)
    grid = [(zero, 1.0, two, two) for zero, two in GRID]
    best = search(log, loss, grid, evaluations)

    def unseen_error(point: Point) -> float:
        kernel = estimated(unseen, fitting=filters(point), **short)
        return float(kernel_errors(kernel, unseen.kernel).mean())

    held_out = Log(folder / f"{name}-held-out.jsonl", **common)
    fitting = filters(best)
    learned = {
        "fitting": fitting,
        "images": len(pairs.image),
        "kernel_error": [round(log.known[json.dumps([common, list(p)])], 5) for p in (PLAIN, best)],
        "held_out_error": [round(held_out.value(p, unseen_error), 5) for p in (PLAIN, best)],
        "curve": [round(value, 4) for _, value in log.curve],
    }
    if pairs.task.boundary == "free":
        return learned
    final = Log(folder / f"{name}-restoring.jsonl", **common, fitting=fitting)
    return learned | _restoring(
        pairs, estimated(pairs, fitting=fitting, **short), final, evaluations
    )


def _restoring(
    pairs: DevelopmentPairs, kernel: Tensor, log: Log, evaluations: int
) -> dict[str, Any]:
    """Learn the weights of the non-blind step with given kernels."""

    def distortion(point: Point) -> float:
        method = DataFitting(pairs.task, restoring=list(point))
        restored = [
            method.restore(y, k)
            for y, k in zip(pairs.observation.split(BATCH), kernel.split(BATCH), strict=True)
        ]
        return -float(pairs.psnr(torch.cat(restored)).mean())

    best = search(log, distortion, RESTORING_GRID, evaluations)
    psnr = [-log.known[json.dumps([log.common, list(p)])] for p in (RESTORING_GRID[0], best)]
    return {"restoring": list(best), "psnr": [round(value, 3) for value in psnr]}


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
    parser.add_argument("--noise", type=float, help="another than the class's: nothing is written")
    parser.add_argument("--evaluations", type=int, default=16, help="most, per set of weights")
    parser.add_argument("--log", type=Path, default=Path("runs") / "data-fitting")


def run(options: argparse.Namespace) -> int:
    """Learn the weights of one class; write them, or print what another noise level would have."""
    learned = learn(
        options.dataset, options.images, options.evaluations, options.log, options.noise
    )
    session().close()
    if options.noise is not None:
        print(json.dumps(learned, indent=1))
        return 0
    sections = read_toml(LEARNED)
    sections[options.dataset] = learned
    write(sections)
    return 0
