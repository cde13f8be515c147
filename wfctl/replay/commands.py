"""Both sides of a comparison in one shape: a history's command events, and the commands of new code.

What the SDK's core checks for a kind (an activity's type and id, a child's id and type …) is a command's `name` and
`id`; everything else is an attribute, and a difference there breaks nothing. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import EventType, ParentClosePolicy
from temporalio.api.history.v1 import HistoryEvent
from temporalio.bridge.proto.child_workflow import ChildWorkflowCancellationType
from temporalio.bridge.proto.nexus import NexusOperationCancellationType
from temporalio.bridge.proto.workflow_commands import ActivityCancellationType, WorkflowCommand

from wfctl.replay.model import Command

PATCH = "PATCH_MARKER"
LOCAL_ACTIVITY = "LOCAL_ACTIVITY_MARKER"
ACTIVITY = "SCHEDULE_ACTIVITY_TASK"
CANCEL_ACTIVITY = "REQUEST_CANCEL_ACTIVITY_TASK"
TIMER = "START_TIMER"
CANCEL_TIMER = "CANCEL_TIMER"
CHILD = "START_CHILD_WORKFLOW_EXECUTION"
CANCEL_EXTERNAL = "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION"
SIGNAL_EXTERNAL = "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION"
UPSERT = "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES"
MEMO = "MODIFY_WORKFLOW_PROPERTIES"
ACCEPT_UPDATE = "ACCEPT_UPDATE"
COMPLETE_UPDATE = "COMPLETE_UPDATE"
NEXUS = "SCHEDULE_NEXUS_OPERATION"
CANCEL_NEXUS = "REQUEST_CANCEL_NEXUS_OPERATION"
COMPLETE = "COMPLETE_WORKFLOW_EXECUTION"
FAIL = "FAIL_WORKFLOW_EXECUTION"
CANCEL = "CANCEL_WORKFLOW_EXECUTION"
CONTINUE = "CONTINUE_AS_NEW_WORKFLOW_EXECUTION"
MARKER = "RECORD_MARKER"
ENDS = frozenset({COMPLETE, FAIL, CANCEL, CONTINUE})
CANCELS = {CANCEL_TIMER: TIMER, CANCEL_ACTIVITY: ACTIVITY, CANCEL_NEXUS: NEXUS}
_CHANGE_VERSION = "TemporalChangeVersion"
_SHOWN = 200
_SHORT = 4096

Attributes = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Names:
    """What later commands refer back to: ids by the number (event id, or the SDK's sequence number) they refer with."""

    activities: dict[int, tuple[str, str]] = field(default_factory=dict)
    timers: dict[str, str] = field(default_factory=dict)
    children: dict[int, tuple[str, str]] = field(default_factory=dict)
    nexus: dict[int, str] = field(default_factory=dict)
    updates: dict[str, str] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    """Updates that the code accepted: what fails from then on was completed with a failure, not rejected."""
    abandoned_activities: set[int] = field(default_factory=set)
    """Those whose cancellation stays in the workflow and never becomes a command."""
    abandoned_children: set[int] = field(default_factory=set)
    abandoned_operations: set[int] = field(default_factory=set)


def event_name(event: HistoryEvent) -> str:
    """`ActivityTaskScheduled`, as the CLI and the UI write it."""
    return _type_name(event.event_type)


@cache
def _type_name(event_type: EventType.ValueType) -> str:
    try:
        name = EventType.Name(event_type)
    except ValueError:
        return f"event type {event_type}"
    return "".join(word.capitalize() for word in name.removeprefix("EVENT_TYPE_").split("_"))


# A history's side


def recorded(event: HistoryEvent, names: Names) -> Command | None:
    """The command this event came from; None for an event that no command of the code's makes."""
    reader = _EVENTS.get(event.event_type)
    if reader is None:
        return None
    made = reader(event, names)
    if made is None:
        return None
    kind, name, identity, attributes = made
    return Command(kind, name, identity, event.event_id, event_name(event), attributes)


_Made = tuple[str, str, str, Attributes]


def _activity_event(event: HistoryEvent, names: Names) -> _Made:
    a = event.activity_task_scheduled_event_attributes
    names.activities[event.event_id] = (a.activity_id, a.activity_type.name)
    return ACTIVITY, a.activity_type.name, a.activity_id, _activity_attributes(a, a.input.payloads)


def _activity_attributes(a: Any, payloads: Iterable[Payload]) -> Attributes:
    return (
        ("arguments", payloads_text(payloads)),
        *_durations(
            a, "schedule_to_close_timeout", "schedule_to_start_timeout", "start_to_close_timeout", "heartbeat_timeout"
        ),
        ("task_queue", a.task_queue if isinstance(a.task_queue, str) else a.task_queue.name),
        *(_policy(a.retry_policy) if a.HasField("retry_policy") else ()),
    )


def _cancel_activity_event(event: HistoryEvent, names: Names) -> _Made:
    scheduled = event.activity_task_cancel_requested_event_attributes.scheduled_event_id
    identity, name = names.activities.get(scheduled, ("", ""))
    return CANCEL_ACTIVITY, name, identity, ()


def _timer_event(event: HistoryEvent, names: Names) -> _Made:
    a = event.timer_started_event_attributes
    duration = duration_text(a.start_to_fire_timeout)
    names.timers[a.timer_id] = duration
    return TIMER, duration, a.timer_id, (("duration", duration),)


def _cancel_timer_event(event: HistoryEvent, names: Names) -> _Made:
    identity = event.timer_canceled_event_attributes.timer_id
    return CANCEL_TIMER, names.timers.get(identity, ""), identity, ()


def _child_event(event: HistoryEvent, names: Names) -> _Made:
    a = event.start_child_workflow_execution_initiated_event_attributes
    names.children[event.event_id] = (a.workflow_id, a.workflow_type.name)
    return CHILD, a.workflow_type.name, a.workflow_id, _child_attributes(a, a.input.payloads)


def _child_attributes(a: Any, payloads: Iterable[Payload]) -> Attributes:
    policy = a.parent_close_policy or ParentClosePolicy.PARENT_CLOSE_POLICY_TERMINATE
    return (
        ("arguments", payloads_text(payloads)),
        *_durations(a, "workflow_execution_timeout", "workflow_run_timeout"),
        ("task_queue", a.task_queue if isinstance(a.task_queue, str) else a.task_queue.name),
        ("parent_close_policy", ParentClosePolicy.Name(policy).removeprefix("PARENT_CLOSE_POLICY_")),
    )


def _cancel_external_event(event: HistoryEvent, _: Names) -> _Made:
    a = event.request_cancel_external_workflow_execution_initiated_event_attributes
    return CANCEL_EXTERNAL, a.workflow_execution.workflow_id, a.workflow_execution.workflow_id, ()


def _signal_event(event: HistoryEvent, _: Names) -> _Made:
    a = event.signal_external_workflow_execution_initiated_event_attributes
    target = a.workflow_execution.workflow_id
    return SIGNAL_EXTERNAL, a.signal_name, target, (("arguments", payloads_text(a.input.payloads)),)


def _upsert_event(event: HistoryEvent, _: Names) -> _Made | None:
    fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
    if set(fields) == {_CHANGE_VERSION}:
        return None  # the SDK adds it beside a patch marker; no line of the code's asks for it
    return UPSERT, ", ".join(sorted(fields)), "", _map_text(fields)


def _memo_event(event: HistoryEvent, _: Names) -> _Made:
    fields = event.workflow_properties_modified_event_attributes.upserted_memo.fields
    return MEMO, ", ".join(sorted(fields)), "", _map_text(fields)


def _accepted_event(event: HistoryEvent, names: Names) -> _Made:
    a = event.workflow_execution_update_accepted_event_attributes
    update_id = a.accepted_request.meta.update_id or a.protocol_instance_id
    name = a.accepted_request.input.name
    names.updates[update_id] = name
    return ACCEPT_UPDATE, name, a.protocol_instance_id, ()


def _completed_event(event: HistoryEvent, names: Names) -> _Made:
    a = event.workflow_execution_update_completed_event_attributes
    outcome = payloads_text(a.outcome.success.payloads) if a.outcome.HasField("success") else a.outcome.failure.message
    return COMPLETE_UPDATE, names.updates.get(a.meta.update_id, ""), a.meta.update_id, (("outcome", outcome),)


def _marker_event(event: HistoryEvent, _: Names) -> _Made:
    a = event.marker_recorded_event_attributes
    data = _marker_data(a.details)
    if a.marker_name == "core_patch":
        deprecated = "true" if data.get("deprecated") else "false"
        return PATCH, str(data.get("id", "")), "", (("deprecated", deprecated),)
    if a.marker_name == "core_local_activity":
        return LOCAL_ACTIVITY, str(data.get("activity_type", "")), str(data.get("seq", "")), ()
    return MARKER, a.marker_name, "", ()


def _marker_data(details: Mapping[str, Payloads]) -> dict[str, Any]:
    """Core's markers carry JSON, under a name that changed over time."""
    for name in ("patch-data", "data"):
        for payload in details[name].payloads if name in details else ():
            try:
                value = json.loads(payload.data)
            except ValueError:
                continue
            if isinstance(value, dict):
                return value
    return {}


def _nexus_event(event: HistoryEvent, names: Names) -> _Made:
    a = event.nexus_operation_scheduled_event_attributes
    name = f"{a.service}.{a.operation}"
    names.nexus[event.event_id] = name
    return NEXUS, name, a.endpoint, (("arguments", payloads_text([a.input])),)


def _cancel_nexus_event(event: HistoryEvent, names: Names) -> _Made:
    scheduled = event.nexus_operation_cancel_requested_event_attributes.scheduled_event_id
    return CANCEL_NEXUS, names.nexus.get(scheduled, ""), "", ()


def _complete_event(event: HistoryEvent, _: Names) -> _Made:
    a = event.workflow_execution_completed_event_attributes
    return COMPLETE, "", "", (("result", payloads_text(a.result.payloads)),)


def _fail_event(event: HistoryEvent, _: Names) -> _Made:
    failure = event.workflow_execution_failed_event_attributes.failure
    return FAIL, "", "", (("failure", failure.message),)


def _continue_event(event: HistoryEvent, _: Names) -> _Made:
    a = event.workflow_execution_continued_as_new_event_attributes
    return CONTINUE, a.workflow_type.name, "", _continue_attributes(a, a.input.payloads)


def _continue_attributes(a: Any, payloads: Iterable[Payload]) -> Attributes:
    return (
        ("arguments", payloads_text(payloads)),
        *_durations(a, "workflow_run_timeout", "workflow_task_timeout"),
        ("task_queue", a.task_queue if isinstance(a.task_queue, str) else a.task_queue.name),
    )


_EVENTS: dict[int, Callable[[HistoryEvent, Names], _Made | None]] = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED: _activity_event,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED: _cancel_activity_event,
    EventType.EVENT_TYPE_TIMER_STARTED: _timer_event,
    EventType.EVENT_TYPE_TIMER_CANCELED: _cancel_timer_event,
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: _child_event,
    EventType.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: _cancel_external_event,
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: _signal_event,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: _upsert_event,
    EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED: _memo_event,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: _accepted_event,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: _completed_event,
    EventType.EVENT_TYPE_MARKER_RECORDED: _marker_event,
    EventType.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED: _nexus_event,
    EventType.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED: _cancel_nexus_event,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: _complete_event,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: _fail_event,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: lambda event, names: (CANCEL, "", "", ()),
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: _continue_event,
}

