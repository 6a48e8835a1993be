"""What the figures of curves share: one legend below all panels, and files without a date."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SALT = "bench"
"""Seeds the identifiers in SVG files, which would otherwise differ at every writing."""


def encode(figure: Figure, panels: Iterable[Axes], columns: int, suffix: str) -> bytes:
    """Put the legend of all panels below them and write the figure, always the same bytes.

    Parameters
    ----------
    figure : Figure
    panels : iterable of Axes
        A curve that several of them have is named once.
    columns : int
        Of the legend.
    suffix : {"png", "svg"}
    """
    import matplotlib

    handles = {h.get_label(): h for axis in panels for h in axis.get_legend_handles_labels()[0]}
    figure.legend(
        handles=list(handles.values()),
        loc="outside lower center",
        ncols=columns,
        fontsize=7,
        handlelength=3.5,
    )
    buffer = io.BytesIO()
    metadata: dict[str, Any] = {"Date": None} if suffix == "svg" else {"Software": None}
    with matplotlib.rc_context({"svg.hashsalt": SALT, "svg.fonttype": "none"}):
        figure.savefig(buffer, format=suffix, dpi=130, metadata=metadata)
    return buffer.getvalue()
