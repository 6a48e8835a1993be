"""What became of a cell."""

from __future__ import annotations

import enum

from bench.errors import NotApplicable, Unavailable


class Status(enum.StrEnum):
    """What became of a cell; a member is the word that tables and stores hold.

    Examples
    --------
    >>> Status.NOT_APPLICABLE == "not applicable"
    True
    >>> print(Status("pending").sentence)
    It is planned and was not computed yet.
    """

    sentence: str
    """What the word means, for readers of a table."""

    OK = "ok", "It was computed, and its restoration is stored."
    FAILED = "failed", "The method raised, ran out of time or returned no restoration."
    UNAVAILABLE = "unavailable", "What the method needs is not here: weights, data or a program."
    NOT_APPLICABLE = "not applicable", "The method cannot be asked this."
    PENDING = "pending", "It is planned and was not computed yet."
    OUTDATED = (
        "outdated",
        "It is of an older version of the method or data set than the last run.",
    )

    def __new__(cls, word: str, sentence: str) -> Status:
        member = str.__new__(cls, word)
        member._value_ = word
        member.sentence = sentence
        return member

    @classmethod
    def of(cls, error: BaseException) -> Status:
        """Return the status of a cell whose method raised this."""
        if isinstance(error, NotApplicable):
            return cls.NOT_APPLICABLE
        return cls.UNAVAILABLE if isinstance(error, Unavailable) else cls.FAILED


ANSWERS = (Status.OK, Status.FAILED, Status.UNAVAILABLE, Status.NOT_APPLICABLE)
"""What a computed cell can have; the others are what a store says of its own cells."""
