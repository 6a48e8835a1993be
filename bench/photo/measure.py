"""How well photographs are deblurred whose kernel size nobody tells.

``python -m bench.photo.measure`` restores the twelve development photographs of
``whole-photos-val`` as ``python -m bench deblur`` does without a size, and holds them against the
truth, as their set's scoring does.
"""

from __future__ import annotations

import argparse
import csv
import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from bench import api
from bench.harness.plan import load_dataset
from bench.metrics import psnr
from bench.photo.deblurring import Request, deblur
from bench.physics.alignment import align
from bench.physics.condition import Condition
from bench.physics.observation import observe

BETTER = 2.0
"""Decibels above the input that count as better."""


def main() -> None:
    """Measure, print a table and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", default="auto")
    parser.add_argument("--jpeg", type=int, metavar="Q", help="write them as JPEG of this quality")
    parser.add_argument("--images", type=int, help="only the first so many")
    parser.add_argument("--csv", type=Path, help="where the rows go")
    options = parser.parse_args()
    dataset = load_dataset("whole-photos-val")
    rows = []
    for index in range(min(options.images or len(dataset), len(dataset))):
        row = measure(index, options.method, options.jpeg)
        rows.append(row)
        print(
            f"{row['image']:14} blur {row['blur']:2}  size {row['size']:2}  "
            f"{row['input']:5.2f} → {row['psnr']:5.2f} dB ({row['gain']:+.2f})  "
            f"{row['cpu']:4.0f} CPU s  {row['warning'] or 'no warning'}",
            flush=True,
        )
    better = sum(row["gain"] >= BETTER for row in rows)
    worse = sum(row["gain"] < 0 and not row["warning"] for row in rows)
    undue = sum(row["gain"] >= BETTER and bool(row["warning"]) for row in rows)
    print(
        f"{better} of {len(rows)} better by {BETTER:g} dB, {worse} worse without a warning, "
        f"{undue} warnings that were not due."
    )
    if options.csv:
        with options.csv.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def measure(index: int, method: str = "auto", quality: int | None = None) -> dict[str, Any]:
    """Restore one photograph, as it is or out of a JPEG file, and return what its row says."""
    dataset = load_dataset("whole-photos-val")
    observed = observe(dataset, index, Condition())
    sample, y = observed.sample, observed.observation
    if quality is not None:
        y = through_jpeg(y, quality)
    start = time.process_time()
    found = deblur(y, Request(method), api.whole)
    seconds = time.process_time() - start
    alignment = dataset.alignment_for(sample.kernel.shape)

    def score(image: torch.Tensor) -> float:
        return float(psnr(*align(image[None], sample.image[None], alignment)))

    before, after = score(y), score(found.image)
    return {
        "image": sample.name,
        "blur": sample.kernel.shape[0],
        "size": 0 if found.kernel is None else found.kernel.shape[0],
        "input": round(before, 2),
        "psnr": round(after, 2),
        "gain": round(after - before, 2),
        "noise": found.noise,
        "residual": round(found.residual, 5),
        "evidence": round(found.gain, 4),
        "cpu": round(seconds, 1),
        "warning": " ".join(found.warnings),
    }


def through_jpeg(image: torch.Tensor, quality: int) -> torch.Tensor:
    """Return an image (C, H, W) in [0, 1] as it comes back from a JPEG file."""
    levels = (image * 255).round().byte().permute(1, 2, 0).squeeze(-1).numpy()
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", quality=quality)
    pixels = np.array(Image.open(file))
    return torch.from_numpy(pixels).reshape(*image.shape[1:], -1).permute(2, 0, 1) / 255


if __name__ == "__main__":
    main()
