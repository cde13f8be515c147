"""A search attribute's payload as a plain value: what queries compare."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime

from temporalio.api.common.v1 import Payload

Value = str | int | float | bool | list[str] | None

_TOKEN = re.compile(r"[^\W_]+")
_FRACTION = re.compile(r"^(?P<seconds>[^.]+)\.(?P<fraction>\d+)(?P<zone>.*)$")


def plain_values(fields: Mapping[str, Payload]) -> dict[str, Value]:
    """Name → value, without those that hold nothing."""
    values: dict[str, Value] = {}
    for name, payload in fields.items():
        value = plain_value(payload)
        if value is not None:
            values[name] = value
    return values


def plain_value(payload: Payload) -> Value:
    """Datetimes are nanoseconds since 1970, a scalar that came as a list of one is that one."""
    if payload.metadata.get("encoding") == b"binary/null" or not payload.data:
        return None
    value = json.loads(payload.data)
    if payload.metadata.get("type") == b"KeywordList":
        return value if isinstance(value, list) else [value]
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    if isinstance(value, str) and payload.metadata.get("type") == b"Datetime":
        return parse_datetime(value)
    return value if isinstance(value, str | int | float | bool) else None


def parse_datetime(text: str) -> int:
    """An RFC 3339 time in nanoseconds since 1970. ValueError when it is none."""
    fraction = 0
    match = _FRACTION.match(text)
    if match:
        fraction = int(match["fraction"][:9].ljust(9, "0"))
        text = match["seconds"] + match["zone"]
    if len(text) < 20 or text[10] != "T":
        raise ValueError(f"not an RFC 3339 time: {text}")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {text}")
    return int(moment.timestamp()) * 10**9 + fraction


def text_tokens(text: str) -> list[str]:
    """A text's words: letters and digits, without case and accents."""
    plain = unicodedata.normalize("NFKD", text)
    return _TOKEN.findall("".join(char for char in plain if not unicodedata.combining(char)).casefold())


def text_matches(text: str, phrases: str) -> bool:
    """Whether a text holds one of these phrases (as they stand between blanks) as whole words, side by side."""
    words = f" {' '.join(text_tokens(text))} "
    wanted = (text_tokens(phrase) for phrase in phrases.split(" ") if phrase)
    return any(f" {' '.join(tokens)} " in words for tokens in wanted if tokens)
