"""One server for one database file: a lock file beside it that names its holder.

The lock is the kernel's (`flock`), so that of a dead server is gone with its process, however it died; the file that it
leaves behind is only a name tag.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(eq=False)
class Locked(Exception):
    """Somebody else holds the lock; `pid` when it says who."""

    pid: int | None


class FileLock:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock or raise `Locked`. OSError when the lock file cannot be made."""
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(descriptor, 32, 0).strip()
                os.close(descriptor)
                raise Locked(int(holder) if holder.isdigit() else None) from None
            if self._is_current(descriptor):
                break
            os.close(descriptor)  # its holder went away, and took the name with it, while we opened it
        self._descriptor = descriptor
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError:  # a full disk
            self.release()
            raise

    def release(self) -> None:
        """Give the lock back, and take the file away while it is still ours."""
        if self._descriptor is not None:
            self.path.unlink(missing_ok=True)
            os.close(self._descriptor)
            self._descriptor = None

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        except FileNotFoundError:
            return False


def holder_of(path: Path) -> int | None:
    """The pid of the server that holds this lock now; None when nobody does. Leaves the lock as it is."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        tag = os.pread(descriptor, 32, 0).strip()
        if not tag.isdigit() or not _is_alive(int(tag)):
            return None
        # Asked only then: while we hold the shared lock, a server that starts would be refused.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(tag)
    finally:
        os.close(descriptor)
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
