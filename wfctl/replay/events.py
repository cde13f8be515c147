"""The events of one history, as the bytes they are on the wire.

Fifty thousand events as Python objects take some 200 MiB and slow every garbage collection down; as bytes they take 15.
An event becomes an object when it is looked at.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import overload

from temporalio.api.history.v1 import HistoryEvent

_EVENTS_TAG = 0x0A  # field 1 of History, length-delimited
_KEPT = 1000


class Events(Sequence[HistoryEvent]):
    """A list of events; the objects of short histories are kept. Nobody may change them."""

    __slots__ = ("_bodies", "_ends", "_parsed", "_wire")

    def __init__(self) -> None:
        self._parsed: dict[int, HistoryEvent] = {}
        self._wire = bytearray()
        self._bodies = array("Q")
        self._ends = array("Q")

    @classmethod
    def parse(cls, wire: bytes) -> Events:
        """The events of a serialized History; raises ValueError when it is not one."""
        events = cls()
        events._wire = bytearray(wire)
        position, size = 0, len(wire)
        while position < size:
            if wire[position] != _EVENTS_TAG:
                raise ValueError(f"unexpected field at byte {position}")
            length, body = _varint(wire, position + 1)
            position = body + length
            if position > size:
                raise ValueError("cut short")
            events._bodies.append(body)
            events._ends.append(position)
        return events

    def append(self, event: bytes) -> None:
        """Add a serialized event."""
        self._wire.append(_EVENTS_TAG)
        self._wire += varint(len(event))
        self._bodies.append(len(self._wire))
        self._wire += event
        self._ends.append(len(self._wire))

    def add(self, event: HistoryEvent) -> None:
        """Add an event, which nobody may change from now on."""
        self.append(event.SerializeToString())
        if len(self) <= _KEPT:
            self._parsed[len(self) - 1] = event
        elif self._parsed:
            self._parsed.clear()

    @property
    def wire(self) -> bytes:
        """The serialized History."""
        return bytes(self._wire)

    def between(self, start: int, stop: int) -> bytes:
        """A serialized History of these events only."""
        stop = min(stop, len(self))
        if start >= stop:
            return b""
        return bytes(self._wire[self._ends[start - 1] if start else 0 : self._ends[stop - 1]])

    def holds(self, *marks: bytes) -> bool:
        """Whether any of these bytes occur anywhere."""
        return any(mark in self._wire for mark in marks)

    def followed_by(self, *more: HistoryEvent) -> Events:
        """These events and some more."""
        longer = Events()
        longer._wire, longer._bodies, longer._ends = self._wire[:], self._bodies[:], self._ends[:]
        longer._parsed = dict(self._parsed)
        for event in more:
            longer.add(event)
        return longer

    def reversed(self) -> Events:
        turned = Events()
        for index in range(len(self) - 1, -1, -1):
            turned.append(bytes(self._wire[self._bodies[index] : self._ends[index]]))
        return turned

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> HistoryEvent: ...

    @overload
    def __getitem__(self, index: slice) -> list[HistoryEvent]: ...

    def __getitem__(self, index: int | slice) -> HistoryEvent | list[HistoryEvent]:
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self)
        event = self._parsed.get(index)
        if event is None:
            event = HistoryEvent.FromString(bytes(self._wire[self._bodies[index] : self._ends[index]]))
            if len(self) <= _KEPT:
                self._parsed[index] = event
        return event

    def __iter__(self) -> Iterator[HistoryEvent]:
        for index in range(len(self)):
            yield self[index]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sequence)
            and len(self) == len(other)
            and all(a == b for a, b in zip(self, other, strict=True))
        )

    __hash__ = None  # type: ignore[assignment]


def varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise ValueError("cut short")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
