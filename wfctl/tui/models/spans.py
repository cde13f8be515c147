"""What a run did over time: an activity, a timer, a child, an operation or a message as a stretch of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from wfctl.tui.models.cells import Tone
from wfctl.tui.models.events import EventItem, Kind
from wfctl.view.enums import pending_activity_state
from wfctl.view.failures import failure_title, root_cause

State = Literal["waiting", "running", "completed", "failed", "timed out", "canceled", "terminated", "point"]

STATE_TONES: dict[State, Tone] = {
    "waiting": "dim",
    "running": "live",
    "completed": "ok",
    "failed": "bad",
    "timed out": "bad",
    "canceled": "warn",
    "terminated": "bad",
    "point": "accent",
}
KIND_MARKS: dict[Kind, str] = {
    "activity": "▪",
    "timer": "◷",
    "child": "◈",
    "nexus": "◇",
    "signal": "→",
    "update": "⇄",
    "marker": "·",
    "external": "↗",
    "task": "!",
    "workflow": "◆",
    "other": "·",
}
_STARTS = {
    "ActivityTaskScheduled",
    "TimerStarted",
    "StartChildWorkflowExecutionInitiated",
    "NexusOperationScheduled",
    "WorkflowExecutionUpdateAccepted",
    "SignalExternalWorkflowExecutionInitiated",
    "RequestCancelExternalWorkflowExecutionInitiated",
}
_ENDS: tuple[tuple[str, State], ...] = (
    ("Completed", "completed"),
    ("Fired", "completed"),
    ("ExecutionSignaled", "completed"),
    ("CancelRequested", "completed"),
    ("Failed", "failed"),
    ("TimedOut", "timed out"),
    ("Canceled", "canceled"),
    ("Terminated", "terminated"),
)


@dataclass(slots=True)
class Span:
    kind: Kind
    name: str
    identity: str
    began: datetime
    first_event_id: int
    started: datetime | None = None
    """When somebody took it up; before that it stood in a queue."""
    ended: datetime | None = None
    state: State = "waiting"
    attempt: int = 1
    note: str = ""
    last_event_id: int = 0

    @property
    def is_open(self) -> bool:
        return self.ended is None

    @property
    def is_busy(self) -> bool:
        """Work, as against waiting for time or for others to pass."""
        return self.kind in ("activity", "nexus", "update")

    @property
    def tone(self) -> Tone:
        if self.is_open and self.note:
            return "warn"
        return STATE_TONES[self.state]


@dataclass
class Spans:
    """Built event by event; pending attempts, which leave no event, are laid over it."""

    spans: list[Span] = field(default_factory=list)
    _by_event: dict[int, Span] = field(default_factory=dict)
    _open: dict[int, Span] = field(default_factory=dict)

    def take(self, items: Sequence[EventItem]) -> None:
        for item in items:
            self._take(item)

    def clear(self) -> None:
        self.spans.clear()
        self._by_event.clear()
        self._open.clear()

    def _take(self, item: EventItem) -> None:
        row = item.row
        if row.type in _STARTS:
            self._add(item)
            return
        span = self._by_event.get(item.group) if item.group != row.event_id else None
        if span is not None:
            self._progress(span, item)
        elif item.kind in ("signal", "update") or (item.kind == "marker" and "version" not in row.subject.lower()):
            self._point(item)
        elif item.kind == "task" and row.type in ("WorkflowTaskFailed", "WorkflowTaskTimedOut"):
            self._point(item, "failed" if row.type.endswith("Failed") else "timed out")
        elif row.type == "WorkflowExecutionCancelRequested":
            self._point(item)

    def _add(self, item: EventItem) -> None:
        which = item.event.WhichOneof("attributes")
        attributes = getattr(item.event, which)
        identity = str(getattr(attributes, "activity_id", "") or getattr(attributes, "timer_id", ""))
        span = Span(item.kind, item.row.subject, identity, item.row.moment, item.row.event_id)
        span.last_event_id = item.row.event_id
        if item.kind in ("timer", "update"):
            span.started, span.state = item.row.moment, "running"
        self.spans.append(span)
        self._by_event[item.row.event_id] = self._open[item.row.event_id] = span

    def _point(self, item: EventItem, state: State = "point") -> None:
        name = item.row.subject or item.row.type
        if item.kind == "task":
            name = f"workflow task {item.row.detail or state}"
        moment = item.row.moment
        note = failure_title(root_cause(item.row.failure)) if item.row.failure is not None else ""
        self.spans.append(
            Span(item.kind, name, "", moment, item.row.event_id, moment, moment, state, 1, note, item.row.event_id)
        )

    def _progress(self, span: Span, item: EventItem) -> None:
        type = item.row.type
        span.last_event_id = item.row.event_id
        if type.endswith("Started"):
            span.started = item.row.moment
            span.state = "running"
            which = item.event.WhichOneof("attributes")
            span.attempt = max(getattr(getattr(item.event, which), "attempt", 1), 1)
        elif type.endswith("CancelRequested") and not type.startswith("ExternalWorkflow"):
            return
        else:
            state = next((state for end, state in _ENDS if type.endswith(end)), None)
            if state is not None:
                span.ended, span.state = item.row.moment, state
                if item.row.failure is not None:
                    span.note = failure_title(root_cause(item.row.failure))

    def lay_pending(self, description: Any) -> None:
        """Attempts, states and failures of activities that are still at it."""
        pending = {activity.activity_id: activity for activity in description.pending_activities}
        for event_id in [event_id for event_id, span in self._open.items() if not span.is_open]:
            del self._open[event_id]
        for span in self._open.values():
            if span.kind != "activity":
                continue
            activity = pending.get(span.identity)
            if activity is None:
                continue
            span.attempt = max(activity.attempt, 1)
            if activity.HasField("last_started_time") and span.started is None:
                span.started = activity.last_started_time.ToDatetime(tzinfo=UTC)
            span.state = "running" if pending_activity_state(activity.state) == "Started" else "waiting"
            if activity.HasField("last_failure"):
                span.note = failure_title(root_cause(activity.last_failure))

    def close_at(self, moment: datetime) -> None:
        """A run that has ended takes what was open with it."""
        for span in self.spans:
            if span.ended is None:
                span.ended, span.state = moment, "canceled"
