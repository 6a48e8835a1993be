"""The range of a generator on the published test images: for reporting, never for choosing.

Every evaluation is counted in the generator's card.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import torch
from torch import Tensor

from bench.methods.generators.evaluate import kernel_scores, psnr
from bench.methods.generators.loading import WEIGHTS, Prior, load_card, load_generator
from bench.methods.generators.page import REPORTS, write_text
from bench.registry import DATASETS

EXAMPLES = """\
examples:
  python -m bench benchmark range celeba motion-blur
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("names", nargs="+", help="generators")
    parser.add_argument("--images", type=int, help="only the first so many")


def run(args: argparse.Namespace) -> int:
    """Evaluate, print, and note the result in the cards."""
    for name in args.names:
        card = load_card(name)
        scores = published_scores(load_generator(name), card["image_class"], args.images)
        before = card.get("published_test", {}).get("evaluations", 0)
        card["published_test"] = {**scores, "evaluations": before + 1}
        (WEIGHTS / f"{name}.json").write_text(json.dumps(card, indent=1) + "\n")
        write_text(card, REPORTS)
        print(name, json.dumps(card["published_test"]), flush=True)
    return 0


def published_scores(prior: Prior, image_class: str, images: int | None = None) -> dict[str, Any]:
    """Return the mean range PSNR in dB, or relative error of kernels, on a published test set.

    Parameters
    ----------
    prior : Prior
    image_class : str
        ``motion-blur`` takes the kernels of the SVHN set, which holds all 100.
    images : int or None
        Only the first so many.
    """
    from bench.methods.oracles.range_oracle import PRESETS, nearest_in_range

    dataset = DATASETS.load("svhn" if image_class == "motion-blur" else image_class)()
    count = len(dataset) if images is None else min(images, len(dataset))
    samples = [dataset[index] for index in range(count)]
    if image_class == "motion-blur":
        kernels = torch.stack([sample.kernel for sample in samples])[:, None]
        return {
            "free": kernel_scores(prior, kernels),
            "penalty 1e-5": kernel_scores(prior, kernels, penalty=1e-5),
        }
    values: list[Tensor] = []
    norms: list[Tensor] = []
    for start in range(0, count, 20):
        x = torch.stack([sample.image for sample in samples[start : start + 20]])
        found = nearest_in_range(prior, x, PRESETS["fast"])
        with torch.no_grad():
            values.append(psnr(x, prior(found.latent)))
        norms.append(found.latent.square().mean(1))
    return {
        "images": count,
        "range_psnr": torch.cat(values).mean().item(),
        "range_psnr_sem": (torch.cat(values).std() / count**0.5).item(),
        "latent_norm": torch.cat(norms).mean().item(),
        "evaluations_per_image": found.evaluations,
    }
