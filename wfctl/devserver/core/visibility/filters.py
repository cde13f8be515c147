"""What a filter means: names become search attributes, values get the attribute's type, and the rest is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from temporalio.api.enums.v1 import IndexedValueType, WorkflowExecutionStatus

from wfctl.devserver.core.visibility import attributes as known
from wfctl.devserver.core.visibility import syntax
from wfctl.devserver.core.visibility.syntax import Node, QueryError
from wfctl.devserver.core.visibility.values import parse_datetime

Scalar = str | int | float | bool
DIVISION = "TemporalNamespaceDivision"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A search attribute as the query resolved it: `alias` as written, `name` as stored."""

    alias: str
    name: str
    type: IndexedValueType.ValueType

    @property
    def is_system(self) -> bool:
        return self.name in known.SYSTEM


@dataclass(frozen=True, slots=True)
class Compare:
    """`operator`: = != < > <= >= in, not in, starts_with, not starts_with (the value of IN is a tuple)."""

    attribute: Attribute
    operator: str
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Between:
    attribute: Attribute
    low: Scalar
    high: Scalar
    negated: bool


@dataclass(frozen=True, slots=True)
class IsNull:
    attribute: Attribute
    negated: bool


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Any:
    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    part: Filter


Filter = Compare | Between | IsNull | All | Any | Negation


@dataclass(frozen=True, slots=True)
class Criteria:
    """A whole query: which runs, and by what they are counted."""

    filter: Filter
    group_by: Attribute | None = None


_COMPARE = frozenset({"=", "!=", "<", ">", "<=", ">=", "in", "not in"})
_OPERATORS = {
    known.KEYWORD: _COMPARE | {"starts_with", "not starts_with"},
    known.KEYWORD_LIST: frozenset({"=", "!=", "in", "not in"}),
    known.TEXT: frozenset({"=", "!="}),
}
_RANGE_TYPES = frozenset({known.DATETIME, known.DOUBLE, known.INT, known.KEYWORD})
_GROUP_BY = frozenset({"ExecutionStatus", DIVISION})


def read(query: str, custom: known.Types) -> Criteria:
    """The meaning of a query in a namespace with these custom attributes. Raises `QueryError`."""
    tree = syntax.parse(query)
    if tree.has_order_by:
        raise QueryError("operation is not supported: 'ORDER BY' clause")
    if tree.has_limit:
        raise QueryError("operation is not supported: 'LIMIT' clause")
    return _Reader(custom).read(tree)


