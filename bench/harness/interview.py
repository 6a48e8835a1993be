"""What classes of methods say of themselves; third parties' are asked in a process of their own.

The project's own classes are asked directly. Anyone else's may do anything when it is imported or
asked: raise, exit, sleep, answer nonsense, change the process. It costs that method's rows only.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any

from bench import text
from bench.errors import BenchError, Unavailable
from bench.harness.process import Child, Death
from bench.protocol import Knowledge, Method, MethodBase, Oracle, Replay, Status, Task
from bench.registry import HERE, METHODS, Entry, parse_label

TRUSTED = ("bench", HERE)
"""Origins of classes that are asked in this process."""
PATIENCE = 20.0
"""Seconds that a third party's class may take for each of its answers."""
LEAST_PATIENCE = 5.0
TRIES = 2
"""Processes in which a class is asked, if the first one dies."""
KINDS: tuple[tuple[type[MethodBase], str], ...] = (
    (Method, "method"),
    (Oracle, "oracle"),
    (Replay, "replay"),
)


@dataclasses.dataclass(frozen=True)
class Introduction:
    """What a reader of a table wants to know of a method.

    Attributes
    ----------
    kind : str
    title : str
        Full name; "" if it says none.
    knows : str
        Prior information and training data, as tables show them.
    reference : str
    boundaries : sequence of str
        Which it models.
    """

    kind: str = "method"
    title: str = ""
    knows: str = "?"
    reference: str = ""
    boundaries: Sequence[str] = ("circular", "free")


@dataclasses.dataclass(frozen=True)
class Description(Introduction):
    """What a method is, in plain values: all that a plan needs of its class.

    Attributes
    ----------
    version : str
    batch_size, device_batch_size : int
    parameters : sequence of str
    reads_data : bool
        Whether its processes are told where the data lie.
    """

    version: str = ""
    batch_size: int = 1
    device_batch_size: int = 0
    parameters: Sequence[str] = ()
    reads_data: bool = False


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Whether a method can do a task: ``status`` is "" if it can, and else says why with a reason.

    ``assets`` are names and checksums of the files that determine its results.
    """

    status: str = ""
    reason: str = ""
    assets: Mapping[str, str] = dataclasses.field(default_factory=dict)


_known: dict[Entry, Description | BenchError] = {}
"""Answers of this process's lifetime: a class that took its time is not asked again."""


def introduce(name: str) -> Introduction:
    """Introduce a registered method; the project's own are not imported for it.

    Raises
    ------
    UnknownName, Unavailable, BenchError
        As :func:`describe`.

    Examples
    --------
    >>> introduce("dp").title
    'Dark channel prior'
    """
    if METHODS.entry(name).origin == "bench":
        return Introduction(**METHODS.described[name])
    return describe(name)


def describe(name: str, patience: float = PATIENCE) -> Description:
    """Describe a registered method.

    Raises
    ------
    UnknownName, Unavailable, BenchError
        As :meth:`Registry.load`, and for a class that is no sound method.
    """
    entry = METHODS.entry(name)
    if entry.origin in TRUSTED:
        return describe_class(METHODS.load(name))
    if entry not in _known:
        consult(name, {}, (), patience)
    found = _known[entry]
    if isinstance(found, BenchError):
        raise found
    return found


def knowledge(label: str) -> str:
    """Prior information and training data of the method behind a label ``name[key=value,…]``.

    Raises
    ------
    BenchError
        As :func:`describe`.
    """
    name, parameters = parse_label(label)
    if parameters and METHODS.entry(name).origin in TRUSTED:
        return str(METHODS.load(name).knowledge(parameters))
    return introduce(name).knows


def consult(
    name: str, parameters: Mapping[str, Any], tasks: Sequence[Task], patience: float = PATIENCE
) -> list[Verdict]:
    """Ask a method about tasks.

    Parameters
    ----------
    name : str
        Of a registered method.
    parameters : Mapping
        Those that were set.
    tasks : sequence of Task
    patience : float
        Seconds for each answer of a third party's class.

    Returns
    -------
    list of Verdict
        One per task, whatever the class does.
    """
    entry = METHODS.entry(name)
    if entry.origin in TRUSTED:
        try:
            cls = METHODS.load(name)
        except BenchError as error:
            return [_refusal(error)] * len(tasks)
        return [judge(cls, task, parameters) for task in tasks]
    found = _known.get(entry)
    if isinstance(found, BenchError):
        return [_refusal(found)] * len(tasks)
    verdicts: list[Verdict] = []
    fate = ""
    for _ in range(TRIES):
        verdicts.clear()
        try:
            for verdict in _answers(entry, parameters, tasks, patience):
                verdicts.append(verdict)
            return verdicts
        except _Death as death:  # perhaps at a stranger's hand
            fate = str(death)
        except _Silence as silence:
            fate = str(silence)
            break
        except BenchError as error:  # its own, about itself
            _known[entry] = error
            return [_refusal(error)] * len(tasks)
    reason = f"The class of the method {name!r} of {entry.origin} {fate}"
    _known[entry] = BenchError(reason)  # nor is it asked about the next data set
    return verdicts + [Verdict(Status.FAILED, reason)] * (len(tasks) - len(verdicts))


