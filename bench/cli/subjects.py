"""Commands with subjects of their own: ``python -m bench COMMAND SUBJECT ...``."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Mapping

Subjects = Mapping[str, tuple[str, str]]
"""Purpose and module of each subject."""


def add_subjects(parser: argparse.ArgumentParser, subjects: Subjects) -> None:
    """Declare the subject and leave the rest to its module."""
    lines = [f"  {name:14} {purpose}" for name, (purpose, _) in subjects.items()]
    parser.epilog = "\n".join(["subjects:", *lines, "", parser.epilog or ""])
    parser.add_argument("subject", choices=subjects, metavar="SUBJECT", help="see below")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="SUBJECT --help says which")


def run_subject(options: argparse.Namespace, command: str, subjects: Subjects) -> int:
    """Parse what was left and run the subject's module."""
    purpose, target = subjects[options.subject]
    module = importlib.import_module(target)
    parser = argparse.ArgumentParser(
        prog=f"python -m bench {command} {options.subject}",
        description=f"{purpose[0].upper()}{purpose[1:]}.",
        epilog=module.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    return int(module.run(parser.parse_args(options.arguments)))
