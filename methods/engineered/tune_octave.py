"""Tune an engineered prior on development images and write ``octave_prior.toml``.

``python -m bench tune engineered --method ep --dataset shoes`` starts from the
values in the file and walks along one parameter after the other: larger or smaller by the factor in
``STEPS``, as long as the score rises. It writes whatever is better as soon as it is found, so it
can be stopped at any time. The score is the mean PSNR after the method's own non-blind step; the
kernel is estimated once per setting, and the weight of that step's total variation chosen for it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from bench.files import read_toml, write_atomically
from bench.methods.engineered.octave_prior import PARAMETERS, OctavePrior, Value
from bench.methods.engineered.octave_session import session
from bench.methods.tuning import DevelopmentPairs, development_pairs
from bench.registry import METHODS

STEPS: Mapping[str, float] = {
    "ridge": 2.0,
    "gradient": 2.0,
    "dark": 2.0,
    "bright": 2.0,
    "outlier": 1.5,
    "floor_share": 1.5,
    "component_share": 1.5,
    "iterations": 1.5,
    "edges": 1.5,
    "beta": 4.0,
    "alpha_growth": 1.4,
    "alpha_max": 10.0,
    "cg_steps": 1.5,
    "final_floor": 1.5,
    "final_component": 1.5,
    "final_ridge": 2.0,
    "coarsest": 1.4,
}
"""``beta`` stands for beta_start and beta_max together, which keeps the number of doublings."""
LEARNED = ("fitting", "restoring")
"""What ``tune data-fitting`` writes elsewhere."""
WHOLE = ("iterations", "cg_steps", "coarsest")
WEIGHTS = tuple(float(f"{0.00025 * 2 ** (step / 2):.2g}") for step in range(15))
EXAMPLES = """\
examples:
  python -m bench tune engineered --method ep --dataset shoes
  python -m bench tune engineered --method dp --dataset free --minutes 30
"""


def evaluate(
    method: type[OctavePrior], development: DevelopmentPairs, settings: Mapping[str, Value]
) -> tuple[float, dict[str, Value]]:
    """Return the mean PSNR in dB with the best final weight, and the settings with that weight."""
    overrides = {name: value for name, value in settings.items() if name != "tv_weight"}
    kernel = method(development.task, **overrides).estimate_kernel(development.observation)
    present = float(np.asarray(settings["tv_weight"]))
    place = min(range(len(WEIGHTS)), key=lambda i: abs(WEIGHTS[i] - present))
    scores: dict[int, float] = {}
    while True:  # climb: the score has one maximum over the weight
        for i in (place - 1, place, place + 1):
            if 0 <= i < len(WEIGHTS) and i not in scores:
                prior = method(development.task, **overrides, tv_weight=WEIGHTS[i])
                restored = prior.restore(development.observation, kernel)
                scores[i] = float(development.psnr(restored).mean())
        best = max(scores, key=lambda i: scores[i])
        if best == place:
            return scores[best], {**settings, "tv_weight": WEIGHTS[best]}
        place = best


def moved(settings: Mapping[str, Value], name: str, factor: float) -> dict[str, Value] | None:
    """Return the settings with one parameter scaled, or None where that changes nothing."""
    names = ("beta_start", "beta_max") if name == "beta" else (name,)
    new = dict(settings)
    for each in names:
        value = settings.get(each)
        if not isinstance(value, (int, float)) or value == 0:
            return None
        new[each] = max(round(value * factor), 2) if each in WHOLE else float(f"{value * factor:g}")
    return None if new == settings else new


def search(
    method: type[OctavePrior],
    development: DevelopmentPairs,
    start: Mapping[str, Value],
    names: list[str],
    keep: Any = lambda settings: None,
    seconds: float = float("inf"),
) -> dict[str, Value]:
    """Walk once along each parameter, keeping what is better; return the best settings.

    Parameters
    ----------
    method : type
        The method to tune.
    development : DevelopmentPairs
    start : dict of str to float
        Complete settings.
    names : list of str
        Keys of ``STEPS``; those the method does not use (0 or absent) are skipped.
    keep : callable
        Called with every new best settings.
    seconds : float
        No evaluation is started after so many.
    """
    stop = time.monotonic() + seconds
    before = float(development.psnr(development.observation).mean())
    best, settings = evaluate(method, development, start)
    print(f"blurry {before:.2f} dB, start {best:.2f} dB", flush=True)
    for name in names:
        for factor in (STEPS[name], 1 / STEPS[name]):
            improved = False
            while time.monotonic() < stop and (candidate := moved(settings, name, factor)):
                score, candidate = evaluate(method, development, candidate)
                shown = "beta_start" if name == "beta" else name
                print(f"  {name} = {candidate[shown]:g}: {score:.2f} dB", flush=True)
                if score <= best:
                    break
                best, settings, improved = score, candidate, True
                keep(settings)
            if improved:
                break
    print(f"{best:.2f} dB with {settings}", flush=True)
    return settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--method", required=True, choices=("l0", "dp", "ep", "oh", "df"))
    parser.add_argument(
        "--dataset",
        required=True,
        choices=("svhn", "svhn-sharp", "shoes", "celeba", "natural", "free"),
    )
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--parameters", nargs="*", choices=list(STEPS), default=list(STEPS))
    parser.add_argument("--minutes", type=float, default=float("inf"))


def run(options: argparse.Namespace) -> int:
    """Tune one method for one class."""
    method = METHODS.load(options.method)
    assert issubclass(method, OctavePrior)
    development = development_pairs(options.dataset, options.images)
    start = method.tuned(development.task)

    def keep(settings: Mapping[str, Value]) -> None:
        store(options.method, options.dataset.removesuffix("-sharp"), settings)

    search(method, development, start, options.parameters, keep, 60 * options.minutes)
    session().close()
    return 0


def store(method: str, name: str, settings: Mapping[str, Value]) -> None:
    """Write what differs from the method's default values as its part for a class."""
    sections = read_toml(PARAMETERS)  # another class may have been written
    default = {**sections["default"], **sections[method]["default"]}
    sections[method][name] = {
        key: value
        for key, value in settings.items()
        if default[key] != value and key not in LEARNED
    }
    lines = PARAMETERS.read_text("utf-8").splitlines()
    comment = "\n".join(line for line in lines if line.startswith("#"))
    write_atomically(PARAMETERS, f"{comment}\n\n{_text(sections)}")


def _text(sections: Mapping[str, Any]) -> str:
    parts = []
    for name, section in sections.items():
        tables = (
            {name: section} if name == "default" else {f"{name}.{k}": v for k, v in section.items()}
        )
        for title, values in tables.items():
            parts.append(f"[{title}]\n" + "".join(f"{k} = {v!r}\n" for k, v in values.items()))
    return "\n".join(parts)
