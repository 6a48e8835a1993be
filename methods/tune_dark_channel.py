"""Tune the dark channel method on development images and write ``dark_channel.toml``.

``python -m methods.tune_dark_channel --dataset shoes`` does one coordinate search over the
parameters in ``GRID``, from the values in the file, and writes the best back. The score is the
mean PSNR after the method's own final step; the kernel is estimated once per setting and the
final step's weight is chosen for it.
"""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Mapping

from methods.dark_channel import PARAMETERS, DarkChannel
from methods.octave_session import session
from methods.tuning import DevelopmentPairs, development_pairs

GRID: Mapping[str, tuple[float, ...]] = {
    "floor_share": (0.1, 0.15, 0.2),
    "final_floor": (0.1, 0.15, 0.2),
    "dark": (1e-3, 2e-3, 4e-3),  # never 0: that would be another method
    "gradient": (1e-3, 2e-3, 4e-3),
    "iterations": (8, 14, 25),
    "alpha_growth": (2.0, 4.0, 8.0),
    "ridge": (10.0, 30.0, 100.0),
    "component_share": (0.1, 0.2, 0.4),
}
WEIGHTS = (0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032)


def evaluate(
    development: DevelopmentPairs, settings: Mapping[str, float]
) -> tuple[float, dict[str, float]]:
    """Return the mean PSNR in dB with the best final weight, and the settings with that weight."""
    overrides = {name: value for name, value in settings.items() if name != "tv_weight"}
    kernel = DarkChannel(development.task, **overrides).estimate_kernel(development.observation)
    scores = {}
    for weight in WEIGHTS:
        method = DarkChannel(development.task, **overrides, tv_weight=weight)
        restored = method.restore(development.observation, kernel)
        scores[weight] = float(development.psnr(restored).mean())
    best = max(scores, key=lambda weight: scores[weight])
    return scores[best], {**settings, "tv_weight": best}


def search(name: str, count: int, start: Mapping[str, float], names: list[str]) -> dict[str, float]:
    """Walk once along each coordinate, keeping what is better; return the best settings."""
    development = development_pairs(name, count)
    before = float(development.psnr(development.observation).mean())
    best, settings = evaluate(development, start)
    print(f"{name}: blurry {before:.2f} dB, start {best:.2f} dB", flush=True)
    for parameter in names:
        known = DarkChannel(development.task, **settings).settings[parameter]
        for value in GRID[parameter]:
            if value == known:
                continue
            score, candidate = evaluate(development, {**settings, parameter: value})
            print(f"  {parameter} = {value:g}: {score:.2f} dB", flush=True)
            if score > best:
                best, settings = score, candidate
    print(f"{name}: {best:.2f} dB with {settings}", flush=True)
    return settings


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, prog="python -m methods.tune_dark_channel"
    )
    parser.add_argument(
        "--dataset", required=True, choices=("svhn", "shoes", "celeba", "natural", "free")
    )
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--parameters", nargs="*", choices=list(GRID), default=list(GRID))
    options = parser.parse_args(arguments)
    start = tomllib.loads(PARAMETERS.read_text("utf-8")).get(options.dataset, {})
    found = search(options.dataset, options.images, start, options.parameters)
    session().close()
    sections = tomllib.loads(PARAMETERS.read_text("utf-8"))  # another class may have been written
    sections[options.dataset] = found
    write(sections)


def write(sections: Mapping[str, Mapping[str, float]]) -> None:
    """Write the parameter file, one section per class."""
    lines = ["# Parameters of the dark channel method; what they mean stands in"]
    lines += [
        "# octave/dark_channel_kernel.m. Chosen on development images only (methods/tuning.py), by",
        "# `python -m methods.tune_dark_channel` and by hand; `natural` copies `celeba`, untuned.",
    ]
    for name, settings in sections.items():
        lines += ["", f"[{name}]", *(f"{key} = {value!r}" for key, value in settings.items())]
    PARAMETERS.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
