"""One run as its screen shows it: header, why, events, timeline, input and result, pending work, relations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from wfctl.tui.models.cells import STATUS_MARKS, STATUS_TONES, Cell, Column, Part, Tone, cell
from wfctl.tui.models.events import EventItem, EventList, group_of, kind_of
from wfctl.tui.models.listing import moment
from wfctl.tui.models.spans import Spans
from wfctl.view.durations import short_duration
from wfctl.view.enums import pending_activity_state, workflow_status
from wfctl.view.failures import failure_title, root_cause
from wfctl.view.timeline import CLOSING, Timeline
from wfctl.view.waiting import Surroundings
from wfctl.view.why import Why, explain


@dataclass(frozen=True, slots=True)
class RunRef:
    """Which run; an empty run id is the newest of its workflow id."""

    workflow_id: str
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class RunUpdate:
    """What a look at a run brought."""

    description: Any
    items: Sequence[EventItem] = ()
    surroundings: Surroundings = field(default_factory=lambda: Surroundings(pollers={}))
    now: datetime | None = None
    """Of files: the moment of the last event. Else the clock's."""
    loaded: int = 0
    total: int = 0
    restart: bool = False
    """The events begin anew: it is another run than before."""

    @property
    def is_complete(self) -> bool:
        return self.loaded >= self.total


class ItemMaker:
    """Makes events into items, in order."""

    def __init__(self) -> None:
        self._timeline = Timeline()

    def items(self, events: Sequence[Any]) -> list[EventItem]:
        made = []
        for event in events:
            row = self._timeline.row(event)
            made.append(EventItem(row, event, kind_of(row.type), group_of(event, row.type)))
        return made


