"""Rows of many writes, put into few statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from wfctl.devserver.storage.rows import Kind, Pending

STATE = Kind("state", ("key", "value"), changing=("value",))
LOG = Kind("log", ("position", "line"))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE state (key INTEGER PRIMARY KEY, value TEXT)")
    connection.execute("CREATE TABLE log (position INTEGER PRIMARY KEY, line TEXT)")
    yield connection
    connection.close()


@pytest.mark.parametrize("count", [1, 2, 3, 63, 64, 65, 200])
def test_every_row_is_written_however_many_there_are(connection: sqlite3.Connection, count: int) -> None:
    rows = Pending(connection)
    expected = [(number, f"value {number}") for number in range(count)]
    for row in expected:
        rows.add(STATE, row)
        rows.add(LOG, row)
    rows.flush()
    assert connection.execute("SELECT * FROM state ORDER BY key").fetchall() == expected
    assert connection.execute("SELECT * FROM log ORDER BY position").fetchall() == expected


def test_many_rows_take_few_statements(connection: sqlite3.Connection) -> None:
    statements: list[str] = []
    rows = Pending(connection)
    for number in range(127):
        rows.add(STATE, (number, "x"))
    connection.set_trace_callback(statements.append)
    rows.flush()
    assert len(statements) == 7


def test_the_last_row_of_a_key_stands(connection: sqlite3.Connection) -> None:
    rows = Pending(connection)
    for value in ("first", "second", "third"):
        rows.add(STATE, (1, value))
    rows.flush()
    rows.add(STATE, (1, "fourth"))
    rows.flush()
    assert connection.execute("SELECT * FROM state").fetchall() == [(1, "fourth")]


def test_two_rows_in_one_place_of_a_log_are_refused_not_merged(connection: sqlite3.Connection) -> None:
    rows = Pending(connection)
    rows.add(LOG, (1, "first"))
    rows.add(LOG, (1, "another"))
    with pytest.raises(sqlite3.IntegrityError):
        rows.flush()