COMMANDS = frozenset(_EVENTS)
"""Types of events that commands make."""


# The code's side


def produced(command: WorkflowCommand, names: Names) -> Command | None:
    """The command as it would stand in a history; None for what leaves no event (a rejected update, a query's answer)."""
    variant = str(command.WhichOneof("variant"))
    reader = _COMMANDS.get(variant)
    if reader is None:
        return None
    made = reader(getattr(command, variant), names)
    if made is None:
        return None
    kind, name, identity, attributes = made
    return Command(kind, name, identity, attributes=attributes)


def _schedule_activity(c: Any, names: Names) -> _Made:
    names.activities[c.seq] = (c.activity_id, c.activity_type)
    if c.cancellation_type == ActivityCancellationType.ABANDON:
        names.abandoned_activities.add(c.seq)
    return ACTIVITY, c.activity_type, c.activity_id, _activity_attributes(c, c.arguments)


def _cancel_activity(c: Any, names: Names) -> _Made | None:
    if c.seq in names.abandoned_activities:
        return None
    identity, name = names.activities.get(c.seq, ("", ""))
    return CANCEL_ACTIVITY, name, identity, ()


def _start_timer(c: Any, names: Names) -> _Made:
    duration = duration_text(c.start_to_fire_timeout)
    names.timers[str(c.seq)] = duration
    return TIMER, duration, str(c.seq), (("duration", duration),)


