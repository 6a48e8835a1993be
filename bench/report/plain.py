"""Figures that look the same everywhere, at the width of a paper's column or page.

Lines of a panel differ in colour (Okabe and Ito's, which survive colour blindness), in dash and in
marker, so that grey tells them apart as well.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMN, PAGE = 3.5, 7.16
"""Inches: one column and two of a journal."""
MOST_LINES = 7
"""Lines in a panel; what is more goes into another."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5a3c")
DASHES = ("solid", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)), (0, (9, 2)),
          (0, (3, 1, 1.2, 1, 1.2, 1)), (0, (2.5, 2.5)))  # fmt: skip
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
REFERENCE = {"color": "0.45", "linestyle": (0, (1, 2)), "marker": ""}
"""Look of what everything is seen against: the observation itself."""
SUFFIXES = ("png", "svg", "pdf")
SALT = "bench"
"""Seeds the identifiers in SVG files, which would otherwise differ at every writing."""
NO_DATE: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}


@contextlib.contextmanager
def plain_figures() -> Iterator[None]:
    """Draw with Matplotlib's own defaults; a context or, called, a decorator.

    A ``matplotlibrc`` may ask for LaTeX or fonts that are not here, and reports would differ from
    one user to the next.
    """
    import matplotlib  # half a second that only drawing needs

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.size": 7,
                "axes.titlesize": 7.5,
                "axes.linewidth": 0.6,
                "legend.fontsize": 6.5,
                "legend.frameon": False,
                "svg.hashsalt": SALT,
                "svg.fonttype": "none",
                "pdf.fonttype": 42,
            }
        )
        yield


def look(position: int) -> dict[str, Any]:
    """Colour, dash and marker of the line at a position of a panel."""
    place = position % MOST_LINES
    return {"color": COLOURS[place], "linestyle": DASHES[place], "marker": MARKERS[place]}


def broken(name: str, width: int) -> str:
    """Break a name into lines for a legend or a heading; between a parameter and its value too."""
    lines = textwrap.wrap(name.replace("=", "= "), width, break_long_words=False)
    return "\n".join(line.replace("= ", "=") for line in lines)


def shares(names: Sequence[str], most: int) -> list[list[str]]:
    """Cut names into as few groups as hold no more than ``most``, of about equal size.

    Examples
    --------
    >>> shares(["a", "b", "c", "d"], 3)
    [['a', 'b'], ['c', 'd']]
    """
    count = max(1, -(-len(names) // most))
    ends = [round(len(names) * i / count) for i in range(count + 1)]
    return [[*names[a:b]] for a, b in itertools.pairwise(ends)]


def save(figure: Figure, folder: Path, stem: str, dpi: int = 200) -> list[Path]:
    """Write a figure as PNG, SVG and PDF, always the same bytes."""
    paths = []
    for suffix in SUFFIXES:
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix, dpi=dpi, metadata=NO_DATE[suffix])
        paths.append(folder / f"{stem}.{suffix}")
        write_atomically(paths[-1], buffer.getvalue())
    return paths
