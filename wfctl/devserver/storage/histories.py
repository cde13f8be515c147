"""Histories on disk, batch by batch: a page costs what it shows, however long the history is."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from wfctl.devserver.core.history import split
from wfctl.devserver.storage.executions import POSITION_BITS, position, span

OPEN = 1


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a history without reading it."""

    run_id: str
    is_open: bool
    next_event_id: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step wrote: a serialized History."""

    first_event_id: int
    events: bytes

    @property
    def next_event_id(self) -> int:
        return self.first_event_id + sum(1 for _ in split(self.events))


def head(connection: sqlite3.Connection, run_key: int) -> Head | None:
    row = connection.execute(
        "SELECT run_id, status, next_event_id FROM executions WHERE run_key = ?", (run_key,)
    ).fetchone()
    return None if row is None else Head(row[0], row[1] == OPEN, row[2])


def batch_starts(connection: sqlite3.Connection, run_key: int) -> list[int]:
    """The first event id of every batch."""
    first, last = span(run_key)
    rows = connection.execute(
        "SELECT position FROM history WHERE position BETWEEN ? AND ? ORDER BY position", (first, last)
    )
    return [_event_id(row[0]) for row in rows]


def batches(connection: sqlite3.Connection, run_key: int, first_event_id: int, limit: int) -> list[Batch]:
    """Up to `limit` batches from this event on; if it stands within one, that one without what comes before."""
    first_position, last_position = span(run_key)
    rows = connection.execute(
        "SELECT position, events FROM history WHERE position >= coalesce("
        "(SELECT max(position) FROM history WHERE position BETWEEN ? AND ?), ?) AND position <= ?"
        " ORDER BY position LIMIT ?",
        (first_position, position(run_key, first_event_id), first_position, last_position, limit),
    )
    found = [Batch(_event_id(at), events) for at, events in rows]
    if found and found[0].first_event_id < first_event_id:
        rest = list(split(found[0].events))[first_event_id - found[0].first_event_id :]
        found[:1] = [Batch(first_event_id, b"".join(rest))] if rest else []
    return found


def batches_before(connection: sqlite3.Connection, run_key: int, next_event_id: int, limit: int) -> list[Batch]:
    """Up to `limit` batches that end before this event, the newest first."""
    rows = connection.execute(
        "SELECT position, events FROM history WHERE position BETWEEN ? AND ? ORDER BY position DESC LIMIT ?",
        (span(run_key)[0], position(run_key, next_event_id) - 1, limit),
    )
    return [Batch(_event_id(at), events) for at, events in rows]


def _event_id(at: int) -> int:
    return at & ((1 << POSITION_BITS) - 1)