def _start_child(c: Any, names: Names) -> _Made:
    names.children[c.seq] = (c.workflow_id, c.workflow_type)
    if c.cancellation_type == ChildWorkflowCancellationType.ABANDON:
        names.abandoned_children.add(c.seq)
    return CHILD, c.workflow_type, c.workflow_id, _child_attributes(c, c.input)


def _cancel_child(c: Any, names: Names) -> _Made | None:
    if c.child_workflow_seq in names.abandoned_children:
        return None
    target, _ = names.children.get(c.child_workflow_seq, ("", ""))
    return CANCEL_EXTERNAL, target, target, ()


def _signal(c: Any, _: Names) -> _Made:
    target = c.child_workflow_id or c.workflow_execution.workflow_id
    return SIGNAL_EXTERNAL, c.signal_name, target, (("arguments", payloads_text(c.args)),)


def _update_response(c: Any, names: Names) -> _Made | None:
    name = names.updates.get(c.protocol_instance_id, "")
    if c.HasField("accepted"):
        names.accepted.add(c.protocol_instance_id)
        return ACCEPT_UPDATE, name, c.protocol_instance_id, ()
    if c.HasField("completed"):
        return COMPLETE_UPDATE, name, c.protocol_instance_id, (("outcome", payloads_text([c.completed])),)
    if c.HasField("rejected") and c.protocol_instance_id in names.accepted:
        return COMPLETE_UPDATE, name, c.protocol_instance_id, (("outcome", c.rejected.message),)
    return None


