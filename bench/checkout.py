"""The checkout that this package runs from, if it does."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def commit() -> str:
    """Return the commit of the checkout for a card or page; ``unknown`` outside of one."""
    return head() or "unknown"


def head() -> str | None:
    """Return the commit of the checkout, or None outside of one.

    A package that is merely installed below somebody's repository has none.
    """
    own = git("rev-parse", "--show-toplevel")
    if own is None or Path(own).resolve() != ROOT or not git("ls-files", "bench/checkout.py"):
        return None
    return git("rev-parse", "HEAD")


def changed() -> bool:
    """Return whether tracked files differ from the commit."""
    return bool(git("status", "--porcelain", "--untracked-files=no"))


def git(*arguments: str) -> str | None:
    """Return what Git says of the checkout, or None if it fails."""
    # Run by a git hook, the environment names another repository.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return output("git", "-C", str(ROOT), *arguments, environment=clean)


def output(*command: str, environment: Mapping[str, str] | None = None) -> str | None:
    """Return what a command prints, or None if it cannot be run or fails."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=20, check=True, env=environment
        )
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip()
