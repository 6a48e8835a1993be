"""Errors that a person at the command line is meant to read.

Every message is a whole sentence (or two) that names the offending value and says what to do.
"""

from __future__ import annotations


class BenchError(Exception):
    """A mistake in what was asked for; the command line prints it in one line.

    Attributes
    ----------
    exit_code : int
        2: what was asked makes no sense here. 1: it did, and something broke on the way.
    """

    exit_code = 2


class InvalidInput(BenchError, ValueError):
    """An array, image or parameter that the harness refuses (NaN, wrong shape, wrong range)."""


class UnknownName(BenchError, KeyError):
    """A method, dataset or preset that nobody registered."""

    def __str__(self) -> str:  # KeyError would print the repr, with quotes around a sentence
        return str(self.args[0]) if self.args else ""


class Unavailable(BenchError):
    """Something known but missing here: data, weights, Octave, a package.

    In a run it becomes the status of the cells that needed it, and the other cells still run.
    """


class NotApplicable(BenchError):
    """A method that cannot be asked this, such as published outputs at a noise never published."""


class MethodFailed(BenchError):
    """A method that was asked something sensible and returned what is no restoration."""

    exit_code = 1


class StorageError(BenchError):
    """A disk that is full or failing; what was recorded before is safe."""

    exit_code = 1


class ProcessError(BenchError):
    """Worker processes that cannot be had, whatever the method; what was recorded is safe."""

    exit_code = 1
