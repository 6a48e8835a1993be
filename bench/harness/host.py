"""A process that answers questions for a third party's data set, kernel source or metric.

It says what it speaks for, then answers one question after the other, each within a time limit: a
line of JSON and, where it gives tensors, these in the safetensors format. Nothing that it sends is
unpickled, for it runs other people's code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from bench import text
from bench.errors import BenchError, InvalidInput, Unavailable
from bench.harness.process import Child, Death

T = TypeVar("T")

LEAST_PATIENCE = 5.0
PATIENCE = 60.0
"""Seconds for each answer."""
STARTS = 2
"""Processes that may die while they say what they speak for."""
LARGEST_ANSWER = 1 << 30
"""Bytes; anything larger is no image that a method could restore."""


class Silence(Exception):
    """No answer in time, or one that is none, in a sentence."""


class Host:
    """A process that has said what it speaks for.

    Parameters
    ----------
    body : callable
        Called in the process with its end of the pipe and ``arguments``.
    *arguments
        Plain values.
    patience : float
        Seconds for each answer.
    data : bool
        Whether the process is told where the data lie.

    Raises
    ------
    Death, Silence
    """

    def __init__(
        self,
        body: Callable[..., None],
        *arguments: object,
        patience: float = PATIENCE,
        data: bool = False,
    ) -> None:
        self._patience = patience
        self._child = Child(body, *arguments, data=data)
        self.introduction = self._hear(patience)

    def ask(self, question: object, read: Callable[[Any, bytes], T]) -> T:
        """Return what ``read`` makes of the answer; as :func:`understood`."""
        self._child.send(question)
        return understood(self._hear(self._patience), read)

    def _hear(self, patience: float) -> bytes:
        try:
            return self._child.receive(patience, LARGEST_ANSWER)
        except TimeoutError:
            self._child.kill()
            raise Silence(f"It did not answer within {patience:g} s.") from None

    @property
    def ended(self) -> bool:
        """Whether it cannot be asked again: its pipe is closed, or says what nobody asked."""
        return self._child.connection.poll() or not self._child.process.is_alive()

    def close(self) -> None:
        """End the process."""
        self._child.kill()


class Respondent:
    """Somebody else's code that is asked, in a process that another one follows if it dies.

    A process that dies of a question costs it one more try, and one that dies while it says what it
    speaks for has one successor; a death between two questions costs nothing.

    Parameters
    ----------
    start : callable
        Starts a process.
    """

    def __init__(self, start: Callable[[], Host]) -> None:
        self._start = start
        self._host: Host | None = None

    def ask(self, question: object, read: Callable[[Any, bytes], T]) -> T:
        """Return what ``read`` makes of the answer.

        Raises
        ------
        Death
            If it died at the second try too.
        Silence, BenchError
            As :func:`understood`.
        """
        try:
            return self._ask(question, read)
        except Death:
            return self._ask(question, read)

    def _ask(self, question: object, read: Callable[[Any, bytes], T]) -> T:
        if self._host is None or self._host.ended:
            self._host, _ = introduced(self._start, lambda plain, tensors: None)
        try:
            return self._host.ask(question, read)
        except (Death, Silence):
            self._host = None
            raise


def introduced(start: Callable[[], Host], read: Callable[[Any, bytes], T]) -> tuple[Host, T]:
    """Start a process, another one if the first dies, and read what it says that it speaks for.

    Raises
    ------
    Death, Silence, BenchError
        The last is what it says itself, about itself.
    """
    for attempt in range(1, STARTS + 1):
        try:
            host = start()
            break
        except Death:
            if attempt == STARTS:
                raise
    try:
        return host, understood(host.introduction, read)
    except BaseException:
        host.close()
        raise


def understood(message: bytes, read: Callable[[Any, bytes], T]) -> T:
    """Read an answer.

    Raises
    ------
    InvalidInput, Unavailable
        If it is an excuse.
    Silence
        If it is no answer.
    """
    line, _, tensors = message.partition(b"\n")
    try:
        plain = json.loads(line)
        if isinstance(plain, dict) and "error" in plain:
            raise (Unavailable if plain["unavailable"] else InvalidInput)(str(plain["error"]))
        return read(plain, tensors)
    except BenchError:
        raise
    except Exception:  # whatever it wrote into the pipe itself
        raise Silence("It sent something that is no answer.") from None


def serve(
    connection: Connection, introduce: Callable[[], tuple[Any, Callable[[Any], bytes]]]
) -> None:
    """Answer for somebody else's code: what the body of such a process does.

    Parameters
    ----------
    connection : Connection
        To the :class:`Host`.
    introduce : callable
        Imports the code. Returns what it speaks for, in plain values, and a callable that answers a
        question. Whatever either raises, exits too, is the answer.
    """
    try:
        introduction, reply = introduce()
        message = json.dumps(introduction).encode()
    except BaseException as error:
        connection.send_bytes(_excuse(error))
        return
    connection.send_bytes(message)
    while True:
        try:
            question = connection.recv()
        except (EOFError, OSError):
            return
        try:
            message = reply(question)
        except BaseException as error:
            message = _excuse(error)
        connection.send_bytes(message)


def _excuse(error: BaseException) -> bytes:
    """Say why there is no answer."""
    said = str(error) if isinstance(error, BenchError) else f"{text.describe(error)}."
    plain = {"error": text.legible(said), "unavailable": isinstance(error, Unavailable)}
    return json.dumps(plain).encode()
