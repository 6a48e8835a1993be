"""Write ``reports/speed.md``: what Deep Deblur costs, counted and timed, against the published way.

Counts and PSNR come from a results folder; times are measured here, in one run on one machine: the
published steps and the default solution in turn, so that both see the same conditions. Run it on a
quiet machine.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import torch
from tabulate import tabulate

from bench import scores
from bench.observation import Condition, observe
from bench.plan import load_dataset
from bench.protocol import Task
from bench.registry import METHODS
from methods.deep_deblur import published
from methods.deep_deblur.settings import load_settings
from methods.deep_deblur.shared import forget

EXAMPLES = """\
examples:
  python -m methods.deep_deblur.speed results/record
  python -m methods.deep_deblur.speed results/record --counts 8,80,800 --datasets svhn
"""
CLASSES = ("svhn", "shoes", "celeba")
METHOD_NAMES = ("dd", "dd-warm", "dds", "dds-warm")
STRETCH = 200
"""Published steps timed at a time, of all ten restarts of one image."""
TURNS = 2


def published_evaluations(image_class: str, slack: bool) -> int:
    """Forward and backward passes of the image generator per image, as published."""
    steps = published.STEPS.get(image_class, published.MOST_STEPS)
    return published.RESTARTS * (published.SLACK_STEPS if slack else steps)


def counts(frame: pd.DataFrame) -> list[list[object]]:
    """Rows of the table of counts: per class and method, evaluations and PSNR of both ways."""
    rows: list[list[object]] = []
    for name in CLASSES:
        here = frame[(frame["dataset"] == name) & (frame["status"] == "ok")]
        for method in METHOD_NAMES:
            ours = here[here["method"] == method]
            if ours.empty:
                continue
            slack = method.startswith("dds")
            replay = here[here["method"] == f"published-{'dds' if slack else 'dd'}"]
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


def timings(name: str) -> list[object]:
    """Seconds per image of the published steps, extrapolated, and of ``dd``, measured in turn."""
    dataset, condition = load_dataset(f"{name}-samples"), Condition()
    observed = observe(dataset, 0, condition)
    task, y = observed.task(dataset, condition, "cpu"), observed.observation[None]
    ours, theirs = [], []
    for _ in range(TURNS):
        theirs.append(_seconds("dd", task, y, preset="published", steps=STRETCH) / STRETCH)
        ours.append(_seconds("dd", task, y))
    steps = published.STEPS.get(name, published.MOST_STEPS)
    whole = steps * sum(theirs) / TURNS
    mean = sum(ours) / TURNS
    return [name, f"{whole:,.0f}", f"{mean:.1f}", f"{whole / mean:,.0f}×"]


def _seconds(name: str, task: Task, y: torch.Tensor, **parameters: object) -> float:
    method = METHODS.load(name)(task, **parameters)
    forget()
    started = time.perf_counter()
    method.deblur(y)  # type: ignore[attr-defined]
    return time.perf_counter() - started


def scaling(method: str, name: str, images: int) -> list[object]:
    """Seconds and peak memory of one call with so many images, in a process of its own."""
    command = [sys.executable, "-m", "methods.deep_deblur.speed", "--one", method, name]
    done = subprocess.run(
        [*command, str(images)], capture_output=True, text=True, check=True, env={**os.environ}
    )
    seconds, memory = done.stdout.split()
    return [method, name, images, f"{float(seconds):.1f}", f"{float(seconds) / images:.2f}", memory]


def one(method: str, name: str, images: int) -> None:
    """Print seconds and peak memory in MiB of one call; runs in a process of its own."""
    dataset, condition = load_dataset(f"{name}-samples"), Condition()
    rounds = [divmod(i, len(dataset)) for i in range(images)]  # each with noise of its own
    observed = [observe(dataset, index, Condition(seed=seed)) for seed, index in rounds]
    task = observed[0].task(dataset, condition, "cpu")
    y = torch.stack([item.observation for item in observed])
    seconds = _seconds(method, task, y)
    print(f"{seconds} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}")


def main() -> int:
    """Run as ``python -m methods.deep_deblur.speed``."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path("results/record"))
    parser.add_argument("--counts", default="8,80", help="images per call, by commas")
    parser.add_argument("--datasets", default="svhn,celeba", help="classes to scale, by commas")
    parser.add_argument("-o", "--output", type=Path, default=Path("reports/speed.md"))
    parser.add_argument("--one", nargs=3, metavar=("METHOD", "CLASS", "N"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one[0], options.one[1], int(options.one[2]))
        return 0
    frame = scores.read(options.folder)
    sizes = [int(text) for text in options.counts.split(",")]
    scaled = [
        scaling("dds-warm", name, size) for name in options.datasets.split(",") for size in sizes
    ]
    text = f"""# What Deep Deblur costs

An evaluation is one forward and backward pass of the image generator for one image; the published
procedure takes restarts × steps of them. The default presets spend most of their time elsewhere: an
*evidence evaluation* is one value and gradient of the evidence of a kernel (`methods/marginal`),
which costs about a fifth to a half of a generator evaluation and is counted beside it. PSNR is
that of `{options.folder}` (mean over the published test images at 1 % noise), seconds are per image
with one core of two.

{
        _table(
            [
                "class",
                "method",
                "published evaluations",
                "ours",
                "fewer by",
                "evidence evaluations",
                "published PSNR",
                "our PSNR",
                "s/image",
            ],
            counts(frame),
        )
    }

## In one run, on the same machine

{torch.get_num_threads()} threads; `dd` from random starts and the published steps of all ten
restarts in turn, on one image. {STRETCH} published steps are timed {TURNS} times and extrapolated.

{_table(["class", "published, s/image", "dd, s/image", "ratio"], [timings(n) for n in CLASSES])}

## Cost against the number of images

One call of `dds-warm` in a process of its own: time grows linearly, memory only by what is
returned.

{_table(["method", "class", "images", "s", "s/image", "peak MiB"], scaled)}
"""
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text)
    print(text)
    return 0


def _table(headers: list[str], rows: list[list[object]]) -> str:
    return tabulate(rows, headers=headers, tablefmt="github", disable_numparse=True)


if __name__ == "__main__":
    raise SystemExit(main())
