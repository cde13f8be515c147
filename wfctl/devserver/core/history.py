"""A run's events as the wire knows them.

Each event is kept as one field of a serialized `temporal.api.history.v1.History` (tag, length, event), so any slice of a
history is the concatenation of its events: it goes to disk and onto the wire without being parsed again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from temporalio.api.history.v1 import History as HistoryProto
from temporalio.api.history.v1 import HistoryEvent

_EVENTS_TAG = b"\x0a"  # field 1 (events), length-delimited


def varint(value: int) -> bytes:
    """`value` (≥ 0) in protobuf's base-128 encoding."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def frame(event: HistoryEvent) -> bytes:
    """One event as a field of a serialized History."""
    data = event.SerializeToString()
    return _EVENTS_TAG + varint(len(data)) + data


def parse(fragment: bytes) -> list[HistoryEvent]:
    """The events of a fragment (a concatenation of frames)."""
    return list(HistoryProto.FromString(fragment).events)


def split(fragment: bytes) -> Iterator[bytes]:
    """The frames of a fragment, without parsing the events themselves."""
    at, end = 0, len(fragment)
    while at < end:
        start, at = at, at + 1
        length, shift = 0, 0
        while True:
            byte = fragment[at]
            at += 1
            length |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        at += length
        yield fragment[start:at]


class History:
    """The frames of one run, in event order: frame i holds event i + 1."""

    __slots__ = ("frames", "size_bytes")

    def __init__(self, frames: Iterable[bytes] = ()) -> None:
        self.frames: list[bytes] = list(frames)
        self.size_bytes = sum(map(len, self.frames))

    @property
    def next_event_id(self) -> int:
        return len(self.frames) + 1

    def append(self, event: HistoryEvent) -> None:
        assert event.event_id == len(self.frames) + 1, "event ids are contiguous"
        data = frame(event)
        self.frames.append(data)
        self.size_bytes += len(data)

    def fragment(self, first_event_id: int, next_event_id: int | None = None) -> bytes:
        """Events first_event_id ≤ id < next_event_id, as a serialized History."""
        end = None if next_event_id is None else next_event_id - 1
        return b"".join(self.frames[first_event_id - 1 : end])

    def event(self, event_id: int) -> HistoryEvent:
        return parse(self.frames[event_id - 1])[0]

    def events(self, first_event_id: int = 1, next_event_id: int | None = None) -> list[HistoryEvent]:
        return parse(self.fragment(first_event_id, next_event_id))

    def truncate(self, next_event_id: int) -> None:
        """Forget events from next_event_id on (a step that was given up)."""
        for dropped in self.frames[next_event_id - 1 :]:
            self.size_bytes -= len(dropped)
        del self.frames[next_event_id - 1 :]
