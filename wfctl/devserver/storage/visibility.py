"""The visibility table: one upsert for each change of a run; lists and counts read it in the order of its index."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from temporalio.api.common.v1 import Memo, SearchAttributes

from wfctl.devserver.core.visibility.filters import Criteria
from wfctl.devserver.core.visibility.record import VisibilityRecord
from wfctl.devserver.core.visibility.values import plain_values
from wfctl.devserver.storage.database import Statement
from wfctl.devserver.storage.rows import Kind
from wfctl.devserver.storage.visibility_sql import FAR_FUTURE, ORDER_KEY, column_of, custom_key, where

_COLUMNS = (
    "run_key",
    "namespace_id",
    "workflow_id",
    "run_id",
    "workflow_type",
    "status",
    "start_time",
    "execution_time",
    "close_time",
    "task_queue",
    "history_length",
    "history_size_bytes",
    "state_transition_count",
    "parent_workflow_id",
    "parent_run_id",
    "root_workflow_id",
    "root_run_id",
    "memo",
    "search_attributes",
    "custom",
)
# What can differ between two records of one run.
_CHANGING = (
    "status",
    "execution_time",
    "close_time",
    "task_queue",
    "history_length",
    "history_size_bytes",
    "state_transition_count",
    "memo",
    "search_attributes",
    "custom",
)
RECORD = Kind("visibility", _COLUMNS, changing=_CHANGING)


def statements_for(record: VisibilityRecord) -> list[Statement]:
    """Make the table show this record; part of the run's own write."""
    memo, search_attributes = record.memo, record.search_attributes
    attributes = search_attributes.SerializeToString() if search_attributes is not None else b""
    values = (
        record.run_key,
        record.namespace_id,
        record.workflow_id,
        record.run_id,
        record.workflow_type,
        record.status,
        record.start_time,
        record.execution_time,
        record.close_time,
        record.task_queue,
        record.history_length,
        record.history_size_bytes,
        record.state_transition_count,
        record.parent_workflow_id or None,
        record.parent_run_id or None,
        record.root_workflow_id,
        record.root_run_id,
        memo.SerializeToString() if memo is not None and memo.fields else None,
        attributes or None,
        _custom(attributes) if attributes else None,
    )
    return [(RECORD, values)]


def statements_for_removal(run_key: int) -> list[Statement]:
    return [("DELETE FROM visibility WHERE run_key = ?", (run_key,))]


def closed_before(connection: sqlite3.Connection, namespace_id: str, time: int, limit: int) -> list[int]:
    """Runs of a namespace that closed before this time."""
    rows = connection.execute(
        f"SELECT run_key FROM visibility WHERE namespace_id = ? AND {ORDER_KEY} < ? LIMIT ?",
        (namespace_id, time, limit),
    )
    return [key for (key,) in rows]


@lru_cache(maxsize=1024)  # most runs of a worker have the same ones
def _custom(attributes: bytes) -> str:
    fields = SearchAttributes.FromString(attributes).indexed_fields
    values = {custom_key(name): value for name, value in plain_values(fields).items()}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


# -- reading --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the order key of its last record."""

    close_order: int
    start_time: int
    run_key: int


@dataclass(frozen=True, slots=True)
class Page:
    records: list[VisibilityRecord]
    # None when this page was not full
    end: Position | None


def list_records(
    connection: sqlite3.Connection, namespace_id: str, criteria: Criteria, page_size: int, after: Position | None
) -> Page:
    """Open runs by newest start, then closed ones by newest close."""
    condition, parameters = where(namespace_id, criteria.filter)
    if after is not None:
        # The first comparison is a seek in the index (which a row value is not); the second steps over what was shown.
        condition += (
            f" AND {ORDER_KEY} <= ? AND ({ORDER_KEY} < ? OR start_time < ? OR (start_time = ? AND run_key > ?))"
        )
        parameters += [after.close_order, after.close_order, after.start_time, after.start_time, after.run_key]
    rows = connection.execute(
        f"SELECT {', '.join(_COLUMNS)} FROM visibility WHERE {condition}"
        f" ORDER BY {ORDER_KEY} DESC, start_time DESC, run_key LIMIT ?",
        (*parameters, page_size),
    )
    records = [_record(row) for row in rows]
    if len(records) < page_size:
        return Page(records, None)
    last = records[-1]
    close_order = FAR_FUTURE if last.close_time is None else last.close_time
    return Page(records, Position(close_order, last.start_time, last.run_key))


def count_records(connection: sqlite3.Connection, namespace_id: str, criteria: Criteria) -> int:
    condition, parameters = where(namespace_id, criteria.filter)
    (count,) = connection.execute(f"SELECT count(*) FROM visibility WHERE {condition}", parameters).fetchone()
    return int(count)


def count_groups(
    connection: sqlite3.Connection, namespace_id: str, criteria: Criteria
) -> list[tuple[int | str | None, int]]:
    """(value, count) for each value of the attribute that the criteria group by."""
    assert criteria.group_by is not None
    condition, parameters = where(namespace_id, criteria.filter)
    column = column_of(criteria.group_by)
    return connection.execute(
        f"SELECT {column.sql}, count(*) FROM visibility WHERE {condition} GROUP BY 1 ORDER BY 1",
        (*column.parameters, *parameters),
    ).fetchall()


def record_of(connection: sqlite3.Connection, run_key: int) -> VisibilityRecord | None:
    """What lists show of one run."""
    row = connection.execute(f"SELECT {', '.join(_COLUMNS)} FROM visibility WHERE run_key = ?", (run_key,)).fetchone()
    return None if row is None else _record(row)


def _record(row: tuple[Any, ...]) -> VisibilityRecord:
    values = dict(zip(_COLUMNS, row, strict=True))
    del values["custom"]
    values["parent_workflow_id"] = values["parent_workflow_id"] or ""
    values["parent_run_id"] = values["parent_run_id"] or ""
    if values["memo"] is not None:
        values["memo"] = Memo.FromString(values["memo"])
    if values["search_attributes"] is not None:
        values["search_attributes"] = SearchAttributes.FromString(values["search_attributes"])
    return VisibilityRecord(**values)
