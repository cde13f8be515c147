"""What a database file is, before SQLite may touch it.

SQLite heals what it thinks it can: it truncates a write-ahead log whose database is gone and extends a file that was cut
short. So the file is judged by its bytes first (https://www.sqlite.org/fileformat.html), and what is not plainly ours
and whole is refused as it lies.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from dataclasses import dataclass
from pathlib import Path

APPLICATION_ID = 0x77666374  # "wfct"

_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
_WAL_HEADER_BYTES = 32
_WAL_FRAME_HEADER_BYTES = 24


@dataclass(eq=False)
class CannotOpen(Exception):
    """The database cannot be used: a sentence that says why, and what to do."""

    message: str
    hint: str

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}"


@dataclass(frozen=True, slots=True)
class Header:
    """The facts of a database file's first page."""

    page_size: int
    page_count: int
    page_count_is_valid: bool
    user_version: int
    application_id: int

    @classmethod
    def parse(cls, data: bytes) -> Header:
        page_size: int = struct.unpack_from(">H", data, 16)[0]
        change_counter, page_count = struct.unpack_from(">II", data, 24)
        (user_version,) = struct.unpack_from(">I", data, 60)
        (application_id,) = struct.unpack_from(">I", data, 68)
        (valid_for,) = struct.unpack_from(">I", data, 92)
        return cls(
            page_size=65536 if page_size == 1 else page_size,
            page_count=page_count,
            page_count_is_valid=change_counter == valid_for,
            user_version=user_version,
            application_id=application_id,
        )


def check_file(path: Path, newest_version: int) -> bool:
    """Raise `CannotOpen` unless the file is ours and whole, or not there; True when it has to be made."""
    if path.is_dir():
        raise CannotOpen(f"{path} is a directory, not a database file.", "name a file, as in --db-filename dev.db")
    if path.exists() and not path.is_file():
        raise CannotOpen(f"{path} is a device or a pipe, not a file.", "name a file, as in --db-filename dev.db")
    size = _size_of(path)
    wal = Path(f"{path}-wal")
    if size == 0:
        if _size_of(wal) > 0:
            _refuse_orphan(path, wal)
        return True
    data = _read_header(path)
    if _size_of(f"{path}-journal") > 0 and _is_unfinished(data):
        return True
    if not data.startswith(_MAGIC):
        raise CannotOpen(
            f"{path} is not a database: it does not begin as a SQLite file does.",
            "name another file, or move this one away to start with an empty database",
        )
    if len(data) < _HEADER_BYTES:
        _refuse_truncated(path, size)
    header = Header.parse(data)
    if header.application_id != APPLICATION_ID:
        _refuse_foreign(path)
    if header.user_version > newest_version:
        refuse_newer(path, header.user_version, newest_version)
    _check_length(path, header, size, wal)
    return False


def _is_unfinished(data: bytes) -> bool:
    """Only the transaction that makes a file has a rollback journal: it did not end, and SQLite will take it back."""
    if len(data) == _HEADER_BYTES and data.startswith(_MAGIC):
        return Header.parse(data).application_id == APPLICATION_ID
    return not any(data)


def _size_of(path: Path | str) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def refuse_newer(path: Path, version: int, newest_version: int) -> None:
    raise CannotOpen(
        f"{path} was written by a newer wfctl (schema version {version}; this one knows up to {newest_version}).",
        "upgrade wfctl (pip install -U wfctl), or start with another --db-filename",
    )


def refuse_corrupt(path: Path | str, reason: object) -> CannotOpen:
    return CannotOpen(
        f"{path} is damaged: {reason}.",
        f"it is left as it is; restore a copy ({path}.v*.bak, if there is one), salvage it with"
        f" `sqlite3 {path} .recover`, or move it away to start empty",
    )


def explain(path: Path, error: sqlite3.Error) -> CannotOpen:
    """SQLite's error as a sentence."""
    code = getattr(error, "sqlite_errorname", "") or ""
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return CannotOpen(
            f"{path} cannot be written to: {error}.",
            f"check who owns it and its directory: ls -ld {path} {path.parent}",
        )
    if code.startswith("SQLITE_FULL"):
        return CannotOpen(f"{path} cannot be written to: the disk is full.", f"make room: df -h {path.parent}")
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return CannotOpen(
            f"{path} is in use by another program that holds SQLite's own lock.", f"find it: fuser -v {path}"
        )
    if code.startswith("SQLITE_IOERR"):
        return CannotOpen(f"{path} cannot be read or written: {error}.", "check the disk (dmesg, df)")
    return refuse_corrupt(path, error)


def _read_header(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_HEADER_BYTES)
    except PermissionError:
        raise CannotOpen(f"{path} cannot be read: permission denied.", f"check who owns it: ls -l {path}") from None


def _refuse_orphan(path: Path, wal: Path) -> None:
    what = "is empty" if path.exists() else "is missing"
    raise CannotOpen(
        f"{path} {what}, but its write-ahead log {wal} holds data that belongs to it.",
        f"put the database file back beside its log, or move {wal} away to start with an empty database",
    )


def _refuse_truncated(path: Path, size: int) -> None:
    raise CannotOpen(
        f"{path} is cut short: {size} bytes are left of it, less than its header promises.",
        f"it is left as it is; restore a copy ({path}.v*.bak, if there is one), or move it away to start empty",
    )


def _refuse_foreign(path: Path) -> None:
    """Some other program's SQLite file; looked into without leaving a trace."""
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise refuse_corrupt(path, error) from error
    if "executions_visibility" in tables:
        raise CannotOpen(
            f"{path} is a database of `temporal server start-dev`, which wfctl cannot read.",
            "name another file with --db-filename; workflow histories can be carried over as JSON files",
        )
    raise CannotOpen(
        f"{path} is a SQLite database of another program, not of wfctl.",
        "name another file with --db-filename",
    )


def _check_length(path: Path, header: Header, size: int, wal: Path) -> None:
    """Every page must be in the file or in its log; a checkpoint that a crash cut off leaves the last ones there."""
    whole_pages = size // header.page_size
    logged = _pages_are_there(wal, header.page_size, whole_pages)
    if logged is None:
        logged = not header.page_count_is_valid or header.page_count <= whole_pages
    if not logged:
        _refuse_truncated(path, size)


def _pages_are_there(wal: Path, page_size: int, whole_pages: int) -> bool | None:
    """Whether the pages that the file lacks are in its log, as of some commit there; None when it holds none.

    As of some commit, not of the last: behind the log's true end may lie what is left of transactions that were taken
    back (a sync failed) or torn. Only the checksum of all before it tells, which is SQLite's to add up. Pages are never
    given back, so a file that was cut short lacks pages as of every commit.
    """
    if _size_of(wal) < _WAL_HEADER_BYTES + _WAL_FRAME_HEADER_BYTES + page_size:
        return None
    beyond: set[int] = set()  # pages that are in the log only
    found: bool | None = None
    with wal.open("rb") as file:
        salts = file.read(_WAL_HEADER_BYTES)[16:24]
        while len(frame := file.read(_WAL_FRAME_HEADER_BYTES)) == _WAL_FRAME_HEADER_BYTES and frame[8:16] == salts:
            page, count_after_commit = struct.unpack_from(">II", frame)
            if page > whole_pages:
                beyond.add(page)
            if count_after_commit:
                found = len(beyond) >= count_after_commit - whole_pages
                if found:
                    return True
            file.seek(page_size, os.SEEK_CUR)
    return found
