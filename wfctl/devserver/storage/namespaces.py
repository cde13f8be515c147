"""Namespaces: one row each, its record as JSON."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from wfctl.devserver.core.namespace import BadBinary, Namespace
from wfctl.devserver.storage.database import Statement

_UPSERT = (
    "INSERT INTO namespaces (id, name, record) VALUES (?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name, record = excluded.record"
)


def statements_for(namespace: Namespace) -> list[Statement]:
    """Keep this namespace as it is now."""
    return [(_UPSERT, (namespace.id, namespace.name, json.dumps(_encode(namespace))))]


def statements_for_removal(namespace_id: str) -> list[Statement]:
    return [("DELETE FROM namespaces WHERE id = ?", (namespace_id,))]


def load_all(connection: sqlite3.Connection) -> list[Namespace]:
    rows = connection.execute("SELECT id, name, record FROM namespaces ORDER BY name")
    return [_decode(identifier, name, json.loads(record)) for identifier, name, record in rows]


def _encode(namespace: Namespace) -> dict[str, Any]:
    return {
        "state": namespace.state,
        "description": namespace.description,
        "owner_email": namespace.owner_email,
        "data": dict(namespace.data),
        "retention_seconds": namespace.retention_seconds,
        "bad_binaries": {
            checksum: [binary.reason, binary.operator, binary.create_time_seconds]
            for checksum, binary in namespace.bad_binaries.items()
        },
        "aliases": dict(namespace.aliases),
        "replication_state": namespace.replication_state,
    }


def _decode(identifier: str, name: str, record: dict[str, Any]) -> Namespace:
    binaries = {checksum: BadBinary(*binary) for checksum, binary in record.pop("bad_binaries").items()}
    return Namespace(id=identifier, name=name, bad_binaries=binaries, **record)
