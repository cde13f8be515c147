"""A history as a timeline: each event with what it concerns, what it brought, and how long that took.

`Timeline` reads events in order and remembers what the later ones refer back to, so that a completion can be shown
with the name of what was scheduled and the time it took.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from wfctl.view.durations import short_duration
from wfctl.view.enums import camel, event_type
from wfctl.view.payloads import payloads_text, summary_text

Tone = Literal["red", "yellow", "magenta", "green", "blue", "dim"]

_TONES: dict[str, Tone] = {
    "WorkflowExecutionFailed": "red",
    "WorkflowTaskFailed": "red",
    "ActivityTaskFailed": "red",
    "RequestCancelExternalWorkflowExecutionFailed": "red",
    "StartChildWorkflowExecutionFailed": "red",
    "ChildWorkflowExecutionFailed": "red",
    "SignalExternalWorkflowExecutionFailed": "red",
    "NexusOperationFailed": "red",
    "WorkflowExecutionTerminated": "red",
    "ChildWorkflowExecutionTerminated": "red",
    "WorkflowExecutionTimedOut": "yellow",
    "WorkflowTaskTimedOut": "yellow",
    "ActivityTaskTimedOut": "yellow",
    "ChildWorkflowExecutionTimedOut": "yellow",
    "NexusOperationTimedOut": "yellow",
    "TimerCanceled": "magenta",
    "WorkflowExecutionCanceled": "magenta",
    "ChildWorkflowExecutionCanceled": "magenta",
    "ActivityTaskCanceled": "magenta",
    "WorkflowExecutionCompleted": "green",
    "ChildWorkflowExecutionCompleted": "green",
    "ActivityTaskCompleted": "green",
    "NexusOperationCompleted": "green",
    "WorkflowExecutionStarted": "blue",
    "ChildWorkflowExecutionStarted": "blue",
    "WorkflowTaskScheduled": "dim",
    "WorkflowTaskStarted": "dim",
    "WorkflowTaskCompleted": "dim",
}

CLOSING = frozenset(
    f"WorkflowExecution{end}" for end in ("Completed", "Failed", "TimedOut", "Canceled", "Terminated", "ContinuedAsNew")
)


@dataclass(frozen=True, slots=True)
class EventRow:
    event_id: int
    moment: datetime
    gap: timedelta
    """Since the event before it."""
    type: str
    subject: str
    """What it concerns: `charge (id 1)`, `timer 2`, `signal approve`."""
    detail: str
    """What it brought: arguments, a result, a reason."""
    took: timedelta | None
    """Since what it refers back to was scheduled."""
    failure: Any
    tone: Tone | None

    @property
    def text(self) -> str:
        took = f"took {short_duration(self.took)}" if self.took is not None else ""
        return "  ".join(part for part in (self.subject, self.detail, took) if part)


@dataclass
class Timeline:
    """Turns one run's events, in order, into rows."""

    _previous: datetime | None = None
    _origins: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    """By event id: the name and the moment of what was scheduled, started or initiated there."""

    def row(self, event: Any) -> EventRow:
        moment = event.event_time.ToDatetime(tzinfo=UTC)
        type = event_type(event.event_type)
        attributes = _attributes(event)
        origin = self._origin(type, attributes)
        subject = origin[0] if origin else _subject(type, attributes)
        if _starts_something(type) and subject:
            self._origins[event.event_id] = (subject, moment)
        gap = moment - self._previous if self._previous is not None else timedelta()
        self._previous = moment
        ends = origin is not None and not type.endswith(("Started", "CancelRequested", "Requested"))
        return EventRow(
            event_id=event.event_id,
            moment=moment,
            gap=gap,
            type=type,
            subject=_with_summary(subject, event),
            detail=_detail(type, attributes),
            took=moment - origin[1] if ends and origin else None,
            failure=failure_of(event),
            tone=_TONES.get(type),
        )

    def _origin(self, type: str, attributes: Any) -> tuple[str, datetime] | None:
        if attributes is None or type.startswith("WorkflowTask"):
            return None
        for reference in ("scheduled_event_id", "initiated_event_id", "started_event_id"):
            number = getattr(attributes, reference, 0)
            if number in self._origins:
                return self._origins[number]
        return None


def _starts_something(type: str) -> bool:
    return type in (
        "ActivityTaskScheduled",
        "TimerStarted",
        "StartChildWorkflowExecutionInitiated",
        "SignalExternalWorkflowExecutionInitiated",
        "RequestCancelExternalWorkflowExecutionInitiated",
        "NexusOperationScheduled",
    )


