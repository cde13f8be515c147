"""Unevented state as keyed values: what differs from its default, by field name.

Keys, not positions: a file written by an older or newer wfctl is read by name. A field that is not there has its
default, one that is not known is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

import msgpack
from google.protobuf.message import Message

_FIX_MAP = 0x80  # msgpack's first byte of a map of up to 15 entries, or'ed with their number
_packer = msgpack.Packer(use_bin_type=True, autoreset=True)


@dataclass(frozen=True, slots=True)
class Codec:
    """How a value looks inside msgpack, and back."""

    pack: Callable[[Any], Any]
    unpack: Callable[[Any], Any]


def _same(value: Any) -> Any:
    return value


PLAIN = Codec(_same, _same)
MOMENT = Codec(datetime.timestamp, lambda stamp: datetime.fromtimestamp(stamp, UTC))


def message(kind: type[Message]) -> Codec:
    return Codec(lambda value: value.SerializeToString(), kind.FromString)


def enum(kind: type[IntEnum]) -> Codec:
    return Codec(int, kind)


def nested(kind: type[Any], codecs: Mapping[str, Codec]) -> Codec:
    return Codec(lambda value: pack(value, codecs), lambda packed: kind(**unpack(packed, codecs)))


def pack(value: Any, codecs: Mapping[str, Codec]) -> dict[str, Any]:
    """The fields named by `codecs` that differ from their defaults."""
    defaults = _defaults(type(value))
    packed = {}
    for name, codec in codecs.items():
        current = getattr(value, name)
        if current is not None and current != defaults.get(name, MISSING):
            packed[name] = codec.pack(current)
    return packed


def unpack(packed: Mapping[str, Any], codecs: Mapping[str, Codec]) -> dict[str, Any]:
    """Field values by name, for those that are known."""
    return {name: codecs[name].unpack(value) for name, value in packed.items() if name in codecs}


_known_defaults: dict[type[Any], dict[str, Any]] = {}


def _defaults(kind: type[Any]) -> dict[str, Any]:
    if kind not in _known_defaults:
        _known_defaults[kind] = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    return _known_defaults[kind]


def joined(before: Mapping[str, Any], name: str, items: Sequence[bytes], after: Mapping[str, Any]) -> bytes:
    """One msgpack map: `before`, then under `name` an array of items that are packed already, then `after`."""
    head, tail = _packer.pack(before), _packer.pack(after)
    size = bytes((_FIX_MAP | len(before) + 1 + len(after),))
    return b"".join((size, head[1:], _packer.pack(name), _packer.pack_array_header(len(items)), *items, tail[1:]))
