"""A database looked at from outside its server: opened without leaving a trace, measured, copied.

A server may be running on the file meanwhile. SQLite's write-ahead log lets a reader see one committed moment of it and
never holds a writer up, so whatever is said here is true of that moment.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wfctl.devserver.storage.file_check import CannotOpen, check_file, explain
from wfctl.devserver.storage.lock import holder_of
from wfctl.devserver.storage.schema import CURRENT_VERSION

BACKUP_STEP_PAGES = 2048
_TABLES = ("executions", "history", "visibility", "namespaces", "task_queues")

# (pages or runs done, of how many)
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Facts:
    """What `wfctl db info` shows. Sizes in bytes."""

    path: str
    identity: str
    schema_version: int
    newest_schema_version: int
    sqlite_version: str
    journal_mode: str
    server_pid: int | None
    size: int
    log_size: int
    page_size: int
    free_pages: int
    history_size: int
    namespaces: int
    open_runs: int
    closed_runs: int
    waiting_runs: int
    events: int
    batches: int
    longest_history: int
    largest_batch: int


@contextmanager
def open_to_look(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, on one moment of the database. Raises `CannotOpen`, and never changes the file."""
    path = Path(os.path.realpath(path))
    if not path.exists() and not Path(f"{path}-wal").exists():
        raise CannotOpen(f"{path} does not exist.", "name the file of a server with --db-filename")
    if check_file(path, CURRENT_VERSION):
        raise CannotOpen(f"{path} is empty: no server has finished making it.", "start one: wfctl server start")
    connection = sqlite3.connect(f"{path.as_uri()}?{_mode(path)}", uri=True, isolation_level=None)
    try:
        try:
            connection.execute("PRAGMA busy_timeout = 5000")
            connection.execute("PRAGMA query_only = ON")
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM meta").fetchone()  # the moment is taken by the first read
        except sqlite3.Error as error:
            raise _unreadable(path, error) from error
        yield connection
    finally:
        connection.close()


def _unreadable(path: Path, error: sqlite3.Error) -> CannotOpen:
    """SQLite reads a log only through shared memory, a file that it makes beside it."""
    log = Path(f"{path}-wal")
    if log.exists() and not os.access(path.parent, os.W_OK):
        return CannotOpen(
            f"{path} has changes in its log {log}, which SQLite reads only where it may write beside them.",
            f"copy both to a place where it may, and look there: cp {path} {log} {tempfile.gettempdir()}",
        )
    return explain(path, error)


def _mode(path: Path) -> str:
    """How to open it so that nothing is different afterwards."""
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size > 0:
        return "mode=ro"  # a connection that may write would fold the log into the file when it is the last to close
    if not os.access(path.parent, os.W_OK):
        return "mode=ro&immutable=1"  # no place for SQLite's shared memory, and no server that could be writing
    return "mode=rw"  # takes its own empty log and shared memory away again, which one that only reads cannot


def facts(path: Path) -> Facts:
    """Counts and sizes. Raises `CannotOpen`."""
    with open_to_look(path) as connection:
        try:
            return _facts(Path(os.path.realpath(path)), connection)
        except sqlite3.Error as error:
            raise explain(path, error) from error


def _facts(path: Path, connection: sqlite3.Connection) -> Facts:
    def scalar(sql: str) -> int:
        return int(connection.execute(sql).fetchone()[0] or 0)

    identity = connection.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()
    log = Path(f"{path}-wal")
    return Facts(
        path=str(path),
        identity="" if identity is None else str(identity[0]),
        schema_version=scalar("PRAGMA user_version"),
        newest_schema_version=CURRENT_VERSION,
        sqlite_version=sqlite3.sqlite_version,
        journal_mode=str(connection.execute("PRAGMA journal_mode").fetchone()[0]),
        server_pid=holder_of(Path(f"{path}.lock")),
        size=path.stat().st_size,
        log_size=log.stat().st_size if log.exists() else 0,
        page_size=scalar("PRAGMA page_size"),
        free_pages=scalar("PRAGMA freelist_count"),
        history_size=scalar("SELECT sum(length(events)) FROM history"),
        namespaces=scalar("SELECT count(*) FROM namespaces"),
        open_runs=scalar("SELECT count(*) FROM executions WHERE status = 1"),
        closed_runs=scalar("SELECT count(*) FROM executions WHERE status <> 1"),
        waiting_runs=scalar("SELECT count(*) FROM executions WHERE pending = 1"),
        events=scalar("SELECT sum(next_event_id - 1) FROM executions"),
        batches=scalar("SELECT count(*) FROM history"),
        longest_history=scalar("SELECT max(next_event_id - 1) FROM executions"),
        largest_batch=scalar("SELECT max(length(events)) FROM history"),
    )


def back_up(path: Path, target: Path, progress: Progress) -> int:
    """A copy of one moment of the database, whole and synced before it gets its name. Returns its size in bytes.

    Raises `CannotOpen` for the source, `FileExistsError` and other `OSError`s for the target.
    """
    if target.exists():
        raise FileExistsError(17, "it exists already", str(target))
    unfinished = Path(f"{target}.tmp")
    unfinished.unlink(missing_ok=True)
    try:
        with open_to_look(path) as connection:
            _copy(path, connection, unfinished, progress)
        _sync(unfinished)
        os.link(unfinished, target)  # unlike a rename, this never replaces a file that came into being meanwhile
        _sync(target.parent)
    finally:
        unfinished.unlink(missing_ok=True)
    return target.stat().st_size


def _copy(path: Path, source: sqlite3.Connection, target: Path, progress: Progress) -> None:
    target.touch(exist_ok=False)
    copy = sqlite3.connect(target, isolation_level=None)
    try:
        source.backup(
            copy, pages=BACKUP_STEP_PAGES, progress=lambda _, remaining, total: progress(total - remaining, total)
        )
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise CannotOpen(f"{path} is damaged, and so would be its copy: {verdict}.", "see `wfctl db check`")
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorname", "") or ""
        if code.startswith(("SQLITE_FULL", "SQLITE_IOERR_WRITE")):
            raise OSError(28, f"no room for the copy ({error})", str(target)) from error
        raise explain(path, error) from error
    finally:
        copy.close()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