def _upsert(c: Any, _: Names) -> _Made:
    fields = c.search_attributes.indexed_fields
    return UPSERT, ", ".join(sorted(fields)), "", _map_text(fields)


def _memo(c: Any, _: Names) -> _Made:
    return MEMO, ", ".join(sorted(c.upserted_memo.fields)), "", _map_text(c.upserted_memo.fields)


def _schedule_nexus(c: Any, names: Names) -> _Made:
    names.nexus[c.seq] = f"{c.service}.{c.operation}"
    if c.cancellation_type == NexusOperationCancellationType.ABANDON:
        names.abandoned_operations.add(c.seq)
    return NEXUS, f"{c.service}.{c.operation}", c.endpoint, (("arguments", payloads_text([c.input])),)


def _cancel_nexus(c: Any, names: Names) -> _Made | None:
    if c.seq in names.abandoned_operations:
        return None
    return CANCEL_NEXUS, names.nexus.get(c.seq, ""), "", ()


def _external(c: Any, _: Names) -> _Made:
    return CANCEL_EXTERNAL, c.workflow_execution.workflow_id, c.workflow_execution.workflow_id, ()


def _continue(c: Any, _: Names) -> _Made:
    return CONTINUE, c.workflow_type, "", _continue_attributes(c, c.arguments)


