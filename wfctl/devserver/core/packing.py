"""Unevented state as keyed values: what differs from its default, by field name.

Keys, not positions: a file written by an older or newer wfctl is read by name. A field that is not there has its
default, one that is not known is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import IntEnum
from operator import attrgetter
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
    key = type(value), id(codecs)  # tables of codecs are constants
    plan = _plans.get(key) or _plans.setdefault(key, _plan(type(value), codecs))
    packed = {}
    for (name, default, pack_value), current in zip(plan.fields, plan.values_of(value), strict=True):
        if current is not None and current != default:
            packed[name] = pack_value(current)
    return packed


def unpack(packed: Mapping[str, Any], codecs: Mapping[str, Codec]) -> dict[str, Any]:
    """Field values by name, for those that are known."""
    return {name: codecs[name].unpack(value) for name, value in packed.items() if name in codecs}


@dataclass(frozen=True, slots=True)
class _Plan:
    """How values of one type are packed: field by field, and all of their values at one go."""

    fields: tuple[tuple[str, Any, Callable[[Any], Any]], ...]
    values_of: Callable[[Any], tuple[Any, ...]]


_plans: dict[tuple[type[Any], int], _Plan] = {}


def _plan(kind: type[Any], codecs: Mapping[str, Codec]) -> _Plan:
    defaults = {field.name: field.default for field in fields(kind)}
    names = list(codecs)
    one = attrgetter(names[0])
    return _Plan(
        tuple((name, defaults[name], codec.pack) for name, codec in codecs.items()),
        attrgetter(*names) if len(names) > 1 else lambda value: (one(value),),
    )


def joined(before: Mapping[str, Any], name: str, items: Sequence[bytes], after: Mapping[str, Any]) -> bytes:
    """One msgpack map: `before`, then under `name` an array of items that are packed already, then `after`."""
    head, tail = _packer.pack(before), _packer.pack(after)
    size = bytes((_FIX_MAP | len(before) + 1 + len(after),))
    return b"".join((size, head[1:], _packer.pack(name), _packer.pack_array_header(len(items)), *items, tail[1:]))
