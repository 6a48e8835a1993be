"""Figures that look the same everywhere, whatever the user's matplotlibrc says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def plain_figures() -> Iterator[None]:
    """Draw with Matplotlib's own defaults; a context or, called, a decorator.

    A ``matplotlibrc`` may ask for LaTeX or fonts that are not here, and reports would differ from
    one user to the next.
    """
    import matplotlib  # half a second that only drawing needs

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield
