"""From a stored history to validated events: JSON of every spelling, gzip, reversed exports, protobuf.

Runs in the worker processes. A history that cannot be judged is refused here with the reason, before any workflow
code is run, because the SDK would blame the code for a gap in the history.
"""

from __future__ import annotations

import gzip
import zlib
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from wfctl.replay import database_source, historyjson
from wfctl.replay.events import Events
from wfctl.replay.messages import Follow
from wfctl.replay.sources import StoredHistory

_GZIP_MAGIC = b"\x1f\x8b"
_STARTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
CLOSING = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    }
)
# The attributes that an event of each type carries.
_ATTRIBUTES = {
    number: name.removeprefix("EVENT_TYPE_").lower() + "_event_attributes"
    for name, number in EventType.items()
    if number
}
# Which earlier event an event answers: attribute that points to it, and the type that must stand there.
_ANSWERS: dict[int, tuple[str, int]] = {
    EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED: ("scheduled_event_id", EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED),
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: ("started_event_id", EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED),
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: ("scheduled_event_id", EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED),
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED: ("scheduled_event_id", EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED),
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: ("scheduled_event_id", EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED),
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: ("scheduled_event_id", EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED),
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: ("scheduled_event_id", EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED),
    EventType.EVENT_TYPE_TIMER_FIRED: ("started_event_id", EventType.EVENT_TYPE_TIMER_STARTED),
    EventType.EVENT_TYPE_TIMER_CANCELED: ("started_event_id", EventType.EVENT_TYPE_TIMER_STARTED),
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED: (
        "initiated_event_id",
        EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED,
    ),
}


