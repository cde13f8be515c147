"""Runs on disk: one row of state, and their events as fragments."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from wfctl.devserver.core import effects
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.storage import visibility as visibility_storage
from wfctl.devserver.storage.database import Statement
from wfctl.devserver.storage.rows import Kind

POSITION_BITS = 20

_COLUMNS = (
    "run_key",
    "namespace_id",
    "workflow_id",
    "run_id",
    "status",
    "next_event_id",
    "deadline",
    "pending",
    "unevented",
)
STATE = Kind("executions", _COLUMNS, changing=_COLUMNS[4:])
EVENTS = Kind("history", ("position", "events"))


@dataclass(frozen=True, slots=True)
class StoredRun:
    namespace_id: str
    workflow_id: str
    run_id: str
    next_event_id: int
    unevented: bytes
    events: bytes


@dataclass(frozen=True, slots=True)
class OpenRun:
    run_key: int
    is_open: bool
    deadline: datetime | None
    pending: bool


def position(run_key: int, event_id: int) -> int:
    return run_key << POSITION_BITS | event_id


def statements(
    run_key: int,
    execution: Execution,
    *,
    first_event_id: int,
    deadline: datetime | None,
    unevented: bytes,
    visibility: bool,
    batches: Sequence[int] = (),
) -> list[Statement]:
    """What brings the disk from `first_event_id` to the run's present state."""
    stamp = None if deadline is None else deadline.timestamp()
    state = (
        run_key,
        execution.namespace_id,
        execution.workflow_id,
        execution.run_id,
        execution.status,
        execution.next_event_id,
        stamp,
        execution.has_pending_work,
        unevented,
    )
    out: list[Statement] = [(STATE, state)]
    if execution.next_event_id > first_event_id:
        starts = batches or (first_event_id,)
        for start, end in zip(starts, (*starts[1:], None), strict=True):
            out.append((EVENTS, (position(run_key, start), execution.history.fragment(start, end))))
    if visibility:
        out += visibility_storage.statements_for(execution.visibility_record(run_key))
    return out


def removal(run_key: int) -> list[Statement]:
    """What takes a run off the disk."""
    return [
        ("DELETE FROM executions WHERE run_key = ?", (run_key,)),
        ("DELETE FROM history WHERE position >= ? AND position < ?", (position(run_key, 0), position(run_key + 1, 0))),
        *visibility_storage.statements_for_removal(run_key),
    ]


def of_namespace(connection: sqlite3.Connection, namespace_id: str, limit: int) -> list[int]:
    """Some of a namespace's runs."""
    rows = connection.execute("SELECT run_key FROM executions WHERE namespace_id = ? LIMIT ?", (namespace_id, limit))
    return [key for (key,) in rows]


def settled(run_key: int) -> Statement:
    """A closed run has nothing more to say to others."""
    return "UPDATE executions SET pending = 0 WHERE run_key = ?", (run_key,)


def span(run_key: int) -> tuple[int, int]:
    """The first and last position that the run's events can have."""
    return position(run_key, 0), position(run_key + 1, 0) - 1


def changes_visibility(first_event_id: int, pending: Iterable[effects.Effect]) -> bool:
    """Whether list and count see a difference: the run began, closed, or changed its attributes."""
    return first_event_id == 1 or any(
        isinstance(effect, effects.Closed | effects.VisibilityChanged) for effect in pending
    )


def find_key(connection: sqlite3.Connection, namespace_id: str, workflow_id: str, run_id: str) -> int | None:
    """The run's key; without a run id that of the newest run."""
    if run_id:
        sql = "SELECT run_key FROM executions WHERE namespace_id = ? AND workflow_id = ? AND run_id = ?"
        row = connection.execute(sql, (namespace_id, workflow_id, run_id)).fetchone()
    else:
        sql = "SELECT max(run_key) FROM executions WHERE namespace_id = ? AND workflow_id = ?"
        row = connection.execute(sql, (namespace_id, workflow_id)).fetchone()
    return None if row is None else row[0]


def load(connection: sqlite3.Connection, run_key: int) -> StoredRun | None:
    row = connection.execute(
        "SELECT namespace_id, workflow_id, run_id, next_event_id, unevented FROM executions WHERE run_key = ?",
        (run_key,),
    ).fetchone()
    if row is None:
        return None
    namespace_id, workflow_id, run_id, next_event_id, unevented = row
    return StoredRun(namespace_id, workflow_id, run_id, next_event_id, unevented, events(connection, run_key))


def events(connection: sqlite3.Connection, run_key: int) -> bytes:
    """The whole history as one fragment."""
    rows = connection.execute(
        "SELECT events FROM history WHERE position BETWEEN ? AND ? ORDER BY position",
        span(run_key),
    )
    return b"".join(row[0] for row in rows)


def open_runs(connection: sqlite3.Connection) -> tuple[list[OpenRun], int]:
    """The runs that boot must know, and the next free run key."""
    rows = connection.execute(
        "SELECT run_key, status, deadline, pending FROM executions WHERE status = 1 OR pending = 1"
    )
    found = [
        OpenRun(key, status == 1, None if stamp is None else datetime.fromtimestamp(stamp, UTC), bool(pending))
        for key, status, stamp, pending in rows
    ]
    last = connection.execute("SELECT max(run_key) FROM executions").fetchone()[0]
    return found, (last or 0) + 1
