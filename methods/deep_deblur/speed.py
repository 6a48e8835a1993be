"""Write ``reports/speed.md``: what Deep Deblur costs, counted and timed, against the published way.

Counts and PSNR come from results folders; times are measured here, in one run on one machine: the
published steps and the default solutions in turn, so that all see the same conditions. Run it on a
quiet machine.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch
from tabulate import tabulate

from bench.checkout import commit
from bench.harness import scores
from bench.harness.plan import load_dataset
from bench.methods.deep_deblur import published
from bench.methods.deep_deblur.settings import load_settings
from bench.physics.condition import Condition
from bench.physics.observation import observe
from bench.protocol import Status, Task
from bench.registry import METHODS

EXAMPLES = """\
examples:
  python -m bench benchmark deep-deblur
  python -m bench benchmark deep-deblur runs/mine --output runs/mine/speed.md
"""
CLASSES = ("svhn", "shoes", "celeba")
METHOD_NAMES = ("dd", "dd-warm", "dds", "dds-warm")
STRETCH = 200
"""Published steps timed at a time, of all ten restarts of one image."""
TURNS = 2
SAMPLES = 80
"""Images of a set of samples."""
WATCH = """\
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Prints a command's largest process in KiB. From a small process: a program counts the memory of
the one that started it as its own."""
SCALING = (("svhn", 8), ("svhn", 80), ("svhn", 800), ("celeba", 8), ("celeba", 80))

COUNTED = (
    "class, method, published evaluations, ours, fewer by, evidence evaluations, "
    "PSNR of the authors' images, our PSNR, s/image in the record"
)
REPLAYED = "class, method, images, published evaluations, PSNR, our evaluations, PSNR, warm PSNR"
TIMED = "class, method, published s/image, our s/image, ratio"
SCALED = "method, class, images, s, s/image, peak MiB"
PAGE = """\
# What Deep Deblur costs

Written by `python -m bench benchmark deep-deblur` at commit {commit}. An evaluation is one
forward and backward pass of the image generator for one image; the published procedure takes
restarts × steps of them. The default presets spend much of their time elsewhere: an *evidence
evaluation* is one value and gradient of the evidence of a kernel (`methods/marginal`), which costs
about a fifth to a half of a generator evaluation and is counted separately. PSNR is that of
`{folder}`: means over all published test images at 1 % noise.

{counts}

## The published procedures, run here

`--set METHOD.preset=published`: all {restarts} restarts and all steps, from `{published}`, with our
generators; ours on the same images. So few images only indicate what these procedures reach.

{replayed}

## In one run, on the same machine

{threads} thread(s), load average {load:.1f} at the start, one image of each class's samples:
{stretch} published steps of all {restarts} restarts and the default presets in turn, {turns} times;
the published procedures are extrapolated to all their steps.

{timings}

## Cost against the number of images

`python -m bench run --methods dds-warm` on samples of the class, {workers} workers of one thread,
from the start of the program to the table: time grows with the number of images, and memory, that
of the largest process, hardly does. More than {samples} observations are {samples} images under
several seeds of noise.

