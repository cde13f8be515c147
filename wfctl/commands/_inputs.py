"""What people type into flags, as payloads; a mistake in JSON is answered with its position."""

from __future__ import annotations

import base64
import binascii
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wfctl.errors import UsageMistake

if TYPE_CHECKING:
    from datetime import timedelta

    from google.protobuf.duration_pb2 import Duration
    from temporalio.api.common.v1 import Header, Memo, Payload, Payloads, SearchAttributes


def input_payloads(
    inputs: Sequence[str] | None,
    files: Sequence[str] | None,
    meta: Sequence[str] | None,
    is_base64: bool,
    *,
    prefix: str = "",
) -> Payloads | None:
    """The payloads of `--input` or `--input-file` and their metadata; None for no argument at all."""
    from temporalio.api.common.v1 import Payloads

    if inputs and files:
        raise UsageMistake(f"--{prefix}input and --{prefix}input-file cannot be combined")
    sources = [(f"--{prefix}input #{number}", text.encode()) for number, text in enumerate(inputs or (), 1)]
    sources += [(name, _read(name)) for name in files or ()]
    if not sources:
        return None
    metadata = _metadata(meta or (), len(sources), f"--{prefix}input-meta")
    return Payloads(
        payloads=[
            _payload(
                where, data, {key: values[min(place, len(values) - 1)] for key, values in metadata.items()}, is_base64
            )
            for place, (where, data) in enumerate(sources)
        ]
    )


def split_pair(pair: str, flag: str, what: str = "VALUE") -> tuple[str, str]:
    """The two sides of `KEY=VALUE`."""
    key, equals, value = pair.partition("=")
    if not equals or not key:
        raise UsageMistake(f"{flag} '{pair}' is not KEY={what}")
    return key, value


def json_payload(where: str, text: str) -> Payload:
    """One JSON value that was typed into a flag."""
    return _payload(where, text.encode(), {"encoding": b"json/plain"}, False)


def json_fields(pairs: Sequence[str] | None, flag: str) -> dict[str, Payload]:
    """`KEY=JSON` flags as payloads by key."""
    fields: dict[str, Payload] = {}
    for pair in pairs or ():
        key, text = split_pair(pair, flag, "JSON")
        fields[key] = json_payload(f"{flag} {key}", text)
    return fields


def memo_of(pairs: Sequence[str] | None) -> Memo | None:
    from temporalio.api.common.v1 import Memo

    return Memo(fields=json_fields(pairs, "--memo")) if pairs else None


def search_attributes_of(pairs: Sequence[str] | None) -> SearchAttributes | None:
    from temporalio.api.common.v1 import SearchAttributes

    return SearchAttributes(indexed_fields=json_fields(pairs, "--search-attribute")) if pairs else None


def header_of(pairs: Sequence[str] | None) -> Header | None:
    from temporalio.api.common.v1 import Header

    return Header(fields=json_fields(pairs, "--headers")) if pairs else None


def duration_of(value: timedelta | None) -> Duration | None:
    """Nothing for a flag that was not given."""
    if value is None:
        return None
    from google.protobuf.duration_pb2 import Duration

    duration = Duration()
    duration.FromTimedelta(value)
    return duration


def text_payload(text: str) -> Payload:
    """A string as the SDKs' data converters write it."""
    from temporalio.api.common.v1 import Payload

    return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(text, ensure_ascii=False).encode())


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageMistake(f"cannot read the input file {name}: {error.strerror}") from error


def _metadata(pairs: Sequence[str], count: int, flag: str) -> dict[str, list[bytes]]:
    metadata: dict[str, list[bytes]] = {}
    for pair in pairs:
        key, value = split_pair(pair, flag)
        metadata.setdefault(key, []).append(value.encode())
        if len(metadata[key]) > count:
            raise UsageMistake(f"{flag} {key} is given more often than there are inputs ({count})")
    return {"encoding": [b"json/plain"], **metadata}


def _payload(where: str, data: bytes, metadata: dict[str, bytes], is_base64: bool) -> Payload:
    from temporalio.api.common.v1 import Payload

    if is_base64:
        try:
            data = base64.b64decode(data.strip(), validate=True)
        except binascii.Error as error:
            raise UsageMistake(f"{where} is not base64: {error}") from error
    if metadata["encoding"].startswith(b"json/"):
        check_json(where, data)
    return Payload(metadata=metadata, data=data)


def check_json(where: str, data: bytes) -> Any:
    """The value, or a mistake that says where in the text it is."""
    try:
        return json.loads(data)
    except UnicodeDecodeError as error:
        raise UsageMistake(f"{where} is not valid JSON: it is not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        text = data.decode("utf-8", "replace")
        at = f"line {error.lineno}, column {error.colno}"
        shown = text.splitlines()[error.lineno - 1] if text.splitlines() else ""
        pointer = f"\n  {shown}\n  {' ' * (error.colno - 1)}^" if shown and len(shown) <= 120 else ""
        hint = "a string needs its quotes: '\"text\"'" if shown.strip(" ").isidentifier() else None
        raise UsageMistake(f"{where} is not valid JSON at {at}: {error.msg}{pointer}", hint=hint) from error
