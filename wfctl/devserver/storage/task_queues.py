"""Task queues that someone configured: one row each."""

from __future__ import annotations

import sqlite3

from wfctl.devserver.storage.database import Statement

_UPSERT = (
    "INSERT INTO task_queues (namespace_id, name, record) VALUES (?, ?, ?)"
    " ON CONFLICT (namespace_id, name) DO UPDATE SET record = excluded.record"
)


def statements_for(namespace_id: str, name: str, record: bytes) -> list[Statement]:
    """Keep this queue's record as it is now."""
    return [(_UPSERT, (namespace_id, name, record))]


def load_all(connection: sqlite3.Connection) -> list[tuple[str, str, bytes]]:
    """(namespace id, queue name, record) of every queue."""
    return list(connection.execute("SELECT namespace_id, name, record FROM task_queues"))