@dataclass
class RunModel:
    ref: RunRef
    description: Any = None
    events: EventList = field(default_factory=EventList)
    spans: Spans = field(default_factory=Spans)
    surroundings: Surroundings = field(default_factory=lambda: Surroundings(pollers={}))
    fixed_now: datetime | None = None
    loaded: int = 0
    total: int = 0

    def take(self, update: RunUpdate) -> None:
        if update.restart:
            self.events.clear()
            self.spans.clear()
        self.description = update.description
        self.surroundings = update.surroundings
        self.fixed_now = update.now
        self.loaded, self.total = update.loaded, update.total
        self.events.take(update.items)
        self.spans.take(update.items)
        self.spans.lay_pending(self.description)
        closed = moment(self.description.workflow_execution_info.close_time)
        if closed is not None and not self.is_open and update.is_complete:
            self.spans.close_at(closed)

    # Facts.

    @property
    def info(self) -> Any:
        return self.description.workflow_execution_info

    @property
    def status(self) -> str:
        return workflow_status(self.info.status)

    @property
    def is_open(self) -> bool:
        return self.status in ("Running", "Paused")

    @property
    def run_id(self) -> str:
        return str(self.info.execution.run_id) if self.description is not None else self.ref.run_id

    @property
    def began(self) -> datetime:
        if self.events.items:
            return self.events.items[0].row.moment
        return moment(self.info.start_time) or datetime.now(UTC)

    def now(self) -> datetime:
        return self.fixed_now or datetime.now(UTC)

    def until(self) -> datetime:
        """Where the time axis ends."""
        if self.is_open:
            return self.now()
        last = self.events.items[-1].row.moment if self.events.items else self.began
        return max(moment(self.info.close_time) or last, last)

    @property
    def closing_item(self) -> EventItem | None:
        last = self.events.items[-1] if self.events.items else None
        return last if last is not None and last.row.type in CLOSING else None

    def why(self) -> Why:
        closing = self.closing_item
        return explain(self.description, self.surroundings, self.now(), closing.event if closing else None)

    # The header.

    def title(self) -> Cell:
        status = self.status
        return (
            Part(f"{STATUS_MARKS.get(status, '?')} {status}", STATUS_TONES.get(status, "")),
            Part("  "),
            Part(self.info.execution.workflow_id, "strong"),
            Part("  "),
            Part(self.info.type.name, "accent"),
        )

    def facts(self) -> list[tuple[str, str, Tone]]:
        info = self.info
        started, closed = moment(info.start_time), moment(info.close_time)
        facts: list[tuple[str, str, Tone]] = []
        if started is not None:
            end = closed or self.now()
            facts.append(("started", f"{started:%Y-%m-%d %H:%M:%S}", ""))
            facts.append(("took" if closed else "running", short_duration(max(end - started, timedelta())), ""))
        facts.append(("queue", info.task_queue, ""))
        pollers = self._pollers()
        if pollers is not None:
            facts.append(("pollers", str(pollers), "bad" if pollers == 0 else ""))
        size = f"{info.history_length} events"
        if info.history_size_bytes:
            size += f", {_size(info.history_size_bytes)}"
        facts.append(("history", size, ""))
        build = info.versioning_info.deployment_version.build_id or info.assigned_build_id
        if build:
            facts.append(("build", build, ""))
        if info.parent_execution.workflow_id:
            facts.append(("parent", info.parent_execution.workflow_id, ""))
        return facts

    def run_fact(self) -> tuple[str, str, Tone]:
        return ("run", self.info.execution.run_id or "unknown", "dim")

    def _pollers(self) -> int | None:
        count = self.surroundings.pollers.get((self.info.task_queue, "workflow"))
        return count if count is not None and count >= 0 else None

    # Tabs.

    def pending(self) -> list[list[Cell]]:
        now, rows = self.now(), []
        description = self.description
        if description.HasField("pending_workflow_task"):
            task = description.pending_workflow_task
            since = moment(task.started_time if task.state == 2 else task.scheduled_time)
            state = "started" if task.state == 2 else "scheduled"
            waited = f"since {short_duration(now - since)}" if since else ""
            rows.append(_pending_row("workflow task", "", state, task.attempt, waited, "", "live"))
        for activity in description.pending_activities:
            rows.append(_activity_row(activity, now))
        for child in description.pending_children:
            rows.append(
                _pending_row("child", f"{child.workflow_type_name} {child.workflow_id}", "started", 0, "", "", "live")
            )
        for operation in description.pending_nexus_operations:
            name = f"{operation.endpoint}/{operation.service}/{operation.operation}"
            failure = (
                failure_title(root_cause(operation.last_attempt_failure))
                if operation.HasField("last_attempt_failure")
                else ""
            )
            rows.append(_pending_row("nexus", name, "scheduled", operation.attempt, "", failure, "live"))
        for timer in sorted(self.surroundings.timers, key=lambda timer: timer.fires_at):
            left = f"in {short_duration(timer.fires_at - now)}" if timer.fires_at > now else "due"
            rows.append(_pending_row("timer", timer.timer_id, "running", 0, left, "", "live"))
        return rows

    def input_payloads(self) -> Any:
        if not self.events.items:
            return None
        event = self.events.items[0].event
        started = event.workflow_execution_started_event_attributes
        return started.input if started.HasField("input") else None

    def outcome(self) -> tuple[str, Any]:
        """`result` with payloads, `failure` with a failure, or a sentence with nothing."""
        closing = self.closing_item
        if closing is None:
            return ("not closed yet" if self.is_open else "its closing event is not loaded yet"), None
        if closing.row.failure is not None:
            return "failure", closing.row.failure
        which = closing.event.WhichOneof("attributes")
        attributes = getattr(closing.event, which)
        if hasattr(attributes, "result") and attributes.HasField("result"):
            return "result", attributes.result
        return self.why().sentence, None

    def failures(self) -> list[tuple[str, Any]]:
        """Where something failed, what matters most first: how it ended, then what still fails, then what had failed."""
        found: list[tuple[str, Any]] = []
        closing = self.closing_item
        if closing is not None and closing.row.failure is not None:
            found.append((f"{closing.row.type}, event {closing.row.event_id}", closing.row.failure))
        for activity in self.description.pending_activities:
            if activity.HasField("last_failure"):
                where = (
                    f"activity {activity.activity_type.name} (id {activity.activity_id}), attempt {activity.attempt}"
                )
                by = f", last on {activity.last_worker_identity}" if activity.last_worker_identity else ""
                found.append((where + by, activity.last_failure))
        for operation in self.description.pending_nexus_operations:
            if operation.HasField("last_attempt_failure"):
                found.append((f"Nexus operation {operation.operation}", operation.last_attempt_failure))
        for item in reversed(self.events.items):
            if item.row.failure is not None and item is not closing:
                what = f"{item.row.type} {item.row.subject}".rstrip()
                found.append((f"{what}, event {item.row.event_id}", item.row.failure))
            if len(found) >= 50:
                break
        return found


