"""What kind of file system a folder is on."""

from __future__ import annotations

from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
NETWORK = (
    *(
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "afs",
        "ceph",
        "lustre",
        "gpfs",
        "beegfs",
        "glusterfs",
    ),
    *("9p", "ocfs2", "gfs2", "pvfs2", "orangefs", "panfs", "wekafs", "davfs", "ncpfs", "virtiofs"),
    *("fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.s3fs", "fuse.rclone", "fuse.gcsfuse"),
)
"""Types whose files several machines share, by their names in the table of mounts."""


def on_network(folder: Path, mounts: Path = MOUNTS) -> bool:
    """Say whether a folder is on a file system that several machines may share.

    Parameters
    ----------
    folder : Path
        Its nearest parent that is there is looked at.
    mounts : Path
        The table of mounts; where there is none, as elsewhere than on Linux, nothing is known and
        the answer is False.
    """
    return kind(folder, mounts) in NETWORK


def kind(folder: Path, mounts: Path = MOUNTS) -> str:
    """Return the type of the file system that a folder is on; "" if that is not known."""
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    place, found, longest = folder.resolve(), "", -1
    for line in lines:
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(_unescaped(fields[1]))
        # Of two mounts on one point the later hides the earlier.
        if place.is_relative_to(point) and len(point.parts) >= longest:
            found, longest = fields[2], len(point.parts)
    return found


def _unescaped(text: str) -> str:
    """Turn a path of the table, in which a blank is ``\\040``, into one."""
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text
