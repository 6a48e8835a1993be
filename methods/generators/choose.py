"""Which generator of a class is its default prior, by numbers on validation images.

Writes ``reports/generators/choice.md``. The default is the better one by range *and* by how well
deconvolution with the true kernel works inside it, since a generator that can draw anything is no
prior. Nothing here reads the published test images.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from bench.checkout import commit
from bench.methods.generators.comparison import (
    STEPS,
    TRAINING_IMAGES,
    Scores,
    ground,
    linear_model,
    score,
)
from bench.methods.generators.evaluate import fit_range, psnr, standard_error
from bench.methods.generators.loading import (
    Prior,
    generator_names,
    load_card,
    load_generator,
)
from bench.methods.generators.page import REPORTS

SAMPLES = 8
EXAMPLES = """\
examples:
  python -m bench benchmark priors                # about 4 minutes of one core
  python -m bench benchmark priors shoes --images 8
"""
HEAD = (
    "| generator | range, dB | deconvolution, dB | ‖z‖²/d: range | deconvolution "
    "| kernel distance of samples | samples told apart |\n|---|---|---|---|---|---|---|\n"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("classes", nargs="*", default=["shoes", "celeba"], help="image classes")
    parser.add_argument("--images", type=int, default=12, help="validation images of each class")
    parser.add_argument("--out", type=Path, default=REPORTS / "choice.md")


def run(args: argparse.Namespace) -> int:
    """Measure, print and write the page."""
    parts = []
    for image_class in args.classes:
        parts.append(section(image_class, args.images))
        print(parts[-1], flush=True)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(page(parts, args.images))
    print(f"wrote {args.out}")
    return 0


def rivals(image_class: str) -> list[str]:
    """Return the names of the generators of a class, its default first."""
    names = [name for name in generator_names() if load_card(name)["image_class"] == image_class]
    return sorted(names, key=lambda name: (name != image_class, name))


def section(image_class: str, images: int) -> str:
    """Compare the generators of a class; returns Markdown."""
    on = ground(image_class, images)
    names = rivals(image_class)
    found = [score(load_generator(name), name, on) for name in names]
    size = int(load_card(names[0])["latent_size"])
    found.append(score(linear_model(image_class, size), f"PCA, {size} components", on))
    text = f"## {image_class}\n\n{HEAD}" + "".join(row(scores) for scores in found)
    text += "".join(f"\n{versus(found[0], other)}\n" for other in found[1:])
    text += f"\n{verdict(image_class, found[:-1])}\n"
    default = load_generator(names[0])
    for name in names[1:]:
        text += f"\n{samples_in_range(default, load_generator(name))}\n"
    return text


def row(scores: Scores) -> str:
    """One generator's row of the table."""
    values = [
        f"{mean(scores.range_psnr):.2f} ± {standard_error(scores.range_psnr):.2f}",
        f"{mean(scores.deconvolution_psnr):.2f} ± {standard_error(scores.deconvolution_psnr):.2f}",
        f"{scores.range_norm:.2f}",
        f"{scores.deconvolution_norm:.2f}",
        f"{scores.distance:.4f}",
        f"{100 * scores.accuracy:.0f} %",
    ]
    return f"| {scores.name} | {' | '.join(values)} |\n"


def versus(first: Scores, other: Scores) -> str:
    """Return the differences of two generators, paired by image."""
    range_, inside = (
        a - b
        for a, b in (
            (first.range_psnr, other.range_psnr),
            (first.deconvolution_psnr, other.deconvolution_psnr),
        )
    )
    return (
        f"`{first.name}` minus {other.name}, paired by image: "
        f"range {mean(range_):+.2f} ± {standard_error(range_):.2f} dB, "
        f"deconvolution {mean(inside):+.2f} ± {standard_error(inside):.2f} dB."
    )


def verdict(image_class: str, found: list[Scores]) -> str:
    """Say which generator the numbers choose, and whether it is the default."""
    if len(found) == 1:
        return f"**The default is `{image_class}`**, the only generator of its class."
    best = {
        "range": max(found, key=lambda scores: mean(scores.range_psnr)).name,
        "deconvolution": max(found, key=lambda scores: mean(scores.deconvolution_psnr)).name,
    }
    default = image_class
    if set(best.values()) == {default}:
        return f"**The default is `{default}`**: the better by range and by deconvolution."
    return (
        f"**The default is `{default}`, and not the better by both**: `{best['range']}` is by "
        f"range, `{best['deconvolution']}` by deconvolution."
    )


def samples_in_range(default: Prior, other: Prior) -> str:
    """Return how far samples of another generator are from the default's range: they are test
    images."""
    x = other.sample(2018, SAMPLES)
    found = fit_range(default, x, steps=100)
    with torch.no_grad():
        values = psnr(x, default(found.latent))
    return (
        f"`{image_set(default)}` are drawn from `{other.name}` and solved with `{default.name}`, "
        f"which represents {SAMPLES} of them at {mean(values):.2f} ± "
        f"{standard_error(values):.2f} dB: they have a range error."
    )


def image_set(default: Prior) -> str:
    """Name of the set of samples of a default prior's class."""
    return f"{default.card['image_class']}-samples"


def page(parts: list[str], images: int) -> str:
    """Return the whole page, in Markdown."""
    return f"""# The generators of a class, and which is the default

Written by `python -m bench benchmark priors` at commit {commit()[:12]}, from {images}
validation images of each class; no published test image was read. ± is a standard error.

- **Range**: PSNR of the nearest image that the generator can draw, as the fast range oracle finds
  it: Adam, {STEPS} steps from the encoder's latent, or from z = 0 where there is no encoder.
- **Deconvolution**: PSNR of `G(argmin_z ‖y − G(z) ⊗ k‖²)` with the true kernel and 1 % noise, as
  many steps from the encoder's latent of `y`, or from z = 0.
- **‖z‖²/d** of what was found: 1 for samples of N(0, I).
- **Kernel distance**: squared maximum mean discrepancy of samples from all validation images on
  features of a fixed random network; about 0 for two halves of one set. **Told apart**: how many
  of unseen samples and validation images a logistic classifier on those features gets right; 50 %
  if it can only guess. A model that blurs is easy to tell: no row is near 50 %.
- **PCA**: the linear model of as many dimensions, fitted on at most {TRAINING_IMAGES} training
  images and solved exactly by least squares.

{chr(10).join(parts)}"""


def mean(values: Tensor) -> float:
    """Return the mean of a vector."""
    return values.mean().item()
