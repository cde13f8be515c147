"""One run of a workflow: its state, and the one way to change it.

Rule. State changes only in `apply`, which follows one recorded event. Command handlers decide and call `record`; a
rebuild from history runs the same appliers, so what events tell is right by construction.

Theory. While a workflow task is started or is being completed, events that come from outside are *buffered*: they are
applied (an activity that completed is gone) but get their event id only when the task ends, so that the worker's view of
history stays a prefix of it. `flush` gives them their ids, completions last.

What no event tells — attempts, heartbeats, the sticky queue, the buffer itself — is the *unevented* half: `unevented()`
packs it, `restore()` lays it over a state that was rebuilt from events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgpack
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Memo, Priority, SearchAttributes, WorkerVersionStamp
from temporalio.api.enums.v1 import EventType, WorkflowExecutionStatus, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes
from temporalio.api.sdk.v1 import UserMetadata

from wfctl.devserver.core import packing, registry
from wfctl.devserver.core.effects import Effect, EnqueueActivityTask
from wfctl.devserver.core.entities import completion, workflow_task
from wfctl.devserver.core.entities.external_workflow import ExternalRequest
from wfctl.devserver.core.entities.update import Updates
from wfctl.devserver.core.entities.workflow_task import STICKY_FIELDS, TASK_FIELDS, Sticky, WorkflowTask
from wfctl.devserver.core.errors import BadCommand, NamespaceNotFound
from wfctl.devserver.core.history import History
from wfctl.devserver.core.namespace import Namespace
from wfctl.devserver.core.pending import Activities, Children, Timers
from wfctl.devserver.core.times import timestamp
from wfctl.devserver.core.visibility.record import VisibilityRecord
from wfctl.devserver.settings import Settings

BUFFERED_EVENT_ID = -123
TASK_ID_BASE = 1048576
RUNNING = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING


def _unknown_namespace(name: str) -> Namespace:
    raise NamespaceNotFound(name)


@dataclass(slots=True)
class Execution:
    """The aggregate of one run. `now` is the time of the step that is under way."""

    namespace_id: str
    namespace: str
    workflow_id: str
    run_id: str
    settings: Settings
    new_id: Callable[[], str]
    find_namespace: Callable[[str], Namespace] = _unknown_namespace
    history: History = field(default_factory=History)
    now: datetime = field(init=False)
    now_proto: Timestamp = field(init=False)
    effects: list[Effect] = field(default_factory=list)

    # What events tell.
    started: WorkflowExecutionStartedEventAttributes = field(default_factory=WorkflowExecutionStartedEventAttributes)
    start_time: datetime = field(init=False)
    status: WorkflowExecutionStatus.ValueType = RUNNING
    close_time: datetime | None = None
    workflow_task: WorkflowTask = field(default_factory=WorkflowTask)
    last_started_event_id: int = 0  # the WORKFLOW_TASK_STARTED of the last completed task
    last_completed_event_id: int = 0
    activities: Activities = field(default_factory=Activities)
    timers: Timers = field(default_factory=Timers)
    children: Children = field(default_factory=Children)
    external_signals: dict[int, ExternalRequest] = field(default_factory=dict)
    external_cancels: dict[int, ExternalRequest] = field(default_factory=dict)
    updates: Updates = field(default_factory=Updates)
    signal_count: int = 0
    signal_request_ids: dict[str, int] = field(default_factory=dict)  # request id -> event id
    request_ids: dict[str, int] = field(default_factory=dict)  # attached request id -> event id
    priority: Priority = field(default_factory=Priority)
    reset_time: datetime | None = None  # when this run was made from the beginning of another one
    reset_event_id: int = 0  # the first event that the two do not share
    cancel_requested: bool = False
    cancel_request_id: str = ""
    search_attributes: SearchAttributes = field(default_factory=SearchAttributes)
    memo: Memo = field(default_factory=Memo)
    reset_points: list[Any] = field(default_factory=list)
    user_metadata: UserMetadata | None = None
    options: Any = None  # versioning override and the like, of WORKFLOW_EXECUTION_OPTIONS_UPDATED
    worker_version: WorkerVersionStamp | None = None
    build_ids: list[str] = field(default_factory=list)

    # What no event tells.
    reset_run_id: str = ""  # the run that this one was reset to
    sticky: Sticky | None = None
    buffered: list[HistoryEvent] = field(default_factory=list)
    buffering: bool = False  # the commands of a workflow task are being handled
    transition_count: int = 0

    # -- steps ----------------------------------------------------------------------------------------------------

    def begin(self, now: datetime) -> None:
        """A step starts: everything it records carries this time."""
        self.now = now
        self.now_proto = timestamp(now)

    @property
    def is_running(self) -> bool:
        return self.status == RUNNING

    @property
    def next_event_id(self) -> int:
        return self.history.next_event_id

    def emit(self, effect: Effect) -> None:
        self.effects.append(effect)

    def record(self, attributes: Message, **extras: Any) -> HistoryEvent:
        """Append the event with these attributes and apply it. `extras` are fields of HistoryEvent (links, …)."""
        event_type, attributes_field = registry.EVENT_OF[type(attributes)]
        extras[attributes_field] = attributes
        event = HistoryEvent(event_time=self.now_proto, event_type=event_type, **extras)
        if event_type not in registry.NEVER_BUFFERED:
            workflow_task.make_normal(self)
        if (self.buffering or self.workflow_task.is_started) and event_type not in registry.NEVER_BUFFERED:
            event.event_id = BUFFERED_EVENT_ID
            self.buffered.append(event)
        else:
            self._append(event)
        self._apply(event)
        return event

    def _append(self, event: HistoryEvent) -> None:
        assert self.is_running, "no event after close"
        event.event_id = self.history.next_event_id
        event.task_id = TASK_ID_BASE + event.event_id
        self.history.append(event)

    def flush(self) -> None:
        """Give the buffered events their ids; a closed run drops them."""
        buffered, self.buffered = self.buffered, []
        if not self.is_running:
            return
        started_ids: dict[int, int] = {}
        for event in sorted(buffered, key=lambda event: event.event_type in registry.REORDERED_LAST):
            _wire(event, self.history.next_event_id, started_ids, self)
            self._append(event)

    def target_namespace(self, name: str, cause: WorkflowTaskFailedCause.ValueType) -> Namespace:
        """The namespace that a command points at. Another one than the run's own only if the server allows that."""
        namespace = self.find_namespace(name or self.namespace)
        if namespace.id != self.namespace_id and not self.settings.cross_namespace_commands:
            raise BadCommand(cause, "cross namespace commands are not allowed")
        return namespace

    def begin_anew(self, event_id: int) -> None:
        """This run is a reset of another one: its clocks, and those of activities nobody took, start now."""
        self.reset_event_id = event_id
        self.reset_time = self.start_time = self.now
        for activity in self.activities.values():
            self.activities.touch(activity)
            activity.attempt_scheduled_time = self.now

    # -- rebuilding -----------------------------------------------------------------------------------------------

    def replay(self, events: Iterable[HistoryEvent]) -> None:
        """Apply events that are already in history (a rebuild); effects are dropped."""
        for event in events:
            self.now = event.event_time.ToDatetime(tzinfo=UTC)
            self.now_proto = event.event_time
            self._apply(event)
        self.effects.clear()

    def _apply(self, event: HistoryEvent) -> None:
        row = registry.EVENTS[event.event_type]
        row.apply(self, event, getattr(event, row.field))

    def unevented(self) -> bytes:
        """The state that no event tells, packed."""
        return packing.joined(
            {
                "task": packing.pack(self.workflow_task, TASK_FIELDS),
                "sticky": packing.pack(self.sticky, STICKY_FIELDS) if self.sticky else None,
            },
            "activities",
            self.activities.packed(),
            {
                "updates": self.updates.pack() if self.updates.in_flight else (),
                "buffered": [event.SerializeToString() for event in self.buffered],
                "transitions": self.transition_count,
                "request_ids": self.request_ids,
                "cancel_request_id": self.cancel_request_id,
                "reset_run_id": self.reset_run_id,
            },
        )

    def restore(self, packed: bytes) -> None:
        """Lay the unevented half over a state rebuilt from events."""
        if not packed:
            return
        state = msgpack.unpackb(packed, strict_map_key=False)
        self.buffered = [HistoryEvent.FromString(data) for data in state["buffered"]]
        self.replay(self.buffered)
        self.workflow_task = WorkflowTask(**packing.unpack(state["task"], TASK_FIELDS))
        sticky = state.get("sticky")
        self.sticky = Sticky(**packing.unpack(sticky, STICKY_FIELDS)) if sticky else None
        for scheduled_event_id, data in state["activities"]:
            activity = self.activities[scheduled_event_id]
            self.activities.touch(activity)
            activity.unpack(data)
        if "updates" in state:
            self.updates.unpack(state["updates"])
        self.transition_count = state.get("transitions", 0)
        self.request_ids = state.get("request_ids", {})
        self.cancel_request_id = state.get("cancel_request_id", "")
        self.reset_run_id = state.get("reset_run_id", "")

    # -- time -----------------------------------------------------------------------------------------------------

    def next_deadline(self) -> datetime | None:
        """When `tick` next has something to do."""
        if not self.is_running:
            return None
        earliest: datetime | None = None
        for owner in registry.TIMED:
            deadline = owner.next_deadline(self)
            if deadline is not None and (earliest is None or deadline < earliest):
                earliest = deadline
        return earliest

    def tick(self, now: datetime) -> None:
        """Do what has come due, in order of its deadline."""
        self.begin(now)
        while self.is_running:
            due = [
                (deadline, index)
                for index, owner in enumerate(registry.TIMED)
                if (deadline := owner.next_deadline(self)) is not None and deadline <= now
            ]
            if not due:
                break
            registry.TIMED[min(due)[1]].on_deadline(self)
        if self.effects and all(isinstance(effect, EnqueueActivityTask) for effect in self.effects):
            self.transition_count -= 1  # that a retry's pause is over is no news about the run

    # -- questions that several rooms ask ---------------------------------------------------------------------------

    @property
    def has_pending_work(self) -> bool:
        """Whether boot must load this run: a task waits for a worker, or another run waits for word."""
        if not self.is_running:
            return completion.has_last_words(self)
        return (
            self.workflow_task.is_scheduled
            or self.activities.have_waiting()
            or self.children.have_unstarted()
            or bool(self.external_signals)
            or bool(self.external_cancels)
        )

    def visibility_record(self, run_key: int) -> VisibilityRecord:
        """What list and count show of this run."""
        started, closed = self.started, not self.is_running
        root = started.root_workflow_execution if started.HasField("root_workflow_execution") else None
        return VisibilityRecord(
            run_key=run_key,
            namespace_id=self.namespace_id,
            workflow_id=self.workflow_id,
            run_id=self.run_id,
            workflow_type=started.workflow_type.name,
            status=self.status,
            start_time=_nanoseconds(self.start_time),
            execution_time=_nanoseconds(self.start_time + started.first_workflow_task_backoff.ToTimedelta()),
            task_queue=started.task_queue.name,
            root_workflow_id=root.workflow_id if root else self.workflow_id,
            root_run_id=root.run_id if root else self.run_id,
            parent_workflow_id=started.parent_workflow_execution.workflow_id,
            parent_run_id=started.parent_workflow_execution.run_id,
            close_time=_nanoseconds(self.close_time) if self.close_time else None,
            history_length=self.next_event_id - 1 if closed else None,
            history_size_bytes=self.history.size_bytes if closed else None,
            state_transition_count=self.transition_count if closed else None,
            memo=self.memo,
            search_attributes=self.search_attributes,
        )

    def pending_effects(self) -> list[Effect]:
        """What a live run had asked for and may not have got when the process died."""
        effects: list[Effect] = []
        for owner in registry.REMINDED:
            effects.extend(owner.pending_effects(self))
        return effects


def _wire(event: HistoryEvent, event_id: int, started_ids: dict[int, int], execution: Execution) -> None:
    """A buffered event gets its id: let what refers to a buffered start refer to the real one."""
    attributes = getattr(event, registry.EVENTS[event.event_type].field)
    if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED:
        started_ids[attributes.scheduled_event_id] = event_id
    elif event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
        started_ids[attributes.initiated_event_id] = event_id
        if child := execution.children.get(attributes.initiated_event_id):
            child.started_event_id = event_id
    elif event.event_type in registry.REORDERED_LAST:
        origin = getattr(attributes, "scheduled_event_id", 0) or getattr(attributes, "initiated_event_id", 0)
        if origin in started_ids:
            attributes.started_event_id = started_ids[origin]
    elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED and attributes.request_id:
        execution.signal_request_ids[attributes.request_id] = event_id
    elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED and attributes.attached_request_id:
        execution.request_ids[attributes.attached_request_id] = event_id


def _nanoseconds(moment: datetime) -> int:
    whole = int(moment.timestamp())
    return whole * 1_000_000_000 + moment.microsecond * 1000


def event_name(event_type: EventType.ValueType) -> str:
    return EventType.Name(event_type).removeprefix("EVENT_TYPE_")
