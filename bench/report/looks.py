"""One colour and dash per method, the same in every figure and on the page.

A family has a colour, its variants (``dd-warm``, ``cnn-noise``) have dashes: what belongs together
looks alike, and a dozen colours are enough to be told apart.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

from bench.registry import METHODS
from bench.report.names import method_order

BASELINE = "blurry"
"""Doing nothing, which every method is seen against."""
COLOURS = (
    "#1f6fb2", "#c8501e", "#2b8a57", "#8a4fa8", "#b3841a",
    "#c23b6b", "#148c97", "#7a5a3c", "#5661c9", "#6d8b1f",
    "#a5342f", "#384b70",
)  # fmt: skip
"""Colours of families, on paper. On the page they are ``--series-0`` and so on."""
SHARED = {"other": "#8b939b", "replay": "#8f7f6a", "oracle": "#343a41"}
"""Colours of the baseline and of kinds that do not compete, which share one each."""
DASHES = 7
"""Kinds of lines of one colour; the page's style sheet and script say which."""


@dataclasses.dataclass(frozen=True)
class Look:
    """How a method is drawn.

    Attributes
    ----------
    colour : str
        Number of a family's colour, or a key of :data:`SHARED`.
    dash : int
        From 0 to :data:`DASHES` less one.
    """

    colour: str
    dash: int

    @property
    def paint(self) -> str:
        """The colour on paper, as ``#rrggbb``."""
        return palette()[self.colour]


def palette() -> dict[str, str]:
    """Every colour by its name in :attr:`Look.colour`."""
    return SHARED | {str(number): paint for number, paint in enumerate(COLOURS)}


def looks(kinds: Mapping[str, str]) -> dict[str, Look]:
    """Give every method its look, in the tables' order.

    Parameters
    ----------
    kinds : Mapping
        From a method's label (``dd[preset=published]``) to its kind.

    Returns
    -------
    dict of str to Look
        A registered method's look depends on the registry alone, not on who is shown next to it.
    """
    names = [name for name in METHODS.names() if name != BASELINE]
    labels = list(dict.fromkeys([*names, *method_order(kinds)]))
    numbers: dict[str, int] = {}
    places: dict[str, Look] = {}
    drawn = [0] * len(COLOURS)
    for label in labels:
        colour = numbers.setdefault(_family(label, names), len(numbers)) % len(COLOURS)
        places[label] = Look(str(colour), drawn[colour] % DASHES)
        drawn[colour] += 1
    found: dict[str, Look] = {}
    shared = dict.fromkeys(SHARED, 0)
    for label in method_order(kinds):
        group = "other" if label.partition("[")[0] == BASELINE else kinds[label]
        if group in SHARED:
            found[label] = Look(group, 2 if group == "other" else 1 + shared[group] % 3)
            shared[group] += 1
        else:
            found[label] = places[label]
    return found


def _family(label: str, names: Iterable[str]) -> str:
    """Return the registered method whose name the label continues, such as ``dd`` for ``dd-warm``.

    ``marginal-natural`` lies in another package than ``marginal`` and is no variant of it.
    """
    label = label.partition("[")[0]
    kin = (name for name in names if label.startswith(f"{name}-"))
    return next((name for name in kin if _package(label) in ("", _package(name))), label)


def _package(name: str) -> str:
    """Return the package of a method's class, "" if nobody registered the name."""
    entry = METHODS.entries.get(name)
    return entry.target.partition(":")[0].rpartition(".")[0] if entry else ""
