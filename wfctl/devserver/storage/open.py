"""Opening a database: checked, locked, migrated, and its durability proved before the first write."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from wfctl.devserver.storage import file_system
from wfctl.devserver.storage.database import (
    Connection,
    Database,
    Durability,
    InlineConnection,
    open_connection,
)
from wfctl.devserver.storage.file_check import (
    APPLICATION_ID,
    CannotOpen,
    check_file,
    explain,
    refuse_corrupt,
    refuse_newer,
)
from wfctl.devserver.storage.lock import FileLock, Locked
from wfctl.devserver.storage.schema import VERSIONS
from wfctl.devserver.storage.visibility_sql import add_functions

log = logging.getLogger("wfctl.storage")
FileDurability = Literal["full", "normal"]

_SYNCHRONOUS = {"full": 2, "normal": 1}
# Each connection fills its own cache as the file grows; behind them all is the system's.
_WRITER_CACHE_KIB = 16 * 1024
_READER_CACHE_KIB = 4 * 1024
# Up to this size the whole file is checked for damage at every start; it takes tens of milliseconds.
_CHECKED_BYTES = 8 * 1024 * 1024
_PRAGMA = re.compile(r"[a-z_]+=[A-Za-z0-9_+-]+")
# What a server must decide itself; `durability` and `path` say it.
_OWN_PRAGMAS = frozenset({"journal_mode", "locking_mode", "application_id", "user_version", "query_only"})


async def open_database(
    path: Path | None,
    durability: FileDurability = "full",
    pragmas: Mapping[str, str] | None = None,
    versions: tuple[str, ...] = VERSIONS,
) -> Database:
    """The database at `path`, made or migrated as needed; in memory when there is no path. Raises `CannotOpen`."""
    if path is None:
        return _open_memory(versions)
    path = Path(os.path.realpath(path))
    _check_place(path, durability)
    lock = _lock(path)
    try:
        return await _open_file(path, durability, dict(pragmas or {}), versions, lock)
    except BaseException:
        lock.release()
        raise


def _check_place(path: Path, durability: FileDurability) -> None:
    """Whether the file system can keep what will be promised. SQLite takes what it is told and believes it."""
    place = file_system.of(path)
    if place is None:
        return
    if place.is_network:
        raise CannotOpen(
            f"{path} is on a network file system ({place.kind} at {place.mounted_at}), where a write-ahead log and its"
            " locks do not hold.",
            "choose a local disk with --db-filename, or keep nothing with --ephemeral",
        )
    if place.is_memory and durability == "full":
        log.warning(
            "%s is kept in memory (%s at %s): it survives the end of the server, not of the machine.",
            path,
            place.kind,
            place.mounted_at,
        )


def _open_memory(versions: tuple[str, ...]) -> Database:
    connection = InlineConnection(sqlite3.connect(":memory:", isolation_level=None))
    identity = _create(connection.raw, versions)
    add_functions(connection.raw)
    return Database(
        writer=connection,
        reader=connection,
        scanner=connection,
        peeker=connection.raw,
        durability="memory",
        path=":memory:",
        identity=identity,
    )


async def _open_file(
    path: Path, durability: FileDurability, pragmas: dict[str, str], versions: tuple[str, ...], lock: FileLock
) -> Database:
    is_new = check_file(path, len(versions))
    writer = await open_connection(str(path))
    try:
        identity = await writer.run(lambda raw: _prepare(raw, path, is_new, durability, pragmas, versions))
        reader, scanner = await _open_reader(path), await _open_reader(path)
        peeker = sqlite3.connect(path, isolation_level=None)
        _only_read(peeker)
    except BaseException as error:
        await writer.close()
        if isinstance(error, sqlite3.Error):
            raise explain(path, error) from error
        raise
    kind: Durability = durability
    return Database(writer, reader, scanner, peeker, kind, str(path), identity, lock)


async def _open_reader(path: Path) -> Connection:
    reader = await open_connection(str(path))
    await reader.run(_only_read)
    return reader


def _only_read(raw: sqlite3.Connection) -> None:
    raw.execute("PRAGMA busy_timeout = 5000")
    raw.execute(f"PRAGMA cache_size = -{_READER_CACHE_KIB}")
    raw.execute("PRAGMA query_only = ON")
    add_functions(raw)


def _lock(path: Path) -> FileLock:
    lock = FileLock(Path(f"{path}.lock"))
    try:
        lock.acquire()
    except Locked as locked:
        holder = "another process" if locked.pid is None else f"the server with pid {locked.pid}"
        stop = "stop that server" if locked.pid is None else f"stop it (kill {locked.pid})"
        raise CannotOpen(
            f"{path} is in use by {holder}.", f"connect to that server, {stop}, or name another --db-filename"
        ) from None
    except FileNotFoundError:
        raise CannotOpen(f"The directory {path.parent} does not exist.", f"make it: mkdir -p {path.parent}") from None
    except OSError as error:
        raise CannotOpen(
            f"The directory {path.parent} cannot be written to: {error.strerror}.",
            "choose a place that can be with --db-filename, or keep nothing with --ephemeral",
        ) from error
    return lock


def _prepare(
    raw: sqlite3.Connection,
    path: Path,
    is_new: bool,
    durability: FileDurability,
    pragmas: dict[str, str],
    versions: tuple[str, ...],
) -> str:
    raw.execute("PRAGMA busy_timeout = 5000")
    # The first bytes are written with a rollback journal, so that the file itself says whose it is from then on.
    identity = _create(raw, versions) if is_new else _check_and_migrate(raw, path, versions)
    _set_durability(raw, path, durability)
    raw.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
    raw.execute("PRAGMA temp_store = MEMORY")
    for name, value in pragmas.items():
        _set_pragma(raw, name, value)
    return identity


def _create(raw: sqlite3.Connection, versions: tuple[str, ...]) -> str:
    identity = str(uuid.uuid4())
    raw.execute("BEGIN IMMEDIATE")
    try:
        assert raw.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,), "a new file is empty"
        for script in versions:
            _run_script(raw, script)
        raw.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        raw.execute(f"PRAGMA user_version = {len(versions)}")
        raw.execute("INSERT INTO meta (key, value) VALUES ('identity', ?)", (identity,))
        raw.execute("COMMIT")
    except BaseException:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        raise
    return identity


def _check_and_migrate(raw: sqlite3.Connection, path: Path, versions: tuple[str, ...]) -> str:
    version: int = raw.execute("PRAGMA user_version").fetchone()[0]
    if version > len(versions):
        refuse_newer(path, version, len(versions))
    if path.stat().st_size <= _CHECKED_BYTES:
        (verdict,) = raw.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise refuse_corrupt(path, verdict)
    if version < len(versions):
        _back_up(raw, path, version)
        try:
            _migrate(raw, version, versions)
        except sqlite3.Error as error:
            raise CannotOpen(
                f"{path} could not be brought from schema version {version} to {len(versions)}: {error}.",
                "it is left as it was; go on with the wfctl that wrote it, and report this",
            ) from error
    row = raw.execute("SELECT value FROM meta WHERE key = 'identity'").fetchone()
    return str(row[0]) if row else ""


def _back_up(raw: sqlite3.Connection, path: Path, version: int) -> None:
    """A copy of the file as it was, complete before anything changes; an earlier copy is never overwritten."""
    target, number = Path(f"{path}.v{version}.bak"), 1
    while target.exists():
        number += 1
        target = Path(f"{path}.v{version}.{number}.bak")
    unfinished = Path(f"{target}.tmp")
    unfinished.unlink(missing_ok=True)
    copy = sqlite3.connect(unfinished)
    try:
        raw.backup(copy)
    finally:
        copy.close()
    os.replace(unfinished, target)


def _migrate(raw: sqlite3.Connection, version: int, versions: tuple[str, ...]) -> None:
    raw.execute("BEGIN IMMEDIATE")
    try:
        for script in versions[version:]:
            _run_script(raw, script)
        raw.execute(f"PRAGMA user_version = {len(versions)}")
        raw.execute("COMMIT")
    except BaseException:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        raise


def _run_script(raw: sqlite3.Connection, script: str) -> None:
    """Statement by statement, inside the open transaction (`executescript` would commit it)."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            raw.execute(statement)
            statement = ""
    assert not statement.strip(), "a schema version ends with a semicolon"


