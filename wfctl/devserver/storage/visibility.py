"""The visibility table: one upsert for each change of a run; lists and counts read it in the order of its index."""

from __future__ import annotations

import json
from typing import Any

from wfctl.devserver.core.visibility.record import VisibilityRecord
from wfctl.devserver.core.visibility.values import plain_values
from wfctl.devserver.storage.database import Statement

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
_UPSERT = (
    f"INSERT INTO visibility ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
    f" ON CONFLICT (run_key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _CHANGING)}"
)


def statements_for(record: VisibilityRecord) -> list[Statement]:
    """Make the table show this record; part of the run's own write."""
    memo, search_attributes = record.memo, record.search_attributes
    has_attributes = search_attributes is not None and len(search_attributes.indexed_fields) > 0
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
        search_attributes.SerializeToString() if search_attributes is not None and has_attributes else None,
        _custom(search_attributes.indexed_fields) if search_attributes is not None and has_attributes else None,
    )
    return [(_UPSERT, values)]


def statements_for_removal(run_key: int) -> list[Statement]:
    return [("DELETE FROM visibility WHERE run_key = ?", (run_key,))]


def custom_key(name: str) -> str:
    """The attribute's key in the `custom` column: itself, or (as JSON paths cannot quote everything) in hexadecimal."""
    return name if name.isascii() and name.isidentifier() else "~" + name.encode().hex()


def _custom(fields: Any) -> str:
    values = {custom_key(name): value for name, value in plain_values(fields).items()}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))
