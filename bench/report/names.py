"""What methods are called, and in which order they are shown."""

from __future__ import annotations

from collections.abc import Mapping

from bench.errors import BenchError
from bench.harness import interview
from bench.harness.score_table import printable
from bench.registry import METHODS, parse_label

KIND_NOTES = {
    "oracle": "oracle: is given the truth",
    "replay": "replay: the authors' own outputs",
}
KIND_RANKS = {"method": 0, "replay": 1, "oracle": 2}


def method_order(kinds: Mapping[str, str]) -> list[str]:
    """Sort methods for display: the registry's order, then replays, then oracles.

    Parameters
    ----------
    kinds : Mapping
        From a method's label (``dd[preset=published]``) to its kind.
    """
    known = {name: position for position, name in enumerate(METHODS.names())}

    def key(label: str) -> tuple[int, int, str]:
        name = label.partition("[")[0]
        return KIND_RANKS.get(kinds[label], 0), known.get(name, len(known)), label

    return sorted(kinds, key=key)


def title(label: str) -> str:
    """Return the full name of a method, with the parameters that were set; "" if it has none.

    Examples
    --------
    >>> title("dp")
    'Dark channel prior'
    >>> title("dd[preset=published]")
    'Deep Deblur, preset=published'
    >>> title("somebody-else's")
    ''
    """
    name, _, parameters = label.partition("[")
    if name not in METHODS.entries:
        return ""
    try:
        found = interview.introduce(name).title
    except BenchError:  # a table outlives the plugin that brought its method
        return ""
    return f"{found}, {parameters.rstrip(']')}" if found and parameters else found


def full_name(label: str) -> str:
    """Return a method's full name with the short one in brackets, or the short one alone.

    Examples
    --------
    >>> full_name("dp")
    'Dark channel prior (dp)'
    """
    found = title(label)
    return f"{found} ({label.partition('[')[0]})" if found else label


def prior_information(label: str, kind: str, origin: str = "") -> str:
    """Say what a method starts from: the parts of the task that it uses and its training data.

    Parameters
    ----------
    label, kind : str
    origin : str
        Where the restorations were made, for those of no registered method.
    """
    if kind in KIND_NOTES:
        return KIND_NOTES[kind]
    if parse_label(label)[0] not in METHODS.entries:  # restored elsewhere, or a plugin that is gone
        return f"origin: {origin}" if origin else "?"
    try:
        return interview.knowledge(label)
    except BenchError:
        return "?"


def escape(text: str) -> str:
    """Write a text so that Markdown shows it, in one cell of a table, as it is.

    Examples
    --------
    >>> print(escape("a|b <i>"))
    a\\|b &lt;i>
    """
    return printable(str(text)).replace("|", r"\|").replace("<", "&lt;")


def code(text: str) -> str:
    """Set a name as code; a backtick would end it, and nothing else means anything there."""
    return "`" + printable(text).replace("`", "'") + "`"


def plain(markdown: str) -> str:
    """Take the few marks of Markdown that sentences use out of a text.

    Examples
    --------
    >>> plain("`dp` is **implausible**: a&lt;b")
    'dp is implausible: a<b'
    """
    text = printable(markdown).replace("`", "").replace("**", "")
    return text.replace("&lt;", "<").replace(r"\|", "|")
