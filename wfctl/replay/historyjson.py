"""Histories out of JSON text, event by event.

Faster than protobuf's own reader, and never a whole document as Python objects: a 50,000-event export is read within
the memory of its text. It takes what people really have: both spellings of enums (`EVENT_TYPE_TIMER_FIRED`,
`TimerFired`) and their numbers, both spellings of field names, `{"events": […]}`, `{"history": {"events": […]}}`, a
bare list, several documents one after another, payloads in the CLI's shorthand. Fields that nobody knows are left out,
as protobuf itself would when it reads a newer server's bytes.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import cache, lru_cache
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from temporalio.api.history.v1 import HistoryEvent

from wfctl.replay.events import Events

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\r\n]*")
_WHOLE = frozenset(
    {
        FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_INT64, FieldDescriptor.TYPE_UINT32,
        FieldDescriptor.TYPE_UINT64, FieldDescriptor.TYPE_SINT32, FieldDescriptor.TYPE_SINT64,
        FieldDescriptor.TYPE_FIXED32, FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED32,
        FieldDescriptor.TYPE_SFIXED64,
    }
)  # fmt: skip
_TIMESTAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?Z")
_EPOCH = date(1970, 1, 1).toordinal()
_PAYLOAD = "temporal.api.common.v1.Payload"
_PAYLOADS = "temporal.api.common.v1.Payloads"

Setter = Callable[[Any, Any], None]
Converter = Callable[[Any], Any]


class NoHistory(Exception):
    """JSON, perhaps, but nothing in it is a history."""


class Malformed(Exception):
    """A history that is broken at some place."""

    def __init__(self, reason: str, event_id: int = 0, event_type: str = "") -> None:
        super().__init__(reason)
        self.event_id = event_id
        self.event_type = event_type


# The document.


def histories(text: str) -> Iterator[Events]:
    """The events of each history in a text."""
    position, number = _skip(text, 0), 0
    while position < len(text):
        number += 1
        events, position = _document(text, position)
        if events is None:
            raise NoHistory("there are no events in this JSON")
        yield events
        position = _skip(text, position)


def _skip(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _document(text: str, position: int) -> tuple[Events | None, int]:
    opening = text[position]
    if opening == "[":
        return _events(text, position)
    if opening != "{":
        _value(text, position)  # says what is wrong
        raise NoHistory("there is no history in this JSON")
    events: Events | None = None
    position = _skip(text, position + 1)
    while _at(text, position) != "}":
        key, position = _value(text, position)
        position = _expect(text, position, ":")
        if key == "events" and _at(text, position) == "[":
            events, position = _events(text, position)
        elif key == "history" and _at(text, position) == "{":
            events, position = _document(text, position)
        else:
            _, position = _value(text, position)
        position = _skip(text, position)
        if _at(text, position) != ",":
            break
        position = _skip(text, position + 1)
    return events, _expect(text, position, "}")


def _events(text: str, position: int) -> tuple[Events, int]:
    events = Events()
    position = _skip(text, position + 1)
    while _at(text, position) != "]":
        value, position = _value(text, position)
        events.add(_event(value, len(events)))
        position = _skip(text, position)
        if _at(text, position) != ",":
            break
        position = _skip(text, position + 1)
    return events, _expect(text, position, "]")


def _at(text: str, position: int) -> str:
    return text[position : position + 1]


def _value(text: str, position: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, position)
    except json.JSONDecodeError as error:
        raise _broken(text, error.pos, error.msg) from error
    except RecursionError as error:
        raise Malformed("the JSON is nested too deeply") from error


def _expect(text: str, position: int, char: str) -> int:
    position = _skip(text, position)
    if _at(text, position) != char:
        raise _broken(text, position, f"'{char}' expected")
    return _skip(text, position + 1) if char == ":" else position + 1


def _broken(text: str, position: int, what: str) -> Malformed:
    line = text.count("\n", 0, position) + 1
    if position >= len(text) or "Unterminated" in what:
        return Malformed(f"the JSON is cut short: it ends in line {text.count(chr(10)) + 1}")
    column = position - text.rfind("\n", 0, position)
    return Malformed(f"not valid JSON: {what} at line {line}, column {column}")


def _event(value: Any, index: int) -> HistoryEvent:
    if not isinstance(value, dict) or not ("eventId" in value or "event_id" in value or "eventType" in value):
        if index == 0:
            raise NoHistory("the list in this JSON does not hold events")
        raise Malformed(f"item {index + 1} of the events is not an event")
    event = HistoryEvent()
    try:
        fill(event, _ignorable(value) if value.get("workerMayIgnore") else value)
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error, json_format.ParseError) as error:
        event_id = value.get("eventId") or value.get("event_id") or index + 1
        kind = str(value.get("eventType") or value.get("event_type") or "no type")
        raise Malformed(f"event {event_id} ({kind}): {error}", _whole_or_zero(event_id), kind) from error
    return event


def _ignorable(value: dict[str, Any]) -> dict[str, Any]:
    """An event that its server says may be ignored, without a type that this SDK does not know."""
    kind = value.get("eventType")
    names = _enum_names(HistoryEvent.DESCRIPTOR.fields_by_name["event_type"].enum_type)
    if isinstance(kind, str) and kind not in names and _squeezed(kind) not in names:
        return {key: item for key, item in value.items() if key != "eventType" and not key.endswith("EventAttributes")}
    return value


def _whole_or_zero(value: Any) -> int:
    try:
        return int(value)
    except (ValueError, TypeError):
        return 0


# A message.


def fill(message: Any, value: dict[str, Any]) -> None:
    """Set the fields of a message from JSON; raises ValueError and the like, with the field's path."""
    setters = _setters(message.DESCRIPTOR)
    for key, item in value.items():
        setter = setters.get(key)
        if setter is None or item is None:
            continue
        try:
            setter(message, item)
        except _At as error:
            raise _At(f"{key}.{error}") from error
        except (ValueError, TypeError, AttributeError, OverflowError, json_format.ParseError) as error:
            raise _At(f"{key}: {error}") from error


class _At(ValueError):
    """A mistake, with the path to it so far."""


@cache
def _setters(descriptor: Descriptor) -> dict[str, Setter]:
    setters: dict[str, Setter] = {}
    for field in descriptor.fields:
        setter = _setter(field)
        setters[field.name] = setter
        setters[field.json_name] = setter
        # Exports of old servers, and of tools that knew no better, begin acronyms and names in capitals.
        setters[field.json_name[:1].upper() + field.json_name[1:]] = setter
    return setters


def _setter(field: FieldDescriptor) -> Setter:
    name, kind = field.name, field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        return _map_setter(name, kind.fields_by_name["key"], kind.fields_by_name["value"])
    if field.is_repeated:
        return _list_setter(field)
    if kind is None:
        convert = _converter(field)

        def set_scalar(message: Any, value: Any) -> None:
            setattr(message, name, convert(value))

        return set_scalar
    read = _reader(kind)

    def set_message(message: Any, value: Any) -> None:
        inner = getattr(message, name)
        inner.SetInParent()
        read(inner, value)

    return set_message


def _list_setter(field: FieldDescriptor) -> Setter:
    name, kind = field.name, field.message_type
    if kind is None:
        convert = _converter(field)

        def extend(message: Any, value: Any) -> None:
            getattr(message, name).extend([convert(item) for item in value])

        return extend
    read = _reader(kind)

    def add(message: Any, value: Any) -> None:
        if not isinstance(value, list):
            raise ValueError("a list is expected")
        items = getattr(message, name)
        for item in value:
            read(items.add(), item)

    return add


def _map_setter(name: str, key: FieldDescriptor, of: FieldDescriptor) -> Setter:
    to_key = _converter(key)
    if of.message_type is None:
        convert = _converter(of)

        def update(message: Any, value: Any) -> None:
            target = getattr(message, name)
            for inner, item in value.items():
                target[to_key(inner)] = convert(item)

        return update
    read = _reader(of.message_type)

    def update_messages(message: Any, value: Any) -> None:
        target = getattr(message, name)
        for inner, item in value.items():
            read(target[to_key(inner)], item)

    return update_messages


def _reader(kind: Descriptor) -> Setter:
    """How a JSON value becomes a message of this kind, in place."""
    if kind.full_name == _PAYLOAD:
        return _read_payload
    if kind.full_name == _PAYLOADS:
        return _read_payloads
    if kind.full_name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
        return _read_time
    if kind.full_name.startswith("google.protobuf."):
        return _read_wellknown
    return _read_plain


def _read_plain(message: Any, value: Any) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"an object is expected, not {_kind_of(value)}")
    fill(message, value)


def _read_time(message: Any, value: Any) -> None:
    if isinstance(value, dict):  # a few old tools wrote {"seconds": …, "nanos": …}
        fill(message, value)
    elif not _read_usual_timestamp(message, value):
        message.FromJsonString(value)


def _read_usual_timestamp(message: Any, value: Any) -> bool:
    """The form that every server writes, `2026-01-31T12:00:00.123456789Z`, an order of magnitude faster than protobuf."""
    found = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return False
    year, month, day, hour, minute, second, fraction = found.groups()
    days = _days(int(year), int(month), int(day))
    message.seconds = days * 86400 + int(hour) * 3600 + int(minute) * 60 + int(second)
    if fraction:
        message.nanos = int(fraction.ljust(9, "0"))
    return True


@lru_cache(maxsize=64)
def _days(year: int, month: int, day: int) -> int:
    return date(year, month, day).toordinal() - _EPOCH


def _read_wellknown(message: Message, value: Any) -> None:
    json_format.ParseDict(value, message, ignore_unknown_fields=True)


def _read_payload(message: Any, value: Any) -> None:
    if isinstance(value, dict) and value.keys() <= {"metadata", "data", "externalPayloads"} and "metadata" in value:
        fill(message, value)
        return
    message.metadata["encoding"] = b"json/plain"
    message.data = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _read_payloads(message: Any, value: Any) -> None:
    if isinstance(value, dict):
        value = value.get("payloads") or []
    if not isinstance(value, list):
        raise ValueError("payloads are expected")
    for item in value:
        _read_payload(message.payloads.add(), item)


# A scalar.


def _converter(field: FieldDescriptor) -> Converter:
    if field.enum_type is not None:
        return _enum_converter(field.enum_type)
    if field.type in _WHOLE:
        return _to_whole
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _to_bytes
    if field.type == FieldDescriptor.TYPE_BOOL:
        return _to_bool
    if field.type == FieldDescriptor.TYPE_STRING:
        return _to_text
    return float


def _to_whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str | float):
        raise ValueError(f"a number is expected, not {_kind_of(value)}")
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"a number is expected, not '{value}'") from None


def _to_bytes(value: Any) -> bytes:
    if not isinstance(value, str):
        raise ValueError(f"base64 text is expected, not {_kind_of(value)}")
    if "-" in value or "_" in value:
        value = value.translate(_FROM_URL_SAFE)
    return base64.b64decode(value + "=" * (-len(value) % 4), validate=True)


_FROM_URL_SAFE = str.maketrans("-_", "+/")


def _to_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return bool(value == "true")
    raise ValueError(f"true or false is expected, not {_kind_of(value)}")


def _to_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"text is expected, not {_kind_of(value)}")
    return value


def _enum_converter(enum: EnumDescriptor) -> Converter:
    known = _enum_names(enum)
    is_event_type = enum.name == "EventType"

    def convert(value: Any) -> int:
        if isinstance(value, int):
            return value
        found = known.get(value)
        if found is None:
            found = known.get(_squeezed(value)) if isinstance(value, str) else None
        if found is None and is_event_type:
            raise ValueError(f"the event type '{value}' is not one this SDK knows: recorded by a newer server")
        return found or 0

    return convert


@cache
def _enum_names(enum: EnumDescriptor) -> dict[str, int]:
    """Every way in which a value of this enum is written."""
    prefix = _prefix(enum)
    names: dict[str, int] = {}
    for value in enum.values:
        names[value.name] = value.number
        names.setdefault(_squeezed(value.name.removeprefix(prefix)), value.number)
        names.setdefault(_squeezed(value.name), value.number)
    return names


def _prefix(enum: EnumDescriptor) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper() + "_"


def _squeezed(name: str) -> str:
    return name.replace("_", "").lower()


def _kind_of(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")
