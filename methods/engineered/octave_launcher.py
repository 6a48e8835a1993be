"""Start Octave so that it cannot outlive the process that asked for it.

Run as ``python -S octave_launcher.py PARENT OCTAVE [argument ...]``; it replaces itself by
Octave, so process id, terminal and exit status are Octave's own. It stands alone (standard
library only), because it runs in a bare interpreter.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, quiet it, and become Octave."""
    parent, octave, *arguments = sys.argv[1:]
    if sys.platform == "linux":
        # The request survives execve: the kernel kills Octave when its parent dies, even by
        # kill -9, when no atexit handler can run.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it died before we asked
        sys.exit(1)
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[variable] = "1"
    os.environ.pop("OCTAVE_PATH", None)  # whose functions could stand in for Octave's own
    os.environ.pop("DISPLAY", None)  # a display that cannot be reached prints warnings
    if "--eval" in arguments:
        # oct2py asks for the version this way, with the user's own terminal as standard error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.execvp(octave, [octave, *arguments])


if __name__ == "__main__":
    main()