def _set_durability(raw: sqlite3.Connection, path: Path, durability: FileDurability) -> None:
    """Set, then read back: a filesystem that cannot keep the promise must not be found out by a crash."""
    (mode,) = raw.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise CannotOpen(
            f"{path} cannot have a write-ahead log: SQLite stays in journal mode {mode!r}.",
            "the file is probably on a network or overlay filesystem; choose a local disk with --db-filename",
        )
    wanted = _SYNCHRONOUS[durability]
    raw.execute(f"PRAGMA synchronous = {wanted}")
    if sys.platform == "darwin" and durability == "full":
        raw.execute("PRAGMA fullfsync = ON")
    (applied,) = raw.execute("PRAGMA synchronous").fetchone()
    if applied != wanted:
        raise CannotOpen(
            f"{path}: SQLite did not take durability {durability!r} (synchronous is {applied}, not {wanted}).",
            "try --durability normal, or another disk",
        )


def _set_pragma(raw: sqlite3.Connection, name: str, value: str) -> None:
    if not _PRAGMA.fullmatch(f"{name}={value}"):
        raise CannotOpen(f"--sqlite-pragma {name}={value} is not of the form NAME=VALUE.", "as in cache_size=-65536")
    if name in _OWN_PRAGMAS:
        if (name, value.lower()) == ("journal_mode", "wal"):
            return
        raise CannotOpen(
            f"--sqlite-pragma {name}={value}: wfctl decides {name} itself.", "leave it out; see --durability"
        )
    raw.execute(f"PRAGMA {name} = {value}")