class _Reader:
    def __init__(self, custom: known.Types) -> None:
        self._custom = custom
        self._division_seen = False

    def read(self, tree: syntax.Query) -> Criteria:
        parts: list[Filter] = [] if tree.where is None else [self._filter(tree.where)]
        group_by = self._group_by(tree.group_by)
        if not self._division_seen:
            # What the server runs for itself lives in divisions; a query that does not name them does not see it.
            parts.append(IsNull(Attribute(DIVISION, DIVISION, known.KEYWORD), negated=False))
        return Criteria(All(tuple(parts)), group_by)

    def _group_by(self, columns: tuple[Node, ...]) -> Attribute | None:
        if len(columns) > 1:
            raise QueryError("operation is not supported: 'GROUP BY' clause supports only a single field")
        for column in columns:
            attribute = self._attribute(column)
            if attribute.name not in _GROUP_BY:
                raise QueryError(
                    "operation is not supported:"
                    f" 'GROUP BY' clause is not supported for search attribute {attribute.alias}"
                )
            return attribute
        return None

    # -- conditions -----------------------------------------------------------------------------------------------

    def _filter(self, node: Node) -> Filter:
        match node:
            case syntax.Paren(inner):
                return self._filter(inner)
            case syntax.Not(inner):
                return Negation(self._filter(inner))
            case syntax.And(parts):
                return All(tuple(map(self._filter, parts)))
            case syntax.Or(parts):
                return Any(tuple(map(self._filter, parts)))
            case syntax.Comparison():
                return self._comparison(node)
            case syntax.Range():
                return self._range(node)
            case syntax.Is():
                return self._is(node)
            case syntax.Column():
                raise QueryError("invalid expression: incomplete expression")
            case syntax.Other("*sqlparser.FuncExpr"):
                raise QueryError("operation is not supported: function expression")
            case _:
                raise QueryError(f"operation is not supported: expression of type {node.kind}")

    def _comparison(self, node: syntax.Comparison) -> Filter:
        attribute = self._attribute(node.left)
        value = self._value(node.right, attribute)
        operator = node.operator
        if operator not in _OPERATORS.get(attribute.type, _COMPARE):
            raise QueryError(
                f"operation is not supported: operator '{operator.upper()}' not supported for"
                f" {known.TYPE_NAMES[attribute.type]} type search attribute '{attribute.alias}'"
            )
        if operator.endswith("starts_with") and (isinstance(value, tuple) or attribute.name == "ExecutionStatus"):
            raise QueryError(
                f'invalid expression: right-hand side of "{operator}" operator must be a literal string'
                f" (got: {_shown_value(value)})"
            )
        if isinstance(value, tuple) != operator.endswith("in"):
            raise QueryError(f"invalid expression: unexpected value type {node.right.kind}")
        if attribute.type == known.TEXT and not str(value).split():
            raise QueryError("invalid expression: unexpected value for Text type search attribute (no tokens found)")
        return Compare(attribute, operator, value)

    def _range(self, node: syntax.Range) -> Filter:
        attribute = self._attribute(node.left)
        if attribute.type not in _RANGE_TYPES:
            raise QueryError(
                f"invalid expression: cannot do range condition on search attribute '{attribute.alias}'"
                f" of type {known.TYPE_NAMES[attribute.type]}"
            )
        low, high = self._value(node.low, attribute), self._value(node.high, attribute)
        for value, bound in ((low, node.low), (high, node.high)):
            if isinstance(value, tuple):
                raise QueryError(f"invalid expression: unexpected value type {bound.kind}")
        assert not isinstance(low, tuple)
        assert not isinstance(high, tuple)
        return Between(attribute, low, high, node.negated)

    def _is(self, node: syntax.Is) -> Filter:
        attribute = self._attribute(node.inner)
        if node.what not in ("null", "not null"):
            raise QueryError("invalid expression: 'IS' operator can only be used as 'IS NULL' or 'IS NOT NULL'")
        return IsNull(attribute, negated=node.what == "not null")

    # -- names ----------------------------------------------------------------------------------------------------

    def _attribute(self, node: Node) -> Attribute:
        if not isinstance(node, syntax.Column):
            raise QueryError(f"invalid expression: must be a column name but was {node.kind}")
        attribute = self._resolve(node.name.replace("`", ""))
        if attribute.name == DIVISION:
            self._division_seen = True
        return attribute

    def _resolve(self, alias: str) -> Attribute:
        if alias in self._custom and alias not in known.SYSTEM and alias not in known.PREDEFINED:
            return Attribute(alias, alias, self._custom[alias])
        for name in (alias, _other_spelling(alias)):
            value_type = known.SYSTEM.get(name) or known.PREDEFINED.get(name)
            if value_type is not None:
                return Attribute(alias, name, value_type)
        raise QueryError(f"invalid search attribute: {alias}")

    # -- values ---------------------------------------------------------------------------------------------------

    def _value(self, node: Node, attribute: Attribute) -> Scalar | tuple[Scalar, ...]:
        match node:
            case syntax.Literal():
                return _typed(_scalar(node), attribute)
            case syntax.Boolean(value):
                return _typed(value, attribute)
            case syntax.Values(items):
                values = [self._value(item, attribute) for item in items]
                nested = [item.kind for item, value in zip(items, values, strict=True) if isinstance(value, tuple)]
                if nested:
                    raise QueryError(f"invalid expression: unexpected value type {nested[0]}")
                return tuple(value for value in values if not isinstance(value, tuple))
            case syntax.Other("*sqlparser.FuncExpr"):
                raise QueryError("operation is not supported: nested func")
            case syntax.Column(name):
                raise QueryError(
                    "operation is not supported: column name on the right side of comparison expression"
                    f' (did you forget to quote "{name}"?)'
                )
            case _:
                raise QueryError(f"invalid expression: unexpected value type {node.kind}")


def _other_spelling(alias: str) -> str:
    """System attributes go by their name with and without `Temporal`; a schedule's id is its workflow's."""
    if alias.removeprefix("Temporal") == "ScheduleId":
        return "WorkflowId"
    return alias.removeprefix("Temporal") if alias.startswith("Temporal") else f"Temporal{alias}"


def _scalar(literal: syntax.Literal) -> Scalar:
    if literal.is_string:
        return literal.text.strip("'")
    try:
        number = int(literal.text)
    except ValueError:
        pass
    else:
        return number if -(2**63) <= number < 2**63 else float(number)
    try:
        return float(literal.text)
    except ValueError:
        raise QueryError(f'invalid expression: unable to parse value "{literal.shown()}"') from None


