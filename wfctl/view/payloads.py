"""Payloads as people read them: JSON as JSON, text as text, and everything else by what it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from wfctl.view.protojson import has_shorthand, payload_shorthand


def compact_json(value: Any) -> str:
    """JSON on one line, written as Go writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def payload_text(payload: Any) -> str:
    """One payload on one line."""
    if has_shorthand(payload):
        return compact_json(payload_shorthand(payload))
    encoding = payload.metadata.get("encoding", b"").decode("utf-8", "replace")
    if encoding.startswith("json/"):
        return str(payload.data.decode("utf-8", "replace"))
    if encoding == "binary/plain":
        return f"{len(payload.data)} bytes"
    return f"{encoding or 'payload without encoding'}, {len(payload.data)} bytes"


def payloads_text(payloads: Any) -> str:
    """The payloads of a result or of arguments: one as itself, several as a list, none as nothing."""
    if not payloads.payloads:
        return ""
    texts = [payload_text(payload) for payload in payloads.payloads]
    return texts[0] if len(texts) == 1 else f"[{','.join(texts)}]"


def summary_text(payload: Any) -> str:
    """A payload that holds a string, without its quotes; user metadata is written so."""
    if has_shorthand(payload):
        value = payload_shorthand(payload)
        return value if isinstance(value, str) else compact_json(value)
    text = payload_text(payload)
    if payload.metadata.get("encoding") == b"json/plain" and text.startswith('"'):
        # Search attributes carry their type as well, which makes no difference to a reader.
        with suppress(ValueError):
            return str(json.loads(text))
    return text


def fields_text(fields: Any) -> str:
    """Memo or search attributes as `name=value` pairs."""
    return ", ".join(f"{name}={payload_text(fields[name])}" for name in sorted(fields))


def friendly_json(payloads: Sequence[Any], to_json: Any) -> Any:
    """Payloads for a JSON `result`: none is null, one is itself, several are a list."""
    if not payloads:
        return None
    values = [to_json(payload) for payload in payloads]
    return values[0] if len(values) == 1 else values
