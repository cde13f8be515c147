"""Search attributes that a client sets: defined, of their type, and not too large."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from temporalio.api.common.v1 import Payload, SearchAttributes
from temporalio.api.enums.v1 import IndexedValueType

from wfctl.devserver.core.errors import InvalidArgument
from wfctl.devserver.core.visibility import attributes as known
from wfctl.devserver.core.visibility.values import parse_datetime
from wfctl.devserver.settings import Settings


def check(search_attributes: SearchAttributes, namespace_name: str, custom: known.Types, settings: Settings) -> None:
    """Raise `InvalidArgument` for the first attribute that may not be set like this."""
    check_names(search_attributes, namespace_name, custom)
    check_values(search_attributes, custom, settings)
    check_size(search_attributes, settings)


def check_names(search_attributes: SearchAttributes, namespace_name: str, custom: known.Types) -> None:
    for name in search_attributes.indexed_fields:
        if name not in custom and name not in known.SYSTEM and name not in known.PREDEFINED:
            raise InvalidArgument(f"Namespace {namespace_name} has no mapping defined for search attribute {name}")


def check_values(search_attributes: SearchAttributes, custom: known.Types, settings: Settings) -> None:
    fields = search_attributes.indexed_fields
    if len(fields) > settings.search_attributes_count:
        raise InvalidArgument(
            f"number of search attributes {len(fields)} exceeds limit {settings.search_attributes_count}"
        )
    for name, payload in fields.items():
        if name not in custom and name not in known.SETTABLE:
            raise InvalidArgument(f"{name} attribute can't be set in SearchAttributes")
        _check_value(name, payload, custom.get(name) or known.PREDEFINED[name])


def _check_value(name: str, payload: Payload, value_type: IndexedValueType.ValueType) -> None:
    if payload.metadata.get("encoding") == b"binary/null":
        return
    try:
        value = json.loads(payload.data)
    except ValueError:
        shown = f"value from <{payload.data.decode(errors='replace')}>"
    else:
        if _is_valid(value, value_type):
            return
        shown = _shown(value)
    raise InvalidArgument(f"invalid value for search attribute {name} of type {known.TYPE_NAMES[value_type]}: {shown}")


def check_size(search_attributes: SearchAttributes, settings: Settings) -> None:
    for name, payload in search_attributes.indexed_fields.items():
        if len(payload.data) > settings.search_attribute_value_size:
            raise InvalidArgument(
                f"search attribute {name} value size {len(payload.data)}"
                f" exceeds size limit {settings.search_attribute_value_size}"
            )
    if (size := search_attributes.ByteSize()) > settings.search_attributes_total_size:
        raise InvalidArgument(
            f"total size of search attributes {size} exceeds size limit {settings.search_attributes_total_size}"
        )


def _is_valid(value: Any, value_type: IndexedValueType.ValueType) -> bool:
    """A value of the type, nothing, or (but for lists) a list of at most one such value."""
    is_one = _IS_ONE[value_type]
    if value is None:
        return True
    if value_type == known.KEYWORD_LIST:
        return isinstance(value, list) and all(item is None or is_one(item) for item in value)
    if isinstance(value, list):
        return len(value) <= 1 and all(item is None or is_one(item) for item in value)
    return is_one(value)


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _is_datetime(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        parse_datetime(value)
    except ValueError:
        return False
    return True


_IS_ONE: dict[IndexedValueType.ValueType, Callable[[Any], bool]] = {
    known.TEXT: _is_string,
    known.KEYWORD: _is_string,
    known.KEYWORD_LIST: _is_string,
    known.INT: _is_int,
    known.DOUBLE: _is_number,
    known.BOOL: _is_bool,
    known.DATETIME: _is_datetime,
}


def _shown(value: Any) -> str:
    """A JSON value as the real server prints it."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{' '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{_shown(value[key])}' for key in sorted(value))}]"
    return f"{float(value):g}" if isinstance(value, float) else str(value)