def _with_summary(subject: str, event: Any) -> str:
    if not event.HasField("user_metadata") or not event.user_metadata.HasField("summary"):
        return subject
    return f"{subject} “{summary_text(event.user_metadata.summary)}”".strip()


def _attributes(event: Any) -> Any:
    which = event.WhichOneof("attributes")
    return getattr(event, which) if which else None


def failure_of(event: Any) -> Any:
    """The failure that an event carries, or None."""
    attributes = _attributes(event)
    if attributes is None:
        return None
    for name in ("failure", "last_failure"):
        if name in attributes.DESCRIPTOR.fields_by_name and attributes.HasField(name):
            return getattr(attributes, name)
    return None


def _subject(type: str, attributes: Any) -> str:
    if attributes is None:
        return ""
    if type == "WorkflowExecutionStarted":
        return str(attributes.workflow_type.name)
    if type == "ActivityTaskScheduled":
        return f"{attributes.activity_type.name} (id {attributes.activity_id})"
    if type == "TimerStarted":
        wait = short_duration(attributes.start_to_fire_timeout.ToTimedelta())
        return f"timer {attributes.timer_id} ({wait})"
    if type == "StartChildWorkflowExecutionInitiated":
        return f"{attributes.workflow_type.name} (id {attributes.workflow_id})"
    if type.startswith("WorkflowExecutionSignaled"):
        return f"signal {attributes.signal_name}"
    if type == "SignalExternalWorkflowExecutionInitiated":
        return f"signal {attributes.signal_name} to {attributes.workflow_execution.workflow_id}"
    if type == "RequestCancelExternalWorkflowExecutionInitiated":
        return f"cancel {attributes.workflow_execution.workflow_id}"
    if type == "NexusOperationScheduled":
        return f"{attributes.endpoint}/{attributes.service}/{attributes.operation}"
    if type == "WorkflowExecutionUpdateAccepted":
        request = attributes.accepted_request
        return f"update {request.input.name} (id {request.meta.update_id or attributes.protocol_instance_id})"
    if type.startswith("WorkflowExecutionUpdate"):
        return f"update {attributes.meta.update_id}" if hasattr(attributes, "meta") else "update"
    if type == "MarkerRecorded":
        return f"marker {attributes.marker_name}"
    return ""


def _detail(type: str, attributes: Any) -> str:
    if attributes is None:
        return ""
    if type == "WorkflowTaskFailed":
        from temporalio.api.enums.v1 import WorkflowTaskFailedCause

        return camel(WorkflowTaskFailedCause.Name(attributes.cause), "WORKFLOW_TASK_FAILED_CAUSE_")
    if type == "WorkflowTaskTimedOut":
        from temporalio.api.enums.v1 import TimeoutType

        return camel(TimeoutType.Name(attributes.timeout_type), "TIMEOUT_TYPE_")
    if type == "ActivityTaskStarted":
        parts = [f"attempt {attributes.attempt}"] if attributes.attempt > 1 else []
        return "  ".join([*parts, f"by {attributes.identity}"] if attributes.identity else parts)
    if type == "WorkflowExecutionContinuedAsNew":
        return f"new run {attributes.new_execution_run_id}"
    if type == "WorkflowExecutionTerminated":
        return f"{attributes.reason} by {attributes.identity}".strip()
    if type == "WorkflowExecutionUpdateAccepted":
        return _payloads(attributes.accepted_request.input, "args")
    if type == "WorkflowExecutionUpdateCompleted":
        outcome = attributes.outcome
        if outcome.WhichOneof("value") == "failure":
            return f"failed: {outcome.failure.message}"
        return _payloads(outcome, "success")
    for name in ("result", "input"):
        text = _payloads(attributes, name)
        if text:
            return text
    return str(getattr(attributes, "cause", "") or getattr(attributes, "reason", "")) if _has_words(attributes) else ""


def _has_words(attributes: Any) -> bool:
    """Whether `cause` or `reason` is a sentence; elsewhere it is an enum."""
    fields = attributes.DESCRIPTOR.fields_by_name
    return any(name in fields and fields[name].enum_type is None for name in ("cause", "reason"))


def _payloads(message: Any, name: str) -> str:
    field = message.DESCRIPTOR.fields_by_name.get(name)
    if field is None or field.message_type is None or not message.HasField(name):
        return ""
    if field.message_type.full_name != "temporal.api.common.v1.Payloads":
        return ""
    return payloads_text(getattr(message, name))
