"""What harmful plugins are made of, and one run of all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from tests.conftest import Bench


@dataclasses.dataclass(frozen=True)
class Kind:
    """A harmful class: where it is, what becomes of its cells, and words of the reason.

    ``status`` is that of its cells; "left out" if a data set has none.
    """

    target: str
    status: str = "failed"
    words: str = ""


@dataclasses.dataclass(frozen=True)
class Run:
    """What one run left."""

    code: int
    stdout: str
    stderr: str
    frame: pd.DataFrame

    def rows(self, column: str, value: str) -> pd.DataFrame:
        """Rows of a method or a data set."""
        return self.frame[self.frame[column] == value]


def install(folder: Path, name: str, methods: dict[str, str], group: str = "methods") -> None:
    """Make a distribution that registers methods, or something else, in a folder."""
    info = folder / f"{name}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    lines = [f"{key} = {target}" for key, target in methods.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[bench.{group}]", *lines]))


def run(
    folder: Path, modules: Mapping[str, str], arguments: Mapping[str, str], **environment: str
) -> Run:
    """Run what was installed in a folder, whose modules are written there first.

    Parameters
    ----------
    folder : Path
    modules : mapping
        Source by name.
    arguments : mapping
        Options of the command, without their dashes.
    **environment
    """
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    options = [part for key, value in arguments.items() for part in (f"--{key}", value)]
    limits = ("--images", "2", "--time-limit", "6", "--output", "out", "--quiet")
    done = Bench(folder, folder)("run", *options, *limits, **environment)
    path = folder / "out" / "scores.csv"
    frame = pd.read_csv(path, keep_default_na=False) if path.exists() else pd.DataFrame()
    return Run(done.returncode, done.stdout, done.stderr, frame)
