"""Stages that several methods have in common, computed once for an observation."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Stages:
    """What methods of one job have computed and others of it take as it is.

    To share a stage, say a search that ``mine`` and ``mine-tv`` both begin with, let
    ``MethodBase.stage(parameters)`` of both return the same text wherever the stage is the same,
    and compute it through ``self.stages``::

        found, seconds = self.stages.once(
            lambda: search(observation, starts), "search", self.settings, observation, starts
        )

    A plan then puts the cells of an image by all methods of that text into one job, whose methods
    get one ``Stages``. What was computed is forgotten with the job, so that no result depends on
    which process computed what before. Outside of a job nothing is shared.

    Parameters
    ----------
    share : bool
        False computes every time.
    """

    def __init__(self, share: bool = True) -> None:
        self._known: dict[str, tuple[Any, float]] | None = {} if share else None

    def once(self, compute: Callable[[], T], *what: object) -> tuple[T, float]:
        """Return a stage's result, computed by whoever asks first.

        Parameters
        ----------
        compute : callable
            Without arguments; its result must not be changed by those that get it.
        *what : object
            All that determines the result: tensors, and values whose ``repr`` tells them apart.

        Returns
        -------
        result : object
        seconds : float
            That computing it took: each method counts them, as if it had been run alone.
        """
        key = _digest(what)
        if self._known is not None and key in self._known:
            return self._known[key]
        started = time.perf_counter()
        found = compute()
        answer = found, time.perf_counter() - started
        if self._known is not None:
            self._known[key] = answer
        return answer


def _digest(what: tuple[object, ...]) -> str:
    sha = hashlib.sha256()
    for value in what:
        if hasattr(value, "detach"):  # a tensor, without importing PyTorch to ask
            array = value.detach().cpu().contiguous().numpy()
            sha.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
        else:
            sha.update(repr(value).encode())
        sha.update(b"\0")
    return sha.hexdigest()


ALONE = Stages(share=False)
"""The stages of methods that are called outside of a job: nothing is shared."""
