"""Responses that carry a history: its events go onto the wire as they were stored, without being parsed."""

from __future__ import annotations

from functools import cache

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from wfctl.devserver.core.history import varint


def with_history(response: Message, events: bytes) -> bytes:
    """The serialized response with these serialized events as its `history`: a message is the concatenation of its fields."""
    return response.SerializeToString() + _history_tag(response.DESCRIPTOR) + varint(len(events)) + events


@cache
def _history_tag(kind: Descriptor) -> bytes:
    return varint(kind.fields_by_name["history"].number << 3 | 2)
