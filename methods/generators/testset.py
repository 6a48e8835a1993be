"""The range of a generator on the published test images: for reporting, never for choosing.

Every evaluation is counted in the generator's card.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

import torch
from torch import Tensor

from bench.methods.generators.comparison import LinearModel, linear_model
from bench.methods.generators.evaluate import kernel_scores, psnr, standard_error
from bench.methods.generators.loading import WEIGHTS, Prior, load_card, load_generator
from bench.methods.generators.page import REPORTS, write_text
from bench.registry import DATASETS

EXAMPLES = """\
examples:
  python -m bench benchmark range celeba motion-blur
  python -m bench benchmark range faces128 --datasets pggan,faces128 --linear --steps 300
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("names", nargs="+", help="generators")
    parser.add_argument("--datasets", help="by commas; default the generator's own class")
    parser.add_argument("--images", type=int, help="only the first so many")
    parser.add_argument("--steps", type=int, help="of the fit; default as the fast range oracle")
    parser.add_argument("--linear", action="store_true", help="beside as many principal components")


def run(args: argparse.Namespace) -> int:
    """Evaluate, print, and note the result in the cards."""
    for name in args.names:
        card, prior = load_card(name), load_generator(name)
        linear = linear_model(card["image_class"], prior.latent_size) if args.linear else None
        sets = (args.datasets or card["image_class"]).split(",")
        found = {
            each: published_scores(prior, each, args.images, steps=args.steps, linear=linear)
            for each in sets
        }
        scores: dict[str, Any] = found[sets[0]] if len(sets) == 1 else found
        before = card.get("published_test", {}).get("evaluations", 0)
        card["published_test"] = {**scores, "evaluations": before + 1}
        (WEIGHTS / f"{name}.json").write_text(json.dumps(card, indent=1) + "\n")
        write_text(card, REPORTS)
        print(name, json.dumps(card["published_test"]), flush=True)
    return 0


def published_scores(
    prior: Prior,
    name: str,
    images: int | None = None,
    *,
    steps: int | None = None,
    linear: LinearModel | None = None,
) -> dict[str, Any]:
    """Return the mean range PSNR in dB, or relative error of kernels, on a published test set.

    Parameters
    ----------
    prior : Prior
    name : str
        Of the data set; ``motion-blur`` takes the kernels of the SVHN set, which holds all 100.
    images : int or None
        Only the first so many.
    steps : int or None
        Of the fit; None takes the fast range oracle's.
    linear : LinearModel or None
        To compare with: the nearest images that it can make, and the paired differences.
    """
    from bench.methods.oracles.range_oracle import PRESETS, nearest_in_range

    dataset = DATASETS.load("svhn" if name == "motion-blur" else name)()
    count = len(dataset) if images is None else min(images, len(dataset))
    samples = [dataset[index] for index in range(count)]
    if name == "motion-blur":
        kernels = torch.stack([sample.kernel for sample in samples])[:, None]
        return {
            "free": kernel_scores(prior, kernels),
            "penalty 1e-5": kernel_scores(prior, kernels, penalty=1e-5),
        }
    preset = PRESETS["fast"]
    if steps is not None:
        preset = dataclasses.replace(preset, steps=steps)
    values: list[Tensor] = []
    norms: list[Tensor] = []
    nearest: list[Tensor] = []
    for start in range(0, count, 20):
        x = torch.stack([sample.image for sample in samples[start : start + 20]])
        found = nearest_in_range(prior, x, preset)
        with torch.no_grad():
            values.append(psnr(x, prior(found.latent)))
        norms.append(found.latent.square().mean(1))
        if linear is not None:
            nearest.append(psnr(x, linear(linear.nearest(x))))
    scores = {
        "images": count,
        "range_psnr": torch.cat(values).mean().item(),
        "range_psnr_sem": standard_error(torch.cat(values)),
        "latent_norm": torch.cat(norms).mean().item(),
        "evaluations_per_image": found.evaluations,
    }
    if linear is not None:
        difference = torch.cat(values) - torch.cat(nearest)
        scores |= {
            "linear_psnr": torch.cat(nearest).mean().item(),
            "above_linear": difference.mean().item(),
            "above_linear_sem": standard_error(difference),
        }
    return scores
