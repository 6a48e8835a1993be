"""Random numbers that depend on names and contents, never on the order of calls."""

from __future__ import annotations

import hashlib

import torch


def derive_seed(*parts: object) -> int:
    """Hash named parts to a 63-bit seed.

    Parameters
    ----------
    *parts
        Anything whose ``repr`` is stable: strings, integers, floats, tuples of them.

    Returns
    -------
    int
        In ``[0, 2**63)``; equal parts give equal seeds on every machine and in every process.
    """
    text = "\x1f".join(repr(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(*parts: object) -> torch.Generator:
    """Return a CPU ``torch.Generator`` seeded from named parts.

    Draw on the CPU and move the result: the same seed then gives the same numbers on any device.
    """
    return torch.Generator().manual_seed(derive_seed(*parts))


def generators_per_image(observation: torch.Tensor, seed: int) -> list[torch.Generator]:
    """Return one generator per image of a batch, seeded by the image's own contents.

    A method that draws its restarts from these gives an image the same restarts whatever else
    happens to be in the batch.

    Parameters
    ----------
    observation : Tensor, shape (N, C, H, W)
    seed : int

    Returns
    -------
    list of torch.Generator, length N
    """
    images = observation.detach().to("cpu", torch.float32).contiguous()
    digests = (hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in images)
    return [generator("image", digest, seed) for digest in digests]


def stable_generators_per_image(observation: torch.Tensor, seed: int) -> list[torch.Generator]:
    """Return one generator per image, seeded by what rounding leaves as it is.

    Another processor computes an observation that differs in the last digits, and a hash of its
    bytes would draw other restarts there. These generators hash the means of each image's quarters
    in eight bits: a last digit moves one of them over a step for less than one image in a thousand.

    Parameters
    ----------
    observation : Tensor, shape (N, C, H, W), in [0, 1]
    seed : int

    Returns
    -------
    list of torch.Generator, length N
    """
    images = observation.detach().to("cpu", torch.float64)
    means = torch.nn.functional.adaptive_avg_pool2d(images, 2)
    return [
        generator("impression", (255 * image).round().int().flatten().tolist(), seed)
        for image in means
    ]
