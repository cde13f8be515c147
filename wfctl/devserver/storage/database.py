"""The database file: connections, durability, and the one writer that groups commits.

Theory. Every change of the server is a `Write`: rows of a kind, or plain statements with their parameters. The writer takes
all writes that wait, runs them as one transaction on SQLite's own thread and then answers them together, so a commit's fsync
is shared by everything that became ready during the previous one. In memory there is no disk to wait for and so no thread: a
commit there takes less time than the way to another thread and back. A failed transaction fails each of its writes *and every write
that was queued behind it*: those may build on state that never reached the disk.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

import aiosqlite

from wfctl.devserver.core.errors import Unavailable
from wfctl.devserver.storage.failpoints import Hit, from_environment
from wfctl.devserver.storage.lock import FileLock
from wfctl.devserver.storage.pacing import Pacing
from wfctl.devserver.storage.rows import Kind, Pending

Durability = Literal["full", "normal", "memory"]
# A row of a kind, or SQL with its parameters.
Statement = tuple[Kind | str, Sequence[Any]]
Result = TypeVar("Result")
log = logging.getLogger("wfctl.storage")


def _nothing() -> None:
    """A write that nobody builds on."""


class Connection(Protocol):
    """Runs whole functions on an SQLite connection, one after the other."""

    @property
    def raw(self) -> sqlite3.Connection: ...

    async def run(self, function: Callable[[sqlite3.Connection], Result]) -> Result: ...

    async def close(self) -> None: ...


class InlineConnection:
    """A connection on the event loop's own thread."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        self.raw = raw

    async def run(self, function: Callable[[sqlite3.Connection], Result]) -> Result:
        return function(self.raw)

    async def close(self) -> None:
        self.raw.close()


class ThreadConnection(aiosqlite.Connection):
    """A connection with a thread: one hop for a transaction, not one a statement as aiosqlite's own methods take."""

    @property
    def raw(self) -> sqlite3.Connection:
        return self._conn

    async def run(self, function: Callable[[sqlite3.Connection], Result]) -> Result:
        return await self._execute(function, self._conn)  # type: ignore[no-any-return,no-untyped-call]


async def open_connection(path: str) -> ThreadConnection:
    connection = ThreadConnection(lambda: sqlite3.connect(path, isolation_level=None, check_same_thread=False), 64)
    await connection
    return connection


@dataclass(slots=True, eq=False)
class Write:
    """Statements that must reach the disk together; `done` resolves after their commit."""

    writer: int
    statements: list[Statement]
    done: asyncio.Future[None]
    # Called before anything else runs when the write is lost, so that nobody builds on what never was.
    on_lost: Callable[[], None]


@dataclass(slots=True, eq=False)
class Database:
    """One open database: its connections (one connection is all of them in memory) and the commit loop."""

    writer: Connection
    reader: Connection
    # For lists and counts, which may look at many rows: no run waits behind them.
    scanner: Connection
    # Used on the event loop's own thread.
    peeker: sqlite3.Connection
    durability: Durability
    path: str
    identity: str = ""  # a uuid that the file keeps for life; shown as the cluster's id
    lock: FileLock | None = None
    _queue: list[Write] = field(default_factory=list)
    _pacing: Pacing = field(default_factory=Pacing)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    commits: int = 0
    _closing: bool = False
    _failing: bool = False
    _hit: Hit | None = field(default_factory=from_environment)  # the fault suite's; None otherwise

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._commit_loop(), name="group-commit")

    def write(
        self, statements: list[Statement], on_lost: Callable[[], None] = _nothing, writer: int = 0
    ) -> asyncio.Future[None]:
        """Queue statements for the next commit; `writer` tells whose they are (a run's key).

        The future fails with `Unavailable` if they did not reach the disk.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._closing:
            done.set_exception(Unavailable("The server is shutting down."))
            return done
        self._queue.append(Write(writer, statements, done, on_lost))
        self._wake.set()
        return done

    async def read(self, function: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a read-only function against committed state. Raises `Unavailable` when the file cannot be read."""
        try:
            return await self.reader.run(function)
        except sqlite3.Error as error:
            raise _unreadable(error) from error

    async def scan(self, function: Callable[[sqlite3.Connection], Result]) -> Result:
        """As `read`, for what may take long."""
        try:
            return await self.scanner.run(function)
        except sqlite3.Error as error:
            raise _unreadable(error) from error

    def peek(self, function: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run a read of a few index pages on the caller's thread: for look-ups that cost less than a thread hop."""
        try:
            return function(self.peeker)
        except sqlite3.Error as error:
            raise _unreadable(error) from error

    async def close(self) -> None:
        """Commit what is queued, then close the connections."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        await self.writer.close()
        if self.reader is not self.writer:
            await self.reader.close()
            await self.scanner.close()
            self.peeker.close()
        if self.lock is not None:
            self.lock.release()

    async def _commit_loop(self) -> None:
        while True:
            if not self._queue:
                if self._closing:
                    return
                self._wake.clear()
                await self._wake.wait()
            # A turn of the loop at least: let everything that is ready join this commit.
            await asyncio.sleep(0 if self._closing else self._pacing.wait_seconds())
            batch, self._queue = self._queue, []
            self._pacing.begin(write.writer for write in batch)
            try:
                await self.writer.run(lambda connection, batch=batch: _commit(connection, batch, self._hit))  # type: ignore[misc]
            except sqlite3.Error as error:
                self._fail(batch, error)
            else:
                self.commits += 1
                if self._failing:
                    self._failing = False
                    log.warning("The database can be written again.")
                for write in batch:
                    if not write.done.done():
                        write.done.set_result(None)
                if self._hit is not None:
                    self._hit("after_answers")

    def _fail(self, batch: list[Write], error: sqlite3.Error) -> None:
        behind, self._queue = self._queue, []
        if not self._failing:
            self._failing = True
            log.error("The database cannot be written: %s. Requests fail as UNAVAILABLE until it can.", error)
        for write in (*batch, *behind):
            write.on_lost()
        for write in (*batch, *behind):
            if not write.done.done():
                write.done.set_exception(Unavailable(f"The change could not be written to the database: {error}"))
                write.done.exception()  # a waiter may be gone; the failure was reported above


def _unreadable(error: sqlite3.Error) -> Unavailable:
    log.error("The database cannot be read: %s.", error)
    return Unavailable(f"The database cannot be read: {error}")


def _commit(connection: sqlite3.Connection, batch: list[Write], hit: Hit | None) -> None:
    if hit is not None:
        hit("before_begin")
    connection.execute("BEGIN IMMEDIATE")
    try:
        rows = Pending(connection)
        for write in batch:
            for statement, values in write.statements:
                if isinstance(statement, Kind):
                    rows.add(statement, values)
                else:
                    rows.flush()  # it may be about them
                    connection.execute(statement, values)
        rows.flush()
        if hit is not None:
            hit("before_commit")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    if hit is not None:
        hit("after_commit")
