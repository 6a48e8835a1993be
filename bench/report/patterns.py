"""Choosing names by a pattern, where a name may itself hold what patterns are made of."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from fnmatch import fnmatchcase

from bench.errors import UnknownName


def choose(names: Iterable[str], pattern: str, noun: str) -> set[str]:
    """Return the names that a pattern means.

    A name that is written out is meant as it is, ``dd[preset=published]`` as well, although
    brackets have a meaning in patterns.

    Raises
    ------
    UnknownName
        If there is none, with the nearest names that there are.

    Examples
    --------
    >>> choose(["dd", "dd[preset=published]"], "dd[preset=published]", "method")
    {'dd[preset=published]'}
    >>> sorted(choose(["dd", "dds", "dp"], "dd*", "method"))
    ['dd', 'dds']
    """
    known = sorted(set(names))
    found = {pattern} & set(known) or {name for name in known if fnmatchcase(name, pattern)}
    if not found:
        near = difflib.get_close_matches(pattern, known, n=3, cutoff=0.5) or known[:12]
        raise UnknownName(
            f"There is no {noun} {pattern!r} here; there is {', '.join(map(repr, near))}."
            if near
            else f"There is no {noun} {pattern!r} here, nor any other."
        )
    return found
