"""Where a run is computed, as a file says it: ``--parallel-config``.

The grammar is that of benchopt: ``backend``, ``dask_address``, and ``slurm_*`` keys for submitit;
``methods`` says what single methods need besides.
"""

from __future__ import annotations

import dataclasses
import datetime
import difflib
import fnmatch
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import InvalidInput, Unavailable
from bench.files import open_file
from bench.harness.executors.base import Executor
from bench.harness.executors.local import LocalExecutor

BACKENDS = ("local", "dask", "submitit")
KEYS = ("backend", "dask_address", "slurm_*", "methods")
ARRAY_PARALLELISM = 256
"""Jobs of an array that run at a time, unless ``slurm_array_parallelism`` says another number."""
GIB = 2**30


@dataclasses.dataclass(frozen=True)
class Parallel:
    """Where a run is computed.

    Attributes
    ----------
    backend : {"local", "dask", "submitit"}
    address : str or None
        Of a running Dask scheduler.
    slurm : Mapping
        Parameters of submitit.
    methods : Mapping
        By a method's name or pattern: ``gpu`` (how many), ``memory`` (GiB), ``slurm_*``.
    """

    backend: str = "local"
    address: str | None = None
    slurm: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    methods: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)

    def open(self, count: int, folder: Path) -> Executor:
        """Open what computes.

        Parameters
        ----------
        count : int
            Workers on this machine.
        folder : Path
            Results folder, in which jobs and their logs go into a folder of their own.

        Raises
        ------
        Unavailable, ProcessError
            If the engine is not installed or not reached.
        """
        if self.backend == "dask":
            from bench.harness.executors.dask import DaskExecutor

            return DaskExecutor(self.address, count, self.resources)
        if self.backend == "submitit":
            from bench.harness.executors.submitit import SubmititExecutor

            return SubmititExecutor(folder / "jobs", count, self.parameters)
        return LocalExecutor(count)

    def resources(self, label: str) -> dict[str, float]:
        """Return what Dask has to reserve for a method."""
        needs = self._needs(label)
        found = {"GPU": float(needs["gpu"])} if "gpu" in needs else {}
        return {**found, **({"MEMORY": needs["memory"] * GIB} if "memory" in needs else {})}

    def parameters(self, label: str) -> dict[str, Any]:
        """Return what submitit has to ask for a method."""
        needs = self._needs(label)
        general = {"gpu": "gpus_per_node", "memory": "mem_gb"}
        return {
            "slurm_array_parallelism": ARRAY_PARALLELISM,
            **self.slurm,
            **{general.get(key, key): value for key, value in needs.items()},
        }

    def _needs(self, label: str) -> dict[str, Any]:
        name = label.partition("[")[0]
        found: dict[str, Any] = {}
        for pattern, needs in self.methods.items():
            if pattern == label or fnmatch.fnmatch(name, pattern):
                found.update(needs)
        return found


def read(path: Path) -> Parallel:
    """Read a parallel configuration in YAML (``.yml``, ``.yaml``) or TOML (``.toml``).

    Raises
    ------
    InvalidInput
        If it is neither, or has a key or value that means nothing; the message names it.
    """
    with open_file(path, "parallel configuration") as file:
        content = file.read()
    try:
        values = _parse(path, content.decode())
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise InvalidInput(f"{path} holds no keys; write for instance 'backend: dask'.")
    return _checked(path, values)


def _parse(path: Path, content: str) -> Any:
    if path.suffix == ".toml":
        return tomllib.loads(content)
    try:
        import yaml
    except ImportError as error:
        raise Unavailable(
            f"Reading {path} needs PyYAML: python -m pip install pyyaml, or write TOML."
        ) from error

    class Loader(yaml.SafeLoader):
        """YAML, but ``10:30`` is a text: YAML 1.1 takes it for a number to the base 60."""

    Loader.yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:int"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?\d+$"), "-+0123456789")
    try:
        return yaml.load(content, Loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _checked(path: Path, values: Mapping[str, Any]) -> Parallel:
    backend = values.get("backend", "local")
    if backend not in BACKENDS:
        raise InvalidInput(f"{path}: backend is {backend!r}; it has to be {_either(BACKENDS)}.")
    for key in values:
        if key in ("backend", "methods"):
            continue
        if key.startswith("slurm_"):
            owner = "submitit"
        elif key == "dask_address":
            owner = "dask"
        else:
            near = difflib.get_close_matches(str(key), KEYS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(KEYS)}."
            raise InvalidInput(f"{path} has the unknown key {key!r}; {hint}")
        if backend != owner:
            raise InvalidInput(f"{path}: {key} is for the backend {owner}, not {backend}.")
    address = values.get("dask_address")
    if address is not None and not isinstance(address, str):
        raise InvalidInput(f"{path}: dask_address is {address!r}; write tcp://HOST:PORT.")
    slurm = {key: _time(value) for key, value in values.items() if str(key).startswith("slurm_")}
    return Parallel(backend, address, slurm, _methods(path, values.get("methods", {}), backend))


def _methods(path: Path, methods: Any, backend: str) -> dict[str, dict[str, Any]]:
    """Check what single methods need."""
    if not isinstance(methods, dict) or not all(isinstance(n, dict) for n in methods.values()):
        raise InvalidInput(f"{path}: methods is {methods!r}; write a name and below it its needs.")
    if methods and backend == "local":
        raise InvalidInput(
            f"{path}: methods says what a cluster has to reserve, and the backend local "
            "reserves nothing; leave it out."
        )
    checked: dict[str, dict[str, Any]] = {}
    for name, needs in methods.items():
        checked[str(name)] = {}
        for key, value in needs.items():
            number = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
            if key in ("gpu", "memory") and not number:
                raise InvalidInput(
                    f"{path}: {key} of {name} is {value!r}; write a positive number"
                    f"{' of GiB' * (key == 'memory')}."
                )
            if key not in ("gpu", "memory") and not (
                backend == "submitit" and str(key).startswith("slurm_")
            ):
                known = ["gpu", "memory", *(["slurm_*"] if backend == "submitit" else [])]
                raise InvalidInput(
                    f"{path}: {name} has the unknown key {key!r}; there are: {', '.join(known)}."
                )
            checked[str(name)][key] = _time(value)
    return checked


def _time(value: Any) -> Any:
    """Turn a time of TOML into the text that Slurm takes."""
    return value.isoformat() if isinstance(value, datetime.time) else value


def _either(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
