"""Payloads that the server itself makes or looks into."""

from __future__ import annotations

import json
from collections.abc import MutableMapping

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, Payloads


def text_payloads(text: str) -> Payloads:
    """One JSON string, as the SDKs' default converter writes it."""
    payloads = Payloads()
    payload = payloads.payloads.add(data=json.dumps(text).encode())
    payload.metadata["encoding"] = b"json/plain"
    return payloads


def is_null(payload: Payload) -> bool:
    """Nothing, null or an empty list: as a memo field or search attribute it means removal."""
    return payload.metadata.get("encoding") == b"binary/null" or payload.data in (b"", b"null", b"[]")


def merge(fields: MutableMapping[str, Payload], changes: MutableMapping[str, Payload]) -> None:
    """Lay `changes` over `fields`; a null removes its field, or is no field of a new memo."""
    for name, payload in changes.items():
        if is_null(payload):
            fields.pop(name, None)
        else:
            fields[name].CopyFrom(payload)


def copy_fields(source: Message, target: Message, *names: str) -> None:
    """Copy the message fields of these names that both know and `source` has set."""
    known = source.DESCRIPTOR.fields_by_name
    for name in names:
        if name in known and name in target.DESCRIPTOR.fields_by_name and source.HasField(name):
            getattr(target, name).CopyFrom(getattr(source, name))
