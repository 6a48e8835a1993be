"""Reading one's own photograph, whatever its format, restoring it, and writing what became of it.

Nothing here knows a concrete method: the kernel's estimate and the restoration are a method's,
where they look is decided here.
"""

from __future__ import annotations

from bench.photo.reading import (
    DEEP,
    check_writable,
    kernel_path,
    png16,
    read_photo,
    write_photo,
)

__all__ = ["DEEP", "check_writable", "kernel_path", "png16", "read_photo", "write_photo"]
