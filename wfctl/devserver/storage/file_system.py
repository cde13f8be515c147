"""What kind of file system a database would lie on: SQLite itself does not notice one that cannot keep what it is told.

A write-ahead log needs memory shared between the file's users and syncs that reach the disk. On a network file system the
first ends at the machine, the second is up to the other side; both work until the day they are needed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    [
        "nfs",
        "nfs3",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "smbnetfs",
        "afpfs",
        "afs",
        "ncpfs",
        "webdav",
        "davfs",
        "9p",
        "ceph",
        "lustre",
        "glusterfs",
        "gpfs",
        "beegfs",
        "fuse.sshfs",
        "fuse.s3fs",
        "fuse.rclone",
        "fuse.gcsfuse",
        "fuse.glusterfs",
        "fuse.juicefs",
        "fuse.curlftpfs",
        "fuse.davfs",
    ]
)
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})
_ESCAPED = re.compile(r"\\([0-7]{3})")
_DARWIN_LINE = re.compile(r"^.* on (?P<point>.+) \((?P<kind>[^,)]+)")


@dataclass(frozen=True, slots=True)
class FileSystem:
    kind: str
    mounted_at: str

    @property
    def is_network(self) -> bool:
        return self.kind in _NETWORK

    @property
    def is_memory(self) -> bool:
        return self.kind in _IN_MEMORY


def of(path: Path) -> FileSystem | None:
    """The file system that this path lies on, or would; None where the system does not say."""
    real = os.path.realpath(path)
    return max(
        (found for found in _mounts() if _is_below(real, found.mounted_at)),
        key=lambda found: len(found.mounted_at),
        default=None,
    )


def _is_below(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def _mounts() -> list[FileSystem]:
    """In the order of their mounting. Of two at one place the later one hides the other."""
    try:
        if sys.platform == "darwin":
            told = subprocess.run(["/sbin/mount"], capture_output=True, text=True, check=True, timeout=5)
            found = parse_mount(told.stdout)
        else:
            found = parse_mountinfo(MOUNTS.read_text(errors="surrogateescape"))
    except (OSError, subprocess.SubprocessError):
        return []
    return list({each.mounted_at: each for each in found}.values())


def parse_mountinfo(text: str) -> list[FileSystem]:
    """proc(5): ID parent major:minor root POINT options [optional fields] - KIND source super-options."""
    found = []
    for line in text.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if separator and len(fields) >= 5:
            point = _ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4])
            found.append(FileSystem(after.split(" ")[0], point))
    return found


def parse_mount(text: str) -> list[FileSystem]:
    """macOS: `//me@host/share on /Volumes/share (smbfs, nodev, nosuid, mounted by me)`."""
    matches = filter(None, map(_DARWIN_LINE.match, text.splitlines()))
    return [FileSystem(match["kind"], match["point"]) for match in matches]