{scaling}
"""


def published_evaluations(image_class: str, slack: bool) -> int:
    """Forward and backward passes of the image generator per image, as published."""
    steps = published.STEPS.get(image_class, published.MOST_STEPS)
    return published.RESTARTS * (published.SLACK_STEPS if slack else steps)


def counts(frame: pd.DataFrame) -> list[list[object]]:
    """Return the rows of the table of counts: per class and method, evaluations and PSNR of both
    ways."""
    rows: list[list[object]] = []
    for name in CLASSES:
        for method in METHOD_NAMES:
            ours = _ok(frame, name, method)
            if ours.empty:
                continue
            slack = method.startswith("dds")
            replay = _ok(frame, name, f"published-{'dds' if slack else 'dd'}")
            settings = load_settings(name)
            warm = method.endswith("warm")
            starts = 4 if warm else settings.restarts
            evidence = starts * ((settings.warm if warm else settings.annealing).steps + 1)
            evidence += starts * settings.sparse_steps
            spent = ours["generator_evaluations"].mean()
            theirs = published_evaluations(name, slack)
            rows.append(
                [
                    name,
                    method,
                    f"{theirs:,}",
                    f"{spent:,.0f}",
                    f"{theirs / spent:,.0f}×",
                    f"{evidence:,}",
                    f"{replay['psnr'].mean():.2f}" if len(replay) else "–",
                    f"{ours['psnr'].mean():.2f}",
                    f"{ours['seconds'].mean():.2f}",
                ]
            )
    return rows


def replayed(frame: pd.DataFrame, published_frame: pd.DataFrame) -> list[list[object]]:
    """Return the rows of the published procedures run here, against ours on the same images."""
    rows: list[list[object]] = []
    for name in CLASSES:
        for method in ("dd", "dds", "range-oracle"):
            theirs = _ok(published_frame, name, f"{method}[preset=published]")
            if theirs.empty:
                continue
            ours, warm = (_ok(frame, name, m) for m in (method, f"{method}-warm"))
            ours, warm = (part[part["image"].isin(theirs["image"])] for part in (ours, warm))
            rows.append(
                [
                    name,
                    method,
                    len(theirs),
                    f"{theirs['generator_evaluations'].mean():,.0f}",
                    f"{theirs['psnr'].mean():.2f}",
                    f"{ours['generator_evaluations'].mean():,.0f}",
                    f"{ours['psnr'].mean():.2f}",
                    f"{warm['psnr'].mean():.2f}" if len(warm) else "–",
                ]
            )
    return rows


def _ok(frame: pd.DataFrame, dataset: str, method: str) -> pd.DataFrame:
    rows = frame[(frame["dataset"] == dataset) & (frame["method"] == method)]
    return rows[(rows["status"] == Status.OK) & (rows["seed"] == 0)]


def timings(name: str) -> list[list[object]]:
    """Return the rows of seconds per image: the published steps, extrapolated, and ours, measured
    in turn."""
    dataset, condition = load_dataset(f"{name}-samples"), Condition()
    observed = observe(dataset, 0, condition)
    task, y = observed.task(dataset, condition, "cpu"), observed.observation[None]
    theirs, ours = dict.fromkeys(("dd", "dds"), 0.0), dict.fromkeys(METHOD_NAMES, 0.0)
    for _ in range(TURNS):
        for slow in theirs:
            stretch = _seconds(slow, task, y, preset="published", steps=STRETCH)
            evaluations = published.RESTARTS * STRETCH * TURNS
            theirs[slow] += stretch * published_evaluations(name, slow == "dds") / evaluations
        for method in ours:
            ours[method] += _seconds(method, task, y) / TURNS
    rows: list[list[object]] = []
    for method, seconds in ours.items():
        whole = theirs[method.removesuffix("-warm")]
        rows.append([name, method, f"{whole:,.0f}", f"{seconds:.1f}", f"{whole / seconds:,.0f}×"])
    return rows


def _seconds(name: str, task: Task, y: torch.Tensor, **parameters: object) -> float:
    method = METHODS.load(name)(task, **parameters)
    started = time.perf_counter()
    method.deblur(y)  # type: ignore[attr-defined]
    return time.perf_counter() - started


def scaling(method: str, name: str, images: int) -> list[object]:
    """Return the seconds and peak memory of a whole ``bench run`` on so many observations, start
    and all."""
    seeds = ",".join(str(seed) for seed in range(math.ceil(images / SAMPLES)))
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench", "run", "--quiet", "--out", folder]
        command += ["--methods", method, "--datasets", f"{name}-samples"]
        command += ["--images", str(min(images, SAMPLES)), "--seed", seeds]
        started = time.perf_counter()
        watched = [sys.executable, "-c", WATCH, *command]
        peak = int(subprocess.run(watched, stdout=subprocess.PIPE, check=True).stdout)
        seconds = time.perf_counter() - started
    return [method, name, images, f"{seconds:.0f}", f"{seconds / images:.2f}", peak // 1024]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", type=Path, nargs="?", default=Path("results/record"))
    parser.add_argument(
        "--published",
        type=Path,
        default=Path("results/published"),
        help="results folder of the published presets",
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("reports/speed.md"))


def run(options: argparse.Namespace) -> int:
    """Count, time and write the page."""
    frame, published_frame = (scores.read(path) for path in (options.folder, options.published))
    text = PAGE.format(
        folder=options.folder,
        published=options.published,
        restarts=published.RESTARTS,
        threads=torch.get_num_threads(),
        load=os.getloadavg()[0],
        commit=commit()[:12],
        stretch=STRETCH,
        turns=TURNS,
        samples=SAMPLES,
        counts=_table(COUNTED, counts(frame)),
        replayed=_table(REPLAYED, replayed(frame, published_frame)),
        timings=_table(TIMED, [row for name in CLASSES for row in timings(name)]),
        workers=os.cpu_count(),
        scaling=_table(SCALED, [scaling("dds-warm", *case) for case in SCALING]),
    )
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text)
    print(text)
    return 0


def _table(headers: str, rows: list[list[object]]) -> str:
    return tabulate(rows, headers.split(", "), tablefmt="github", disable_numparse=True)
