"""Rows that many writes of one commit share a statement for.

Every statement costs a hand-over of the interpreter's lock to SQLite and back, which under load is dearer than the row
itself. So the rows that runs write come as `Rows` of a kind, not as statements: a commit puts all of one kind into a few
statements with many rows each. Where a row stands for its key, of two rows with one key the later is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import cache
from typing import Any

# How many rows a statement may have: few different numbers, so that SQLite's prepared statements are found again.
_SIZES = (64, 32, 16, 8, 4, 2, 1)


class Kind:
    """A table's columns (the first is its key) and which of them a second row of one key changes: none, if there is none."""

    def __init__(self, table: str, columns: Sequence[str], changing: Sequence[str] = ()) -> None:
        self.has_changes = bool(changing)
        self._head = f"INSERT INTO {table} ({', '.join(columns)}) VALUES "
        self._row = f"({', '.join('?' * len(columns))})"
        changes = ", ".join(f"{name} = excluded.{name}" for name in changing)
        self._tail = f" ON CONFLICT ({columns[0]}) DO UPDATE SET {changes}" if changes else ""

    @cache  # noqa: B019 (kinds live as long as the program)
    def sql(self, rows: int) -> str:
        return self._head + ", ".join([self._row] * rows) + self._tail


class Pending:
    """Rows that wait for their statements, by kind and key."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._rows: dict[Kind, dict[Any, Sequence[Any]]] = {}

    def add(self, kind: Kind, row: Sequence[Any]) -> None:
        rows = self._rows.setdefault(kind, {})
        rows[row[0] if kind.has_changes else len(rows)] = row

    def flush(self) -> None:
        for kind, by_key in self._rows.items():
            rows = list(by_key.values())
            for size in _SIZES:
                while len(rows) >= size:
                    chunk, rows = rows[:size], rows[size:]
                    self._connection.execute(kind.sql(size), [value for row in chunk for value in row])
        self._rows.clear()