def _answers(
    entry: Entry, parameters: Mapping[str, Any], tasks: Sequence[Task], patience: float
) -> Iterator[Verdict]:
    """Ask a third party's class what it is, which is noted, and yield its verdicts."""
    asked = (answer, entry.name, dict(parameters), tuple(tasks))
    child = Child(*asked)
    try:
        described = _known[entry] = _hear(child, patience, _read_description)
        if described.reads_data and tasks:  # only now is it known that it may be told where
            child.kill()
            child = Child(*asked, data=True)
            _hear(child, patience, _read_description)
        for _ in tasks:
            yield _hear(child, patience, _read_verdict)
    finally:
        child.kill()


def patience(time_limit: float) -> float:
    """Return seconds to wait for an answer in a run with this time limit per cell."""
    return min(max(time_limit, LEAST_PATIENCE), PATIENCE)


class _Silence(Exception):
    """A class that does not answer, and what it did instead."""


class _Death(_Silence):
    """A process that ended in place of an answer."""


def _hear(child: Child, patience: float, read: Any) -> Any:
    try:
        message = child.receive(patience)
    except TimeoutError:
        raise _Silence(f"did not say what it can do within {patience:g} s.") from None
    except Death as death:
        raise _Death(f"ended the process that asked what it can do. {death}") from None
    try:
        return read(json.loads(message))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise _Silence("sent something that is no answer.") from None


def _read_description(plain: Any) -> Description:
    if "error" in plain:
        kind = Unavailable if plain["status"] == Status.UNAVAILABLE else BenchError
        raise kind(str(plain["error"]))
    return Description(**plain)


def _read_verdict(plain: Any) -> Verdict:
    return Verdict(**plain)


def answer(
    connection: Connection, name: str, parameters: Mapping[str, Any], tasks: Sequence[Task]
) -> None:
    """Answer :func:`consult`: the body of a process."""
    try:
        cls = METHODS.load(name)
        plain: dict[str, Any] = dataclasses.asdict(describe_class(cls))
    except BaseException as error:
        verdict = _refusal(error)
        connection.send_bytes(
            json.dumps({"error": verdict.reason, "status": verdict.status}).encode()
        )
        return
    connection.send_bytes(json.dumps(plain).encode())
    for task in tasks:
        verdict = judge(cls, task, parameters)
        connection.send_bytes(json.dumps(dataclasses.asdict(verdict)).encode())


def describe_class(cls: type[MethodBase]) -> Description:
    """Describe a class.

    Raises
    ------
    BenchError
        If an attribute is not what the protocol asks for.
    """
    kind = next((kind for base, kind in KINDS if issubclass(cls, base)), None)
    if kind is None:
        raise BenchError(f"{cls.__name__} is neither a Method, an Oracle nor a Replay.")
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(getattr(cls, "__abstractmethods__", ())))
        raise BenchError(f"{cls.__name__} does not define {missing}.")
    _expect(cls, "kind", cls.kind == kind, f"{kind!r}, as its base class says")
    size = cls.batch_size
    _expect(cls, "batch_size", type(size) is int and size > 0, "a positive whole number")
    there = cls.device_batch_size
    sound = type(there) is int and there >= 0
    _expect(cls, "device_batch_size", sound, "a whole number, 0 for batch_size")
    _expect(cls, "version", isinstance(cls.version, str), "a string")
    _expect(cls, "reference", isinstance(cls.reference, str), "a string")
    _expect(cls, "knows", isinstance(cls.knows, Knowledge), "a Knowledge")
    _expect(cls, "title", isinstance(cls.title, str), "a string")
    _expect(cls, "reads_data", isinstance(cls.reads_data, bool), "True or False")
    return Description(
        kind=kind,
        version=str(cls.version),
        reference=str(cls.reference),
        knows=text.legible(str(cls.knowledge({}))),
        batch_size=size,
        device_batch_size=there,
        boundaries=tuple(str(boundary) for boundary in cls.boundaries),
        parameters=tuple(str(parameter) for parameter in cls.parameter_names()),
        reads_data=cls.reads_data,
        title=text.legible(vars(cls).get("title", ""), limit=80),
    )


def _expect(cls: type[MethodBase], name: str, sound: bool, wanted: str) -> None:
    if not sound:
        value = text.legible(repr(getattr(cls, name)), limit=60)
        raise BenchError(f"{cls.__name__}.{name} is {value}; it has to be {wanted}.")


def judge(cls: type[MethodBase], task: Task, parameters: Mapping[str, Any]) -> Verdict:
    """Ask a class about a task."""
    try:
        cls.check_available(task)
        assets = cls.assets_for(task, dict(parameters))
        sound = isinstance(assets, Mapping) and all(
            isinstance(part, str) for pair in assets.items() for part in pair
        )
        if not sound:
            shown = text.legible(repr(assets), limit=60)
            raise BenchError(
                f"{cls.__name__}.assets gives {shown}; it has to map names to checksums, "
                "both of them strings."
            )
        return Verdict(assets=dict(assets))
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and cls.__module__.startswith("bench."):
            raise
        return _refusal(error)


def _refusal(error: BaseException) -> Verdict:
    if isinstance(error, BenchError):
        return Verdict(Status.of(error), text.legible(str(error)))
    return Verdict(Status.FAILED, text.describe(error))
