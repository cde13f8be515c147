"""Protobuf messages as the JSON that Temporal's own tools print.

Ordinary protojson, in the order in which the fields are declared, with one addition: the shorthand, in which a
payload that holds plain JSON is printed as that JSON. History files that SDKs replay are printed without it.
"""

from __future__ import annotations

import base64
import json
import math
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_PAYLOAD = "temporal.api.common.v1.Payload"
_PAYLOADS = "temporal.api.common.v1.Payloads"
_SIXTY_FOUR_BITS = frozenset(
    {
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT64,
        FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_FIXED64,
        FieldDescriptor.TYPE_SFIXED64,
    }
)
_NO_SHORTHAND = object()


def to_json(message: Message, *, shorthand: bool = True) -> Any:
    """A message as values that `json.dumps` takes."""
    name = message.DESCRIPTOR.full_name
    if shorthand:
        if name == _PAYLOAD:
            value = payload_shorthand(message)
            if value is not _NO_SHORTHAND:
                return value
        elif name == _PAYLOADS:
            values = [payload_shorthand(payload) for payload in message.payloads]  # type: ignore[attr-defined]
            if all(value is not _NO_SHORTHAND for value in values):
                return values
    if name.startswith("google.protobuf."):
        return json_format.MessageToDict(message)
    fields = sorted(message.ListFields(), key=lambda field: field[0].index)
    return {field.json_name: _field(field, value, shorthand) for field, value in fields}


def payload_shorthand(payload: Any) -> Any:
    """The JSON that a payload holds, or a marker that it cannot be shortened without loss."""
    encoding = payload.metadata.get("encoding")
    if encoding == b"binary/null":
        return None
    try:
        if encoding == b"json/plain" and len(payload.metadata) == 1:
            return json.loads(payload.data)
        if encoding == b"json/protobuf" and len(payload.metadata) == 2 and payload.metadata.get("messageType"):
            value = json.loads(payload.data)
            if isinstance(value, dict):
                return {**value, "_protoMessageType": payload.metadata["messageType"].decode()}
    except ValueError:
        return _NO_SHORTHAND
    return _NO_SHORTHAND


def has_shorthand(payload: Any) -> bool:
    return payload_shorthand(payload) is not _NO_SHORTHAND


def _field(field: FieldDescriptor, value: Any, shorthand: bool) -> Any:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        of = kind.fields_by_name["value"]
        return {_map_key(key): _single(of, value[key], shorthand) for key in sorted(value)}
    if field.is_repeated:
        return [_single(field, item, shorthand) for item in value]
    return _single(field, value, shorthand)


def _map_key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _single(field: FieldDescriptor, value: Any, shorthand: bool) -> Any:
    if field.message_type is not None:
        return to_json(value, shorthand=shorthand)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return known.name if known is not None else value
    if field.type in _SIXTY_FOUR_BITS:
        return str(value)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, float):
        return _float(value, field.type)
    return value


def _float(value: float, kind: int) -> Any:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if kind == FieldDescriptor.TYPE_FLOAT:
        value = float(f"{value:.9g}")
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def upgraded_history(value: Any) -> Any:
    """A history whose enums are written `WorkflowTaskScheduled`, as older tools did, with today's names."""
    from temporalio.api.history.v1 import History

    return _upgraded(value, History.DESCRIPTOR)


def _upgraded(value: Any, descriptor: Any) -> Any:
    if not isinstance(value, dict):
        return value
    fields = {field.json_name: field for field in descriptor.fields}
    return {key: _upgraded_field(fields.get(key), inner) for key, inner in value.items()}


def _upgraded_field(field: Any, value: Any) -> Any:
    if field is None:
        return value
    if isinstance(value, list):
        return [_upgraded_field(field, item) for item in value]
    if field.enum_type is not None and isinstance(value, str):
        return _enum_name(field.enum_type, value)
    if field.message_type is None or field.message_type.GetOptions().map_entry:
        return value
    return (
        value if field.message_type.full_name.startswith("google.protobuf.") else _upgraded(value, field.message_type)
    )


def _enum_name(enum: Any, name: str) -> str:
    """`TimerStarted` → `EVENT_TYPE_TIMER_STARTED`: the value whose letters end in these."""
    wanted = name.replace("_", "").upper()
    return next((known for known in enum.values_by_name if known.replace("_", "").endswith(wanted)), name)


def from_json(value: Any, message: Message) -> None:
    """Fill a message from protojson, ignoring fields that this version does not know."""
    json_format.ParseDict(value, message, ignore_unknown_fields=True)