class BadHistory(Exception):
    """This history cannot be judged; says why, and at which event when one is to blame."""

    def __init__(self, reason: str, event_id: int = 0, event_type: str = "", *, no_history: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.event_id = event_id
        self.event_type = event_type
        self.no_history = no_history
        """Nothing in the file looks like a history at all."""


@dataclass(slots=True)
class ReadHistory:
    """One history, validated: event ids run from 1 without a gap, the first event starts a workflow."""

    events: Events
    workflow_id: str
    run_id: str
    workflow_type: str
    notes: list[str] = field(default_factory=list)


def read(stored: StoredHistory) -> Iterator[ReadHistory | BadHistory]:
    """Each history that a stored thing holds; one that is bad does not end the others."""
    try:
        for events in _parsed(stored):
            yield events if isinstance(events, BadHistory) else _checked(events, stored)
    except BadHistory as bad:
        yield bad


def _checked(events: Events, stored: StoredHistory) -> ReadHistory | BadHistory:
    try:
        return validated(events, stored)
    except BadHistory as bad:
        return bad


def _parsed(stored: StoredHistory) -> Iterator[Events | BadHistory]:
    if stored.proto or stored.database:
        yield _from_proto(stored.proto or database_source.history_bytes(stored.database, stored.run_key))
        return
    data = _unzipped(stored.text) if not stored.path else _file_bytes(stored.path)
    if not data.strip():
        raise BadHistory("the file is empty" if stored.path else f"{stored.origin} is empty", no_history=True)
    if data[:1] == b"\n" and data[1:2] not in b" \t\r\n{[":
        yield _from_proto(data)
        return
    text = _decoded(data)
    del data
    try:
        for number, events in enumerate(historyjson.histories(text), start=1):
            if not events and number > 1:
                continue
            yield events
    except historyjson.NoHistory as error:
        raise BadHistory(str(error), no_history=True) from error
    except historyjson.Malformed as error:
        raise BadHistory(str(error), error.event_id, error.event_type) from error


def _file_bytes(path: str) -> bytes:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise BadHistory(f"the file cannot be read: {error.strerror}") from error
    return _unzipped(data)


def _unzipped(data: bytes) -> bytes:
    try:
        return gzip.decompress(data) if data.startswith(_GZIP_MAGIC) else data
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadHistory(f"the gzip file is damaged or cut short: {error}") from error


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "utf-16"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            pass
    raise BadHistory("the file is not text: neither UTF-8, UTF-16, gzip nor a serialized History", no_history=True)


def _from_proto(data: bytes) -> Events:
    try:
        events = Events.parse(data)
        if len(events):
            events[0]  # a look says whether these are events at all
        return events
    except Exception as error:  # protobuf's DecodeError is of another class in each of its implementations
        raise BadHistory(f"the history is neither JSON nor protobuf: {error}", no_history=True) from error


# Validation.


def type_name(event_type: int) -> str:
    """The event type as Temporal's tools write it, `ActivityTaskScheduled`."""
    try:
        name = EventType.Name(event_type)  # type: ignore[arg-type]
    except ValueError:
        return f"unknown type {event_type}"
    return "".join(part.capitalize() for part in name.removeprefix("EVENT_TYPE_").split("_"))


def validated(events: Events, stored: StoredHistory) -> ReadHistory:
    """The history, in order; raises `BadHistory`."""
    notes = []
    if not events:
        raise BadHistory("there are no events in it")
    if len(events) > 1 and events[0].event_id > events[-1].event_id:
        events = events.reversed()
        notes.append("newest event first; turned round")
    _check_first(events[0])
    kinds = array("i", [0])  # by event id
    for event in events:
        _check_id(event, len(kinds))
        _check_event(event, kinds)
        kinds.append(event.event_type)
    started = events[0].workflow_execution_started_event_attributes
    if not started.workflow_type.name:
        raise BadHistory("event 1 (WorkflowExecutionStarted) names no workflow type", 1, "WorkflowExecutionStarted")
    return ReadHistory(
        events,
        started.workflow_id or stored.workflow_id or _id_from_name(stored),
        stored.run_id or started.original_execution_run_id,
        started.workflow_type.name,
        notes,
    )


def _id_from_name(stored: StoredHistory) -> str:
    """Histories of old servers do not tell the workflow id; the file's name is all there is."""
    name = Path(stored.path or stored.origin).name
    for suffix in (".gz", ".json", ".jsonl", ".ndjson"):
        name = name.removesuffix(suffix)
    return name


def _check_first(first: HistoryEvent) -> None:
    name = type_name(first.event_type)
    if first.event_id != 1:
        raise BadHistory(_beginning(first.event_id, name), first.event_id, name)
    if first.event_type != _STARTED:
        raise BadHistory(f"the first event is {name}, not WorkflowExecutionStarted", 1, name)


def _beginning(first_id: int, name: str) -> str:
    if first_id < 1:
        return f"the first event ({name}) has the id {first_id}"
    lost = "event 1 is" if first_id == 2 else f"events 1–{first_id - 1} are"
    return f"begins with event {first_id} ({name}); {lost} missing"


def _check_id(event: HistoryEvent, expected: int) -> None:
    found = event.event_id
    if found == expected:
        return
    name = type_name(event.event_type)
    if found < expected:
        reason = f"event id {found} ({name}) follows {expected - 1}: repeated or out of order"
    else:
        lost = f"event {expected} is" if found == expected + 1 else f"events {expected}–{found - 1} are"
        reason = f"{lost} missing: {expected - 1} is followed by {found} ({name})"
    raise BadHistory(reason, found, name)


def _check_event(event: HistoryEvent, kinds: Sequence[int]) -> None:
    """One event against those before it, whose types are given by id."""
    if kinds[-1] in CLOSING:
        name = type_name(event.event_type)
        reason = f"event {event.event_id} ({name}) stands after {type_name(kinds[-1])}, which ends a run"
        raise BadHistory(reason, event.event_id, name)
    attributes = event.WhichOneof("attributes")
    wanted = _ATTRIBUTES.get(event.event_type)
    if wanted is None:
        if not event.worker_may_ignore:
            raise _bad(event, "has an {}, which this SDK does not know: recorded by a newer server")
    elif attributes is None:
        raise _bad(event, "({}) has no attributes")
    elif attributes != wanted:
        raise _bad(event, f"is a {{}} but carries {attributes}")
    elif (answered := _ANSWERS.get(event.event_type)) is not None:
        _check_reference(event, getattr(getattr(event, attributes), answered[0]), answered[1], kinds)


def _check_reference(event: HistoryEvent, pointed: int, wanted: int, kinds: Sequence[int]) -> None:
    there = kinds[pointed] if 0 < pointed < len(kinds) else None
    if there != wanted:
        found = type_name(there) if there is not None else "no earlier event"
        raise _bad(event, f"({{}}) answers event {pointed}, which is {found} and not {type_name(wanted)}")


def _bad(event: HistoryEvent, what: str) -> BadHistory:
    name = type_name(event.event_type)
    return BadHistory(f"event {event.event_id} {what.format(name)}", event.event_id, name)


def references(events: Sequence[HistoryEvent]) -> list[Follow]:
    """The runs that `--chain` follows."""
    found = []
    started = events[0].workflow_execution_started_event_attributes
    for event in events:
        kind = event.WhichOneof("attributes")
        if kind == "child_workflow_execution_started_event_attributes":
            child = event.child_workflow_execution_started_event_attributes.workflow_execution
            found.append(Follow(child.workflow_id, child.run_id, "child"))
        elif kind is not None:
            attributes = getattr(event, kind)
            new_run = getattr(attributes, "new_execution_run_id", "")
            if new_run:
                found.append(Follow(started.workflow_id, new_run, "continued"))
    return found