PENDING_COLUMNS: tuple[Column, ...] = (
    Column("what", "What", width=13),
    Column("name", "Name", weight=3, least=16),
    Column("state", "State", width=12, priority=2),
    Column("attempt", "Attempt", width=9, align="right", priority=1),
    Column("next", "Next", width=16, priority=3),
    Column("failure", "Last failure", weight=3, least=12, priority=4),
)


def _pending_row(what: str, name: str, state: str, attempt: int, when: str, failure: str, tone: Tone) -> list[Cell]:
    return [
        cell(what, "dim"),
        cell(name, "strong"),
        cell(state, tone),
        cell(str(attempt) if attempt else "", "warn" if attempt > 1 else ""),
        cell(when),
        cell(failure, "bad"),
    ]


def _activity_row(activity: Any, now: datetime) -> list[Cell]:
    state = pending_activity_state(activity.state)
    name = f"{activity.activity_type.name} (id {activity.activity_id})"
    failure = failure_title(root_cause(activity.last_failure)) if activity.HasField("last_failure") else ""
    following = moment(activity.next_attempt_schedule_time)
    started = moment(activity.last_started_time)
    when = ""
    if following is not None and following > now:
        when = f"retry in {short_duration(following - now)}"
    elif state == "Started" and started is not None:
        when = f"since {short_duration(max(now - started, timedelta()))}"
    words = "".join(f" {char.lower()}" if char.isupper() else char for char in state).strip()
    limit = f"/{activity.maximum_attempts}" if activity.maximum_attempts else ""
    row = _pending_row(
        "activity", name, "paused" if activity.paused else words, activity.attempt, when, failure, "live"
    )
    row[3] = cell(f"{activity.attempt}{limit}", "warn" if activity.attempt > 1 else "")
    return row


def _size(number: int) -> str:
    size = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("the last unit takes everything")


def task_ends(items: Sequence[EventItem]) -> list[int]:
    """The ids of the events that a run can be reset at."""
    return [item.row.event_id for item in items if item.row.type in _TASK_ENDS]


_TASK_ENDS = frozenset({"WorkflowTaskCompleted", "WorkflowTaskFailed", "WorkflowTaskTimedOut"})


def reset_point(items: Sequence[EventItem], words: str) -> int | None:
    """The event that is meant by its id, or by `first` or `last`: a workflow task that was completed."""
    completed = [item.row.event_id for item in items if item.row.type == "WorkflowTaskCompleted"]
    named = {"first": completed[:1], "last": completed[-1:]}.get(words.strip().lower())
    if named is not None:
        return named[0] if named else None
    return int(words) if words.strip().isdigit() and int(words) <= len(items) else None


def reset_preview(items: Sequence[EventItem], event_id: int) -> str:
    """What a reset at this event leaves behind, and what of it is sent to the new run again."""
    if event_id not in task_ends(items):
        return f"Event {event_id} is not the end of a workflow task; nothing can be reset to it."
    after = [item for item in items if item.row.event_id > event_id]
    signals = sum(1 for item in after if item.kind == "signal")
    updates = sum(1 for item in after if item.row.type == "WorkflowExecutionUpdateAccepted")
    lost = [item.row.subject for item in after if item.row.type == "ActivityTaskCompleted"]
    children = sum(1 for item in after if item.row.type == "StartChildWorkflowExecutionInitiated")
    said = [f"At event {event_id}: {_counted(len(after), 'event') or 'nothing'} left behind."]
    again = [words for words in (_counted(signals, "signal"), _counted(updates, "update")) if words]
    if again:
        said.append(f"Sent again: {', '.join(again)}.")
    if lost:
        shown = ", ".join(lost[:_MOST_LOST]) + (f" and {len(lost) - _MOST_LOST} more" if len(lost) > _MOST_LOST else "")
        said.append(f"Done again: {shown}.")
    if children:
        said.append(f"Left to themselves: {_counted(children, 'child workflow')}.")
    return " ".join(said)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}" if count else ""


_MOST_LOST = 4
