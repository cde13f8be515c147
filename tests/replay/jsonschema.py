"""As much of JSON Schema as the schemas here use; says where a document breaks which rule."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "integer": (int,), "number": (int, float),
    "null": (type(None),),
}  # fmt: skip
_KNOWN = frozenset(
    [
        "$schema",
        "$id",
        "id",
        "$ref",
        "$defs",
        "definitions",
        "title",
        "description",
        "default",
        "type",
        "enum",
        "const",
        "properties",
        "required",
        "items",
        "format",
        "additionalProperties",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minimum",
        "maximum",
        "minLength",
        "pattern",
        "anyOf",
        "oneOf",
        "allOf",
    ]
)


def mistakes(document: Any, schema: dict[str, Any]) -> list[str]:
    return list(_check(document, schema, schema, "$"))


def _check(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str) -> Iterator[str]:
    unknown = schema.keys() - _KNOWN
    assert not unknown, f"this validator does not know {unknown}"
    if "$ref" in schema:
        target: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        yield from _check(value, target, root, at)
    yield from _check_value(value, schema, at)
    yield from _check_combined(value, schema, root, at)
    if isinstance(value, dict):
        yield from _check_object(value, schema, root, at)
    if isinstance(value, list):
        yield from _check_array(value, schema, root, at)


def _check_value(value: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
    wanted = schema.get("type")
    if wanted is not None and not any(_is(value, name) for name in ([wanted] if isinstance(wanted, str) else wanted)):
        yield f"{at}: {value!r} is not {wanted}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: {value!r} is not {schema['const']!r}"
    if _is(value, "number") and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        yield f"{at}: {value} is out of range"
    if isinstance(value, str):
        if len(value) < schema.get("minLength", 0):
            yield f"{at}: {value!r} is too short"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{at}: {value!r} does not match {schema['pattern']}"
        if schema.get("format") in ("uri", "uri-reference") and re.search(r"[\s<>\"{}|\\^`]", value):
            yield f"{at}: {value!r} is no URI"


def _is(value: Any, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and not (isinstance(value, bool) and name in ("integer", "number"))


def _check_combined(value: Any, schema: dict[str, Any], root: dict[str, Any], at: str) -> Iterator[str]:
    for name in ("anyOf", "oneOf", "allOf"):
        parts = schema.get(name)
        if parts is None:
            continue
        good = sum(1 for part in parts if not list(_check(value, part, root, at)))
        if good not in {"anyOf": range(1, len(parts) + 1), "oneOf": (1,), "allOf": (len(parts),)}[name]:
            yield f"{at}: fits {good} of {name}"


def _check_object(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at}: {name} is missing"
    properties, rest = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name, item in value.items():
        if name in properties:
            yield from _check(item, properties[name], root, f"{at}.{name}")
        elif rest is False:
            yield f"{at}: {name} is not allowed"
        elif isinstance(rest, dict):
            yield from _check(item, rest, root, f"{at}.{name}")


def _check_array(value: list[Any], schema: dict[str, Any], root: dict[str, Any], at: str) -> Iterator[str]:
    if len(value) < schema.get("minItems", 0) or len(value) > schema.get("maxItems", len(value)):
        yield f"{at}: has {len(value)} items"
    if schema.get("uniqueItems") and len({json.dumps(item, sort_keys=True) for item in value}) < len(value):
        yield f"{at}: has equal items"
    if isinstance(schema.get("items"), dict):
        for index, item in enumerate(value):
            yield from _check(item, schema["items"], root, f"{at}[{index}]")
