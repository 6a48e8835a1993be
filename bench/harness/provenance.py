"""Where a result came from: command, commit, versions, machine, threads, seeds, checksums."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import platform
import secrets
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

import bench
from bench import checkout
from bench.errors import InvalidInput
from bench.files import write_atomically
from bench.harness import timing

PACKAGES = ("torch", "numpy", "scipy", "scikit-image", "opencv-python", "pandas", "oct2py")


def collect(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Describe this run.

    Parameters
    ----------
    settings : Mapping
        What the command resolved to: methods, datasets, conditions, workers, threads.

    Returns
    -------
    dict
        Plain values that JSON holds; ``invocation`` is the name by which cells refer to it.
    """
    return {
        "invocation": secrets.token_hex(8),
        "command": " ".join(["python -m bench", *sys.argv[1:]]),
        "started": _now(),
        "finished": None,
        "bench": bench.__version__,
        **_commit(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "octave": _octave(),
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": processor(),
            "cores": psutil.cpu_count(),
            "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
            "load_at_start": timing.load(),
            "calibration_seconds": round(timing.calibrate(), 5),
        },
        **settings,
    }


def begin(folder: Path, entry: Mapping[str, Any], invocations: Mapping[str, int]) -> None:
    """Add a run to a folder's ``provenance.json``, the file that lists all its runs.

    A folder whose store has cells of others, ``invocations``, is refused, as :func:`check` says.

    It is written before the work, so that cells of a run that is killed have an origin too; such
    an entry keeps ``"finished": null``. A damaged file is set aside as ``provenance.json.damaged``
    with a notice: nothing of it is thrown away, and it must not keep a folder from being used.
    """
    check(folder, invocations)
    write(folder, [*_entries(folder / "provenance.json"), entry])


def finish(folder: Path, entry: Mapping[str, Any]) -> None:
    """Enter the time at which a run that was begun has ended."""
    others = _entries(folder / "provenance.json")
    place = next(
        (n for n, other in enumerate(others) if other.get("invocation") == entry["invocation"]),
        len(others),
    )
    write(folder, [*others[:place], {**entry, "finished": _now()}, *others[place + 1 :]])


def check(folder: Path, invocations: Mapping[str, int]) -> None:
    """Refuse a folder whose store knows more than its other files.

    Whoever takes ``scores.csv`` and ``provenance.json`` back, by git say, and leaves the store,
    which git ignores, would find in the next table what was taken back.

    Parameters
    ----------
    folder : Path
    invocations : mapping of str to int
        How many cells its store has of which run.

    Raises
    ------
    InvalidInput
        If it has some of a run that ``provenance.json`` does not list. A file that is not there or
        was set aside as damaged cannot tell.
    """
    path = folder / "provenance.json"
    if not path.exists() or [*folder.glob(f"{path.name}.damaged*")]:
        return
    try:
        listed = {entry.get("invocation") for entry in _parsed(path)}
    except (ValueError, RecursionError):
        return
    strange = {name: count for name, count in invocations.items() if name not in listed}
    if strange:
        raise InvalidInput(
            f"{folder / 'cells.sqlite'} holds {sum(strange.values())} cells of runs that "
            f"{path.name} does not list, {min(strange)} for one: the folder was taken back to an "
            "earlier state, by git perhaps, and the store was not. Remove cells.sqlite to go on "
            f"with what scores.csv has, or bring the later scores.csv and {path.name} back."
        )


def combined(*folders: Path) -> list[Any]:
    """Return the runs of several folders, each once, in the order in which they started.

    Raises
    ------
    InvalidInput
        If a ``provenance.json`` does not list runs: a merge must not lose where rows are from.
    """
    runs: dict[str, Any] = {}
    for folder in folders:
        path = folder / "provenance.json"
        if path.exists():
            try:
                entries = _parsed(path)
            except (ValueError, RecursionError) as error:
                raise InvalidInput(
                    f"{path} is damaged ({error}); restore it, or move it away to merge without "
                    "what it says."
                ) from error
            runs |= {json.dumps(entry, sort_keys=True): entry for entry in entries}
    return sorted(runs.values(), key=lambda entry: str(entry.get("started", "")))


def write(folder: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """Write the runs of a folder in place of those that it lists."""
    content = json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
    write_atomically(folder / "provenance.json", content.encode(errors="backslashreplace"))


def _entries(path: Path) -> list[Any]:
    """Read the runs so far; a file that does not list them is set aside, not lost."""
    if not path.exists():
        return []
    try:
        return _parsed(path)
    except (ValueError, RecursionError) as error:
        reason = str(error)
    names = (path.with_name(f"{path.name}.damaged{n}") for n in ("", *range(2, 1000)))
    aside = next(name for name in names if not name.exists())
    path.rename(aside)
    print(
        f"bench: {path} is damaged ({reason}); it is kept as {aside.name} and begun again.",
        file=sys.stderr,
    )
    return []


def _parsed(path: Path) -> list[Any]:
    entries = json.loads(path.read_text(encoding="utf-8"))
    if isinstance(entries, list) and all(isinstance(entry, dict) for entry in entries):
        return entries
    raise ValueError("it is no list of runs")


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _commit() -> dict[str, Any]:
    """Return the commit of the checkout this package runs from, and whether files differ from
    it."""
    head = checkout.head()
    return {"commit": head, "uncommitted_changes": checkout.changed() if head else None}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _octave() -> str | None:
    octave = shutil.which("octave-cli") or shutil.which("octave")
    return (
        (checkout.output(octave, "--version") or "").partition("\n")[0] or None if octave else None
    )


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")