_COMMANDS: dict[str, Callable[[Any, Names], _Made | None]] = {
    "schedule_activity": _schedule_activity,
    "request_cancel_activity": _cancel_activity,
    "start_timer": _start_timer,
    "cancel_timer": lambda c, names: (CANCEL_TIMER, names.timers.get(str(c.seq), ""), str(c.seq), ()),
    "start_child_workflow_execution": _start_child,
    "cancel_child_workflow_execution": _cancel_child,
    "request_cancel_external_workflow_execution": _external,
    "signal_external_workflow_execution": _signal,
    "set_patch_marker": lambda c, _: (
        PATCH,
        c.patch_id,
        "",
        (("deprecated", "true" if c.deprecated else "false"),),
    ),
    "schedule_local_activity": lambda c, _: (LOCAL_ACTIVITY, c.activity_type, str(c.seq), ()),
    "upsert_workflow_search_attributes": _upsert,
    "modify_workflow_properties": _memo,
    "update_response": _update_response,
    "schedule_nexus_operation": _schedule_nexus,
    "request_cancel_nexus_operation": _cancel_nexus,
    "complete_workflow_execution": lambda c, _: (
        COMPLETE,
        "",
        "",
        (("result", payloads_text([c.result] if c.HasField("result") else [])),),
    ),
    "fail_workflow_execution": lambda c, _: (FAIL, "", "", (("failure", c.failure.message),)),
    "cancel_workflow_execution": lambda c, _: (CANCEL, "", "", ()),
    "continue_as_new_workflow_execution": _continue,
}


# Values as text


def duration_text(value: Duration) -> str:
    seconds = value.seconds + value.nanos / 1e9
    return f"{seconds:g}s" if seconds < 1e6 else f"{seconds:.0f}s"


def _durations(a: Any, *names: str) -> Attributes:
    return tuple((name, _set_duration(a, name)) for name in names)


def _policy(policy: Any) -> Attributes:
    """What is not set says nothing: the server filled in its own defaults in a history."""
    return (
        ("retry_policy.maximum_attempts", str(policy.maximum_attempts)),
        ("retry_policy.initial_interval", _set_duration(policy, "initial_interval")),
        ("retry_policy.maximum_interval", _set_duration(policy, "maximum_interval")),
        ("retry_policy.backoff_coefficient", f"{policy.backoff_coefficient:g}" if policy.backoff_coefficient else ""),
        ("retry_policy.non_retryable_error_types", ", ".join(policy.non_retryable_error_types)),
    )


def _set_duration(message: Any, name: str) -> str:
    return duration_text(getattr(message, name)) if message.HasField(name) else ""


def payloads_text(payloads: Iterable[Payload]) -> str:
    return ", ".join(payload_text(payload) for payload in payloads)


def payload_text(payload: Payload) -> str:
    encoding, data = payload.metadata.get("encoding", b""), payload.data
    return _remembered_text(encoding, data) if len(data) < _SHORT else _text_of(encoding, data)


def _text_of(encoded: bytes, data: bytes) -> str:
    encoding = encoded.decode(errors="replace")
    if encoding == "binary/null":
        return "null"
    if encoding.startswith("json/"):
        text = data.decode(errors="replace")
        try:
            # One spelling for equal values: key order and spaces are the serializer's business.
            return json.dumps(json.loads(text), sort_keys=True, ensure_ascii=False)
        except ValueError:
            return text
    if encoding.startswith("binary/p"):  # plain, or protobuf
        return f"{encoding}:{data.hex()}"
    # A codec's own: encrypted values differ each time they are written, which says nothing.
    return f"<{encoding or 'unknown encoding'}>"


_remembered_text = lru_cache(maxsize=64)(_text_of)  # the other side has mostly the same


def _map_text(fields: Mapping[str, Payload]) -> Attributes:
    return tuple((name, payload_text(fields[name])) for name in sorted(fields))


def shortened(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