def _typed(value: Scalar, attribute: Attribute) -> Scalar:
    if attribute.name == "ExecutionStatus":
        return _status(value)
    if attribute.name == "ExecutionDuration":
        return _duration(value)
    return _READERS[attribute.type](value, attribute)


def _status(value: Scalar) -> int:
    if isinstance(value, bool | float):
        raise QueryError(
            f"invalid expression: unexpected value type {_go_type(value)} for search attribute ExecutionStatus"
        )
    if isinstance(value, int):
        if value in WorkflowExecutionStatus.values():
            return value
        raise QueryError(f"invalid expression: invalid ExecutionStatus value {value}")
    number = _STATUSES.get(value)
    if number is None:
        raise QueryError(f"invalid expression: invalid ExecutionStatus value '{value}'")
    return number


def status_name(status: int) -> str:
    """A status as visibility spells it: ContinuedAsNew."""
    full = WorkflowExecutionStatus.Name(status)  # type: ignore[arg-type]
    return "".join(word.capitalize() for word in full.removeprefix("WORKFLOW_EXECUTION_STATUS_").split("_"))


_STATUSES: dict[str, int] = {}
for _number in WorkflowExecutionStatus.values():
    _STATUSES[WorkflowExecutionStatus.Name(_number)] = _number
    _STATUSES[status_name(_number)] = _number


def _duration(value: Scalar) -> int:
    if isinstance(value, bool | float):
        raise QueryError(
            f"invalid expression: unexpected value type {_go_type(value)} for search attribute ExecutionDuration"
        )
    if isinstance(value, int):
        return value
    nanoseconds = parse_duration(value)
    if nanoseconds is None:
        raise QueryError(f"invalid expression: invalid duration value for search attribute ExecutionDuration: {value}")
    return nanoseconds


_UNITS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}
_DURATION = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h|d))+|[+-]?0")
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)")
_CLOCK = re.compile(r"(\d+):([0-5]\d):([0-5]\d)")


def parse_duration(text: str) -> int | None:
    """`300ms`, `2h45m`, `1d`, `00:10:00` or a number of nanoseconds, in nanoseconds; None when it is none of them."""
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    if _DURATION.fullmatch(text):
        total = sum(round(float(amount) * _UNITS[unit]) for amount, unit in _DURATION_PART.findall(text))
        return -total if text.startswith("-") else total
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = map(int, clock.groups())
        return (hours * 3600 + minutes * 60 + seconds) * 10**9
    return None


def _wrong_type(value: Scalar, attribute: Attribute) -> QueryError:
    return QueryError(
        f"invalid expression: invalid value type for search attribute {attribute.alias}"
        f" of type {known.TYPE_NAMES[attribute.type]}: {_go_syntax(value)} (type: {_go_type(value)})"
    )


def _read_number(value: Scalar, attribute: Attribute) -> Scalar:
    if isinstance(value, bool | str):
        raise _wrong_type(value, attribute)
    return value


def _read_bool(value: Scalar, attribute: Attribute) -> Scalar:
    if not isinstance(value, bool):
        raise _wrong_type(value, attribute)
    return value


def _read_string(value: Scalar, attribute: Attribute) -> Scalar:
    if not isinstance(value, str):
        raise _wrong_type(value, attribute)
    return value


def _read_datetime(value: Scalar, attribute: Attribute) -> Scalar:
    if isinstance(value, bool | float):
        raise _wrong_type(value, attribute)
    if isinstance(value, int):
        return value
    try:
        return parse_datetime(value)
    except ValueError:
        raise QueryError(f"invalid expression: unable to parse datetime '{value}'") from None


_READERS: dict[IndexedValueType.ValueType, Callable[[Scalar, Attribute], Scalar]] = {
    known.INT: _read_number,
    known.DOUBLE: _read_number,
    known.BOOL: _read_bool,
    known.DATETIME: _read_datetime,
    known.KEYWORD: _read_string,
    known.KEYWORD_LIST: _read_string,
    known.TEXT: _read_string,
}


def _go_type(value: Scalar) -> str:
    """A value's type as the real server names it in its messages."""
    return {str: "string", bool: "bool", int: "int64", float: "float64"}[type(value)]


def _go_syntax(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else f"{value:.17g}"


def _shown_value(value: Scalar | tuple[Scalar, ...]) -> str:
    return f"[{' '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)
