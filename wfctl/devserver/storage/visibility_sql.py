"""Filters as SQL: names only from tables, everything a client wrote only as a parameter."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any as Anything

from wfctl.devserver.core.visibility import attributes as known
from wfctl.devserver.core.visibility.filters import All, Any, Attribute, Between, Compare, Filter, IsNull, Negation
from wfctl.devserver.core.visibility.values import text_matches

FAR_FUTURE = 2**63 - 1
# Must be spelled exactly as in the index `visibility_newest`, or SQLite does not use it.
ORDER_KEY = f"coalesce(close_time, {FAR_FUTURE})"

_SYSTEM_COLUMNS = {
    "WorkflowId": "workflow_id",
    "RunId": "run_id",
    "WorkflowType": "workflow_type",
    "StartTime": "start_time",
    "ExecutionTime": "execution_time",
    "CloseTime": "close_time",
    "ExecutionStatus": "status",
    "TaskQueue": "task_queue",
    "HistoryLength": "history_length",
    "HistorySizeBytes": "history_size_bytes",
    "ExecutionDuration": "(close_time - execution_time)",
    "StateTransitionCount": "state_transition_count",
    "ParentWorkflowId": "parent_workflow_id",
    "ParentRunId": "parent_run_id",
    "RootWorkflowId": "root_workflow_id",
    "RootRunId": "root_run_id",
}
_RUNNING = 1

# The real server escapes strings for MySQL on SQLite too: a value with one of these matches what it would store so.
_ESCAPES = str.maketrans({'"': '\\"', "\b": "\\b", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"})


@dataclass(frozen=True, slots=True)
class Sql:
    sql: str
    parameters: tuple[Anything, ...] = ()


def add_functions(connection: sqlite3.Connection) -> None:
    """What the conditions need beyond SQLite's own functions."""
    connection.create_function("text_matches", 2, text_matches, deterministic=True)


def where(namespace_id: str, condition: Filter) -> tuple[str, list[Anything]]:
    """The condition and its parameters, for runs of one namespace."""
    made = _condition(condition)
    parts, parameters = ["namespace_id = ?", made.sql], [namespace_id, *made.parameters]
    if _only_running(condition):
        # Open runs lie together at the beginning of the index.
        parts.append(f"{ORDER_KEY} = {FAR_FUTURE}")
    workflow_id = _required_workflow_id(condition)
    if workflow_id is not None:
        parts.append("run_key IN (SELECT run_key FROM executions WHERE namespace_id = ? AND workflow_id = ?)")
        parameters += [namespace_id, workflow_id]
    return " AND ".join(parts), parameters


def custom_key(name: str) -> str:
    """The attribute's key in the `custom` column: itself, or (as JSON paths cannot quote everything) in hexadecimal."""
    return name if name.isascii() and name.isidentifier() else "~" + name.encode().hex()


def column_of(attribute: Attribute) -> Sql:
    if attribute.is_system:
        return Sql(_SYSTEM_COLUMNS[attribute.name])
    return Sql("json_extract(custom, ?)", (_path(attribute),))


def _path(attribute: Attribute) -> str:
    return f'$."{custom_key(attribute.name)}"'


# -- conditions -----------------------------------------------------------------------------------------------------


def _condition(node: Filter) -> Sql:
    match node:
        case All(parts):
            return _joined(" AND ", parts)
        case Any(parts):
            return _joined(" OR ", parts)
        case Negation(part):
            inner = _condition(part)
            return Sql(f"NOT ({inner.sql})", inner.parameters)
        case IsNull(attribute, negated):
            column = column_of(attribute)
            return Sql(f"{column.sql} IS {'NOT ' if negated else ''}NULL", column.parameters)
        case Between(attribute, low, high, negated):
            column = column_of(attribute)
            operator = "NOT BETWEEN" if negated else "BETWEEN"
            return Sql(f"{column.sql} {operator} ? AND ?", (*column.parameters, _bound(low), _bound(high)))
        case Compare():
            return _comparison(node)


def _joined(operator: str, parts: tuple[Filter, ...]) -> Sql:
    made = [_condition(part) for part in parts]
    return Sql(
        "(" + operator.join(part.sql for part in made) + ")" if made else "1",
        tuple(parameter for part in made for parameter in part.parameters),
    )


def _comparison(node: Compare) -> Sql:
    if node.attribute.type == known.KEYWORD_LIST:
        return _list_comparison(node)
    if node.attribute.type == known.TEXT:
        return _text_comparison(node)
    column = column_of(node.attribute)
    if node.operator.endswith("starts_with"):
        negation = "NOT " if node.operator.startswith("not") else ""
        pattern = _prefix_pattern(str(node.value))
        return Sql(f"{column.sql} {negation}LIKE ? ESCAPE '!'", (*column.parameters, pattern))
    if isinstance(node.value, tuple):
        marks = ", ".join("?" * len(node.value))
        return Sql(f"{column.sql} {node.operator} ({marks})", (*column.parameters, *map(_bound, node.value)))
    return Sql(f"{column.sql} {node.operator} ?", (*column.parameters, _bound(node.value)))


def _list_comparison(node: Compare) -> Sql:
    """One of the list's values is one of these; a run without the list has none of them. ASCII case does not count."""
    values = node.value if isinstance(node.value, tuple) else (node.value,)
    negation = "NOT " if node.operator in ("!=", "not in") else ""
    marks = ", ".join("?" * len(values))
    return Sql(
        f"{negation}EXISTS (SELECT 1 FROM json_each(custom, ?) WHERE value COLLATE NOCASE IN ({marks}))",
        (_path(node.attribute), *map(_bound, values)),
    )


def _text_comparison(node: Compare) -> Sql:
    """Whole words; a run without the text matches no word."""
    negation = "NOT " if node.operator == "!=" else ""
    sql = f"{negation}text_matches(coalesce(json_extract(custom, ?), ''), ?)"
    return Sql(sql, (_path(node.attribute), _bound(str(node.value))))


def _bound(value: Anything) -> Anything:
    return value.translate(_ESCAPES) if isinstance(value, str) else value


def _prefix_pattern(prefix: str) -> str:
    escaped = "".join(f"!{char}" if char in "%_!" else char for char in str(_bound(prefix)))
    return f"{escaped}%"


# -- what the planner cannot see ------------------------------------------------------------------------------------


def _required(node: Filter) -> list[Filter]:
    """Conditions that every matching run meets."""
    if isinstance(node, All):
        return [found for part in node.parts for found in _required(part)]
    return [node]


def _only_running(node: Filter) -> bool:
    return any(
        isinstance(part, Compare)
        and part.attribute.name == "ExecutionStatus"
        and part.operator in ("=", "in")
        and part.value in (_RUNNING, (_RUNNING,))
        for part in _required(node)
    )


def _required_workflow_id(node: Filter) -> str | None:
    for part in _required(node):
        if isinstance(part, Compare) and part.attribute.name == "WorkflowId" and part.operator == "=":
            return str(_bound(part.value))
    return None
