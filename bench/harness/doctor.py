"""Check what a benchmark needs and say what to do about what is missing."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench import text
from bench.errors import BenchError
from bench.harness import interview
from bench.harness.guests import dataset_class
from bench.harness.runner import available_cores
from bench.protocol import Status, Task
from bench.registry import DATASETS, METHODS

PACKAGES = {
    "torch": "torch",
    "numpy": "numpy",
    "scipy": "scipy",
    "opencv-python": "cv2",
    "scikit-image": "skimage",
    "pandas": "pandas",
    "tabulate": "tabulate",
    "oct2py": "oct2py",
    "tqdm": "tqdm",
    "pooch": "pooch",
    "safetensors": "safetensors",
    "matplotlib": "matplotlib",
}
FREE_GIB = 2.0
PROBES = (
    Task("svhn", (32, 32)),
    *(Task(image_class, (64, 64)) for image_class in ("shoes", "celeba", "natural")),
    Task("natural", (255, 255), 1, boundary="free"),  # as Levin's photographs are
)


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    area : {"package", "program", "dataset", "method", "machine"}
    name : str
    ok : bool
    essential : bool
        Whether nothing works without it.
    detail : str
        What was found, or what to do.
    loaded : bool
        False for a plugin that cannot even be imported.
    """

    area: str
    name: str
    ok: bool
    essential: bool
    detail: str
    loaded: bool = True


def examine(folder: Path) -> Iterator[Finding]:
    """Look at packages, Octave, data, methods (their weights) and the machine."""
    yield from _packages()
    yield _octave()
    yield from datasets()
    yield from methods()
    yield from _machine(folder)


def _packages() -> Iterator[Finding]:
    for package, module in PACKAGES.items():
        if importlib.util.find_spec(module) is None:
            advice = f"not installed; run: python -m pip install {package}"
            yield Finding("package", package, False, True, advice)
            continue
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:  # another distribution brings the module
            version = "of another distribution"
        yield Finding("package", package, True, True, version)


def _octave() -> Finding:
    program = shutil.which("octave-cli") or shutil.which("octave")
    advice = "run: apt-get install octave (the engineered priors need it, nothing else does)"
    if program is None:
        return Finding("program", "octave", False, False, f"not on PATH; {advice}")
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        return Finding("program", "octave", False, False, f"does not start ({error}); {advice}")
    return Finding("program", "octave", True, False, answer.stdout.partition("\n")[0])


def datasets() -> Iterator[Finding]:
    for name in DATASETS.names():
        try:
            place = dataset_class(name).location()
        except BenchError as error:
            yield Finding("dataset", name, False, False, text.legible(str(error)), loaded=False)
            continue
        detail = place.path if place.found else f"not at {place.path}. {place.how_to_get}"
        yield Finding("dataset", name, place.found, False, detail)
    for entry, advice in DATASETS.collisions.items():
        yield Finding("dataset", entry.name, False, False, advice, loaded=False)


def methods() -> Iterator[Finding]:
    """A method is ready if it is for some class of image."""
    for name in METHODS.names():
        verdict = judge(name)
        if verdict.status:
            yield Finding("method", name, False, False, verdict.reason)
            continue
        count = len(verdict.assets)
        detail = f"ready, with {count} files of its own" if count else "ready"
        yield Finding("method", name, True, False, detail)
    for entry, advice in METHODS.collisions.items():
        yield Finding("method", entry.name, False, False, advice, loaded=False)


def judge(name: str) -> interview.Verdict:
    """Ask a method about images of every class: whether it can do one, else what it lacks."""
    given: Iterable[interview.Verdict]
    if METHODS.entries[name].origin == "bench":
        given = (interview.consult(name, {}, [task])[0] for task in PROBES)
    else:  # a process for each question would be many
        given = interview.consult(name, {}, PROBES)
    refusals = []
    for verdict in given:
        if not verdict.status:
            return verdict
        refusals.append(verdict)
    lacking = (found for found in refusals if found.status == Status.UNAVAILABLE)
    return next(lacking, refusals[0])


def _machine(folder: Path) -> Iterator[Finding]:
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free / 2**30
    detail = f"{free:.1f} GiB free at {existing}"
    if free < FREE_GIB:
        detail += f"; make room for {FREE_GIB:g} GiB or choose another place with --output"
    yield Finding("machine", "disk", free >= FREE_GIB, False, detail)
    yield Finding("machine", "cores", True, False, f"{available_cores()} usable")
