"""``python -m bench``."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130
AT_ONCE = b"bench: stopped at once; what was recorded is safe.\n"


def main() -> int:
    """Run a command; the first Ctrl-C ends it in order, the next at once."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _Interrupts())
    try:
        from bench.cli import main as run
    except KeyboardInterrupt:
        print("bench: stopped.", file=sys.stderr)
        return INTERRUPTED
    return run()


class _Interrupts:
    """What Ctrl-C does.

    Whoever presses it again may meet any part of the end, also the interpreter's, where an
    exception leads to a traceback or a wait. The store stands a kill at any moment, and what else
    the run has started ends with it.
    """

    def __init__(self) -> None:
        self._pressed = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._pressed:
            with contextlib.suppress(OSError):
                os.write(2, AT_ONCE)
            os._exit(INTERRUPTED)
        self._pressed = True
        raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
