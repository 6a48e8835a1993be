"""What a process of other people's code is kept from, as far as the system can do it.

On Linux the data folder is an empty one there, in a mount namespace of the process; and by Landlock
the process can neither undo that, nor look into others' memory and files through ``/proc``, nor
send signals to any process but those that it has started. Where a system refuses one or the other,
in a container say, the code runs all the same: it is not told where the data lie.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import sys
import tempfile
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REC, MS_PRIVATE = 1, 2, 4, 1 << 14, 1 << 18
PR_SET_NO_NEW_PRIVS = 38
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""Numbers of Landlock's system calls, the same on all architectures."""
ASK_VERSION, PATH_BENEATH = 1, 1
MAKE_BLOCK_DEVICES, LINK_ELSEWHERE = 1 << 11, 1 << 13
SCOPE_SIGNALS = 1 << 1
LEAST_VERSION, SIGNALS_FROM = 2, 6
"""Of Landlock: before the first, no file could be moved from one folder to another."""


class Ruleset(ctypes.Structure):
    """``struct landlock_ruleset_attr``."""

    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class Beneath(ctypes.Structure):
    """``struct landlock_path_beneath_attr``."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def confine(hidden: Path) -> None:
    """Hide a folder from this process and its children, and shut them in, for good.

    The process must have one thread.

    Parameters
    ----------
    hidden : Path
        Nothing is hidden if it is not there, or if the code itself lies in it, or what it works in.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        _hide(hidden)
    with contextlib.suppress(OSError):
        _shut_in()


def _hide(folder: Path) -> None:
    """Put an empty folder in the place of another, as this process sees it."""
    folder = folder.resolve(strict=True)
    needed = [*sys.path, sys.prefix, str(Path.cwd()), tempfile.gettempdir()]
    if any(Path(path).resolve().is_relative_to(folder) for path in needed):
        return
    user, group = os.getuid(), os.getgid()
    if _libc().unshare(CLONE_NEWNS) != 0:  # it takes root, of a user namespace at least
        _check(_libc().unshare(CLONE_NEWUSER | CLONE_NEWNS))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _check(_libc().mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
    flags = MS_RDONLY | MS_NOSUID | MS_NODEV
    _check(_libc().mount(b"tmpfs", os.fsencode(folder), b"tmpfs", flags, b"size=4k,mode=755"))


def _shut_in() -> None:
    """Enter a Landlock domain, from which nothing is mounted and no process outside is reached.

    A domain has to forbid something of files. This one forbids the making of block devices.
    """
    version = _libc().syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ASK_VERSION)
    if version < LEAST_VERSION:
        return
    scoped = SCOPE_SIGNALS if version >= SIGNALS_FROM else 0
    rules = Ruleset(MAKE_BLOCK_DEVICES | LINK_ELSEWHERE, 0, scoped)
    size = ctypes.sizeof(rules) if scoped else ctypes.sizeof(ctypes.c_uint64)
    made = _check(_libc().syscall(CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), 0))
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)
    everywhere = Beneath(LINK_ELSEWHERE, root)
    _check(_libc().syscall(ADD_RULE, made, PATH_BENEATH, ctypes.byref(everywhere), 0))
    _check(_libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    _check(_libc().syscall(RESTRICT_SELF, made, 0))
    os.close(root)
    os.close(made)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)
