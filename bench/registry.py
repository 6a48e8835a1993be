"""Names of methods, datasets and kernel sources, and where to find them.

Entries are lazy: a name and ``package.module:Class``, imported when used. The project's own are
listed in ``methods/catalog.py``, ``datasets/catalog.py`` and ``datasets/kernel_catalog.py``; anyone
else's come from the entry point groups ``bench.methods``, ``bench.datasets`` and ``bench.kernels``
of installed packages.
"""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import fnmatch
import functools
import importlib
import importlib.metadata
import importlib.resources
import json
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from bench import text
from bench.errors import BenchError, Unavailable, UnknownName
from bench.isolation import contained
from bench.protocol import Dataset, KernelSource, MethodBase

T = TypeVar("T")

HERE = "this session"
"""Origin of what was registered in this process."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A registered name.

    Attributes
    ----------
    name : str
    target : str
        ``package.module:Class``.
    origin : str
        ``bench`` for the project's own, else the distribution that brought it.
    """

    name: str
    target: str
    origin: str = "bench"


class Registry(Generic[T]):
    """Lazy mapping from names to classes.

    Parameters
    ----------
    noun : str
        ``method`` or ``dataset``, for messages.
    base : type
        What every entry must be a subclass of.
    catalog : str
        Module whose ``CATALOG`` maps the project's own names to targets.
    group : str
        Entry point group of third parties.
    """

    def __init__(self, noun: str, base: type[T], catalog: str, group: str) -> None:
        self.noun, self.base, self.catalog, self.group = noun, base, catalog, group
        self._here: dict[str, type[T]] = {}

    @functools.cached_property
    def entries(self) -> dict[str, Entry]:
        """All entries by name, the project's own first."""
        own = importlib.import_module(self.catalog).CATALOG
        entries = {name: Entry(name, target) for name, target in own.items()}
        for entry in self._third_parties():
            entries.setdefault(entry.name, entry)
        return entries

    @functools.cached_property
    def described(self) -> dict[str, dict[str, Any]]:
        """What the project's own say of themselves, by name, read without importing them.

        It stands in ``described.json`` next to the catalogue; a test holds it against the classes.
        """
        package = importlib.resources.files(self.catalog.rpartition(".")[0])
        return json.loads(package.joinpath("described.json").read_text("utf-8"))

    @property
    def collisions(self) -> dict[Entry, str]:
        """Third parties' entries whose name is another's, and what to do about each."""
        return {
            entry: f"The {self.noun} name {entry.name!r} of {entry.origin} is already taken by "
            f"{self.entries[entry.name].origin}; rename its entry point or uninstall "
            f"{entry.origin}."
            for entry in self._third_parties()
            if self.entries[entry.name] != entry
        }

    def _third_parties(self) -> list[Entry]:
        points = importlib.metadata.entry_points(group=self.group)
        found = [
            Entry(point.name, point.value, point.dist.name if point.dist else "unknown")
            for point in points
        ]
        return sorted(found, key=lambda entry: entry.origin)  # whichever path came first

    def register(self, name: str) -> Callable[[type[T]], type[T]]:
        """Register a class of this session under a name, as a decorator.

        It is for notebooks and scripts: what it computes is computed in this process, one cell
        after the other and without a time limit. Others' code is found by its entry point.

        Raises
        ------
        BenchError
            If the name is taken, or the class is not of the right kind.

        Examples
        --------
        >>> from bench import METHODS
        >>> from bench.protocol import Method, Restoration
        >>> @METHODS.register("grey")
        ... class Grey(Method):
        ...     def deblur(self, observation):
        ...         return Restoration(observation * 0 + 0.5)
        >>> METHODS.load("grey") is Grey
        True
        >>> METHODS.forget("grey")
        """

        def enter(cls: type[T]) -> type[T]:
            if name in self.entries:
                raise BenchError(
                    f"The {self.noun} name {name!r} is taken by {self.entries[name].origin}; "
                    "choose another."
                )
            if not (isinstance(cls, type) and issubclass(cls, self.base)):
                raise BenchError(f"{cls!r} is no subclass of {self.base.__name__}.")
            self.entries[name] = Entry(name, f"{cls.__module__}:{cls.__qualname__}", HERE)
            self._here[name] = cls
            return cls

        return enter

    def forget(self, name: str) -> None:
        """Take back what :meth:`register` entered."""
        if self._here.pop(name, None) is not None:
            del self.entries[name]

    def names(self, pattern: str = "*") -> list[str]:
        """Return the names that match a shell pattern, in the order of registration."""
        return [name for name in self.entries if fnmatch.fnmatch(name, pattern)]

    def select(self, patterns: str) -> list[str]:
        """Expand a comma-separated list of names and patterns.

        Raises
        ------
        UnknownName
            If a part matches nothing; the message names the nearest known names.
        """
        chosen: dict[str, None] = {}
        for pattern in (part.strip() for part in patterns.split(",")):
            if not pattern:
                continue
            matches = [pattern] if self._opener(pattern) else self.names(pattern)
            if not matches:
                raise UnknownName(self._unknown(pattern))
            chosen.update(dict.fromkeys(matches))
        if not chosen:
            raise UnknownName(f"No {self.noun} was named; 'python -m bench list' shows them.")
        return list(chosen)

    def load(self, name: str) -> type[T]:
        """Import and return the class behind a name.

        Raises
        ------
        UnknownName
            With the nearest known names.
        Unavailable
            If its module cannot be imported.
        BenchError
            If what is there is not a class of the right kind, or has another name.
        """
        if opener := self._opener(name):
            module, _, function = opener.partition(":")
            return getattr(importlib.import_module(module), function)(name)
        entry = self.entry(name)
        if name in self._here:
            return self._here[name]
        try:
            with contextlib.nullcontext() if entry.origin == "bench" else contained():
                module, _, attribute = entry.target.partition(":")
                target: Any = importlib.import_module(module)
                for part in attribute.split("."):
                    target = getattr(target, part)
        except Exception as error:  # a third party's module may raise anything on import
            raise Unavailable(
                f"The {self.noun} {name!r} of {entry.origin} cannot be imported from "
                f"{entry.target}: {text.describe(error)}."
            ) from error
        if not (isinstance(target, type) and issubclass(target, self.base)):
            raise BenchError(
                f"The {self.noun} {name!r} of {entry.origin} is {entry.target}, "
                f"which is no subclass of {self.base.__module__}.{self.base.__name__}."
            )
        if "name" in self.base.__annotations__ and getattr(target, "name", None) != name:
            raise BenchError(
                f"The {self.noun} {name!r} of {entry.origin} calls itself "
                f"{getattr(target, 'name', None)!r}: set `name = {name!r}` in {entry.target}."
            )
        return target

    def with_options(self, names: Sequence[str], options: Mapping[str, object]) -> list[str]:
        """Add options to names ``KIND:PLACE``; those that a name has itself win.

        Raises
        ------
        BenchError
            If options are given and none of the names takes any.
        """
        given = {key: value for key, value in options.items() if value is not None}
        if given and not any(self._opener(name) for name in names):
            raise BenchError(
                f"--{next(iter(given))} is for {self.noun}s of your own, such as folder:PATH; "
                f"{names[0]} has its own."
            )
        return [_merged(name, given) if self._opener(name) else name for name in names]

    def _opener(self, name: str) -> str | None:
        """Return what opens a name ``KIND:PLACE``, such as ``folder:pictures``; None for other
        names."""
        kind, colon, _ = name.partition(":")
        schemes = getattr(importlib.import_module(self.catalog), "SCHEMES", {})
        return schemes.get(kind) if colon else None

    def entry(self, name: str) -> Entry:
        """Return the entry of a name, or raise ``UnknownName`` with the nearest known names."""
        if name not in self.entries:
            raise UnknownName(self._unknown(name))
        return self.entries[name]

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, self.entries, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "nothing is near it."
        return f"There is no {self.noun} {name!r}; {hint} 'python -m bench list' shows them all."


def parse_label(label: str) -> tuple[str, dict[str, str]]:
    """Split a label ``name[key=value,…]``, as tables show it, into name and parameters."""
    name, _, inner = label.partition("[")
    pairs = (part.partition("=") for part in inner.removesuffix("]").split(",") if part)
    return name, {key: value for key, _, value in pairs}


def _merged(name: str, options: Mapping[str, object]) -> str:
    place, _, query = name.partition("?")
    merged = {**options, **dict(urllib.parse.parse_qsl(query))}
    return f"{place}?{urllib.parse.urlencode(merged, safe=':/')}" if merged else place


METHODS: Registry[MethodBase] = Registry(
    "method", MethodBase, "bench.methods.catalog", "bench.methods"
)
DATASETS: Registry[Dataset] = Registry(
    "dataset",
    Dataset,  # type: ignore[type-abstract]
    "bench.datasets.catalog",
    "bench.datasets",
)
KERNELS: Registry[KernelSource] = Registry(
    "kernel source",
    KernelSource,  # type: ignore[type-abstract]
    "bench.datasets.kernel_catalog",
    "bench.kernels",
)
