"""What the gate holds every method and every piece against: one table, a line each.

The file is ``results/reference.csv``; a link makes it part of the package, so that an installed
copy has it too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import pandas as pd

from bench.errors import BenchError
from bench.files import write_atomically

REFERENCE = Path(__file__).with_name("reference.csv").resolve()
COLUMNS = ["part", "name", "on", "tolerance", "values"]
Part = Literal["piece", "quick", "full"]
Key = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of the reference.

    Attributes
    ----------
    part : {"piece", "quick", "full"}
        A piece, or a whole method that is always checked, or only with ``--full``. Edit it in the
        file to move a line; an update keeps it.
    name : str
        Of the piece or the method.
    on : str
        The piece's quantity, or the data set.
    tolerance : float
        Relative for a piece, in dB for a method. An update keeps it.
    values : tuple of float
        The quantity's digest, or the PSNR of each image in dB.
    """

    part: Part
    name: str
    on: str
    tolerance: float
    values: tuple[float, ...]

    @property
    def key(self) -> Key:
        """What names the line: no two have the same."""
        return self.name, self.on


def read(path: Path = REFERENCE) -> dict[Key, Line]:
    """Read the reference.

    Raises
    ------
    BenchError
        If it is missing or is no reference.
    """
    if not path.is_file():
        raise BenchError(
            f"There is no reference at {path}; 'python -m bench check --update' makes it."
        )
    try:
        frame = pd.read_csv(path, dtype={"values": str})[COLUMNS]
        lines = [
            Line(part, name, on, float(tolerance), tuple(map(float, values.split())))
            for part, name, on, tolerance, values in frame.itertuples(index=False, name=None)
        ]
    except (KeyError, ValueError, AttributeError) as error:
        raise BenchError(
            f"{path} is no reference of the gate ({error}); 'python -m bench check --update' "
            "writes it again."
        ) from error
    return {line.key: line for line in lines}


def write(lines: Iterable[Line], path: Path = REFERENCE) -> None:
    """Write the reference: pieces by name, then methods by data set."""
    rows = [
        (
            line.part,
            line.name,
            line.on,
            f"{line.tolerance:g}",
            " ".join(f"{value:.8g}" for value in line.values),
        )
        for line in sorted(lines, key=_place)
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    write_atomically(path, frame.to_csv(index=False, lineterminator="\n"))


def _place(line: Line) -> tuple[bool, str, str]:
    return (False, *line.key) if line.part == "piece" else (True, line.on, line.name)
