"""A parser whose complaints are sentences."""

from __future__ import annotations

import argparse
import re
import sys
from typing import NoReturn

SENTENCES = (
    (r"unrecognized arguments: (.*)", r"There is no option {0} here."),
    (r"the following arguments are required: COMMAND", "Say which command to run."),
    (r"the following arguments are required: (.*)", r"{0} is needed."),
    (r"argument (\S+): invalid choice: (.*) \(choose from (.*)\)", r"{1} is none of {2}."),
    (r"argument (.+): invalid (\w+) value: (.*)", r"{2} is not what {0} takes: {1}."),
    (r"argument (.+): expected (one|at least one) argument", r"{0} needs a value."),
    (r"argument (.+): not allowed with argument (.+)", r"{0} and {1} exclude each other."),
    (r"argument (.+): (.*)", r"{0}: {1}."),
)
KINDS = {
    "positive": "a whole number from 1",
    "natural": "a whole number from 0",
    "seconds": "a positive number of seconds",
    "numbers": "numbers between commas, such as 0.01,0.04 or 1%,4%",
    "integers": "whole numbers between commas",
    "int": "a whole number",
    "float": "a number",
}
"""What the functions that parse values take, in words."""


class Parser(argparse.ArgumentParser):
    """Says in sentences what is wrong, and takes no abbreviations of options."""

    def __init__(self, *arguments: object, **how: object) -> None:
        how.setdefault("allow_abbrev", False)
        super().__init__(*arguments, **how)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """Print a sentence and end with exit code 2."""
        print(f"bench: {sentence(message)} Try '{self.prog} --help'.", file=sys.stderr)
        raise SystemExit(2)


def sentence(message: str) -> str:
    """Turn a complaint of argparse's into a sentence.

    Examples
    --------
    >>> sentence("argument -n/--images: invalid positive value: 'x'")
    "'x' is not what --images takes: a whole number from 1."
    >>> sentence("unrecognized arguments: --colour")
    'There is no option --colour here.'
    """
    for pattern, form in SENTENCES:
        if found := re.fullmatch(pattern, message):
            words = [KINDS.get(word, word) for word in found.groups()]
            words = [word.rpartition("/")[2] if word.startswith("-") else word for word in words]
            return form.format(*words).replace("..", ".")
    return f"{message[:1].upper()}{message[1:]}."
