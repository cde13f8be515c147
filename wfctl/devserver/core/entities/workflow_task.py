"""The workflow task: how a worker gets to see news, one batch at a time.

Rule. A run has at most one workflow task.

Theory. A *normal* task's life is in history: SCHEDULED, STARTED, then COMPLETED, FAILED or TIMED_OUT. A task that follows
a failed one (attempt > 1) is *transient*, one that only carries updates is *speculative*: their SCHEDULED and STARTED
are written when they end in something worth keeping, and not at all otherwise. If other events were written since such
a task was scheduled, it becomes normal when it starts.

    state      event                         next        written for
    none       schedule                      scheduled   normal
    scheduled  start                         started     normal
    scheduled  sticky queue's timeout        none        all
    started    complete                      none        all but a speculative one with nothing but rejections
    started    fail, time out, forced close  none        normal and speculative; attempt + 1
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from temporalio.api.enums.v1 import (
    EventType,
    ResourceExhaustedCause,
    ResourceExhaustedScope,
    SuggestContinueAsNewReason,
    TaskQueueKind,
    TimeoutType,
    WorkflowTaskFailedCause,
)
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import (
    HistoryEvent,
    WorkflowTaskCompletedEventAttributes,
    WorkflowTaskFailedEventAttributes,
    WorkflowTaskScheduledEventAttributes,
    WorkflowTaskStartedEventAttributes,
    WorkflowTaskTimedOutEventAttributes,
)
from temporalio.api.protocol.v1 import Message as ProtocolMessage
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.update.v1 import Rejection
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest

from wfctl.devserver.core import reset_points
from wfctl.devserver.core.effects import EnqueueWorkflowTask, Place, VisibilityChanged
from wfctl.devserver.core.errors import ResourceExhausted, ServiceError
from wfctl.devserver.core.packing import MOMENT, PLAIN, Codec, enum
from wfctl.devserver.core.payloads import copy_fields
from wfctl.devserver.core.times import timestamp
from wfctl.devserver.core.visibility import build_ids

if TYPE_CHECKING:
    from wfctl.devserver.core.effects import Effect
    from wfctl.devserver.core.execution import Execution

STICKY = TaskQueueKind.TASK_QUEUE_KIND_STICKY
NORMAL_QUEUE = TaskQueueKind.TASK_QUEUE_KIND_NORMAL
# A worker of this or a later capability may drop a speculative task over up to so many interleaved events.
DISCARDABLE_EVENTS = 10
# A speculative task that nobody has taken after so long gives way to a normal one.
SPECULATIVE_SCHEDULE_TO_START_SECONDS = 5.0


class State(IntEnum):
    NONE = 0
    SCHEDULED = 1
    STARTED = 2


class Kind(IntEnum):
    NORMAL = 0
    SPECULATIVE = 1


@dataclass(slots=True)
class Sticky:
    """The queue of the worker that has this run in its cache."""

    name: str
    schedule_to_start_seconds: float


@dataclass(slots=True)
class WorkflowTask:
    state: State = State.NONE
    kind: Kind = Kind.NORMAL
    attempt: int = 1
    scheduled_event_id: int = 0
    started_event_id: int = 0
    scheduled_time: datetime | None = None
    original_scheduled_time: datetime | None = None
    started_time: datetime | None = None
    timeout_seconds: float = 0.0
    request_id: str = ""
    identity: str = ""
    sticky_queue: str = ""  # the sticky queue it was scheduled on, if any
    suggest_continue_as_new: bool = False
    suggest_reasons: tuple[int, ...] = ()
    history_size_bytes: int = 0
    lost_after_seconds: float = 0.0  # so long may it wait on a normal queue; 0: forever
    after_unhandled_close: bool = False  # the task before it wanted to close the run, but there was news
    written: bool = True  # its SCHEDULED event is in history

    @property
    def is_scheduled(self) -> bool:
        return self.state is State.SCHEDULED

    @property
    def is_started(self) -> bool:
        return self.state is State.STARTED

    @property
    def is_pending(self) -> bool:
        return self.state is not State.NONE


STICKY_FIELDS = {"name": PLAIN, "schedule_to_start_seconds": PLAIN}
TASK_FIELDS = {
    "state": enum(State),
    "kind": enum(Kind),
    "attempt": PLAIN,
    "scheduled_event_id": PLAIN,
    "started_event_id": PLAIN,
    "scheduled_time": MOMENT,
    "original_scheduled_time": MOMENT,
    "started_time": MOMENT,
    "timeout_seconds": PLAIN,
    "request_id": PLAIN,
    "identity": PLAIN,
    "sticky_queue": PLAIN,
    "suggest_continue_as_new": PLAIN,
    "suggest_reasons": Codec(list, tuple),
    "history_size_bytes": PLAIN,
    "lost_after_seconds": PLAIN,
    "after_unhandled_close": PLAIN,
    "written": PLAIN,
}


# -- scheduling -----------------------------------------------------------------------------------------------------


def queue_of(execution: Execution) -> TaskQueue:
    """Where the next workflow task goes: the sticky queue of the last worker, or the run's own queue."""
    name = execution.started.task_queue.name
    if execution.sticky:
        return TaskQueue(name=execution.sticky.name, kind=STICKY, normal_name=name)
    return TaskQueue(name=name, kind=NORMAL_QUEUE)


def timeout_seconds(execution: Execution) -> float:
    return float(execution.started.workflow_task_timeout.ToTimedelta().total_seconds())


def schedule_if_none(execution: Execution) -> None:
    """There is news: make sure that a worker will see it."""
    if execution.is_running and not execution.workflow_task.is_pending and not is_backing_off(execution):
        schedule(execution)


def is_backing_off(execution: Execution) -> bool:
    """The first workflow task waits (start delay, cron, retry, continue-as-new's minimal interval)."""
    return execution.last_completed_event_id == 0 and not has_had_task(execution)


def has_had_task(execution: Execution) -> bool:
    return execution.workflow_task.is_pending or execution.workflow_task.scheduled_time is not None


def schedule(
    execution: Execution,
    *,
    kind: Kind = Kind.NORMAL,
    original_scheduled_time: datetime | None = None,
    dispatch: bool = True,
) -> None:
    """Schedule a workflow task. `dispatch=False`: the caller hands it to a worker itself."""
    assert not execution.workflow_task.is_pending, "at most one workflow task"
    if execution.buffered:
        execution.workflow_task.attempt = 1
        kind = Kind.NORMAL
        execution.flush()
    task = execution.workflow_task
    written = task.attempt == 1 and kind is Kind.NORMAL
    if written:
        scheduled_event_id = _record_scheduled(execution, task.attempt, timeout_seconds(execution)).event_id
    else:
        scheduled_event_id = execution.next_event_id
        _set_scheduled(execution, scheduled_event_id, timeout_seconds(execution), written=False)
    execution.workflow_task.kind = kind
    if kind is Kind.SPECULATIVE and not execution.sticky:
        execution.workflow_task.lost_after_seconds = SPECULATIVE_SCHEDULE_TO_START_SECONDS
    if original_scheduled_time is not None:
        execution.workflow_task.original_scheduled_time = original_scheduled_time
    if dispatch:
        execution.emit(_enqueue(execution))


def _enqueue(execution: Execution) -> EnqueueWorkflowTask:
    task = execution.workflow_task
    place = Place.of(execution.started.priority)
    return EnqueueWorkflowTask(queue_of(execution), task.scheduled_event_id, task.attempt, place)


def _record_scheduled(
    execution: Execution, attempt: int, timeout: float, *, at: datetime | None = None
) -> HistoryEvent:
    attributes = WorkflowTaskScheduledEventAttributes(task_queue=queue_of(execution), attempt=attempt)
    attributes.start_to_close_timeout.FromTimedelta(timedelta(seconds=timeout))
    return record_at(execution, attributes, at)


def record_at(execution: Execution, attributes: Any, at: datetime | None) -> HistoryEvent:
    """Record an event that happened earlier than this step (a transient or speculative task's)."""
    if at is None or at == execution.now:
        return execution.record(attributes)
    now = execution.now
    execution.begin(at)
    event = execution.record(attributes)
    execution.begin(now)
    return event


def _set_scheduled(execution: Execution, scheduled_event_id: int, timeout: float, *, written: bool) -> None:
    task = execution.workflow_task
    execution.workflow_task = WorkflowTask(
        state=State.SCHEDULED,
        attempt=task.attempt,
        scheduled_event_id=scheduled_event_id,
        scheduled_time=execution.now,
        original_scheduled_time=execution.now,
        timeout_seconds=timeout,
        sticky_queue=execution.sticky.name if execution.sticky else "",
        after_unhandled_close=task.after_unhandled_close,
        written=written,
    )


def apply_workflow_task_scheduled(
    execution: Execution, event: HistoryEvent, attributes: WorkflowTaskScheduledEventAttributes
) -> None:
    execution.workflow_task.attempt = attributes.attempt
    timeout = attributes.start_to_close_timeout.ToTimedelta().total_seconds()
    _set_scheduled(execution, event.event_id, timeout, written=True)


# -- starting -------------------------------------------------------------------------------------------------------


def start(execution: Execution, request_id: str, identity: str, extra_reasons: tuple[int, ...] = ()) -> None:
    """A worker takes the task."""
    task = execution.workflow_task
    assert task.is_scheduled
    if not task.written and task.scheduled_event_id != execution.next_event_id:
        # Events were written since: the task is an ordinary one after all.
        task.attempt = 1
        _record_scheduled(execution, 1, task.timeout_seconds)
        task = execution.workflow_task
    size, reasons = _size_and_reasons(execution)
    reasons = (*reasons, *extra_reasons)
    if task.written:
        execution.record(
            WorkflowTaskStartedEventAttributes(
                scheduled_event_id=task.scheduled_event_id,
                identity=identity,
                request_id=request_id,
                suggest_continue_as_new=bool(reasons),
                suggest_continue_as_new_reasons=reasons,  # type: ignore[arg-type]
                history_size_bytes=size,
            )
        )
        return
    execution.workflow_task = replace(
        task,
        state=State.STARTED,
        started_event_id=task.scheduled_event_id + 1,
        started_time=execution.now,
        request_id=request_id,
        identity=identity,
        suggest_continue_as_new=bool(reasons),
        suggest_reasons=reasons,
        history_size_bytes=size,
    )


def _size_and_reasons(execution: Execution) -> tuple[int, tuple[int, ...]]:
    settings, history = execution.settings, execution.history
    reasons = []
    if history.size_bytes >= settings.history_size_suggest_continue_as_new:
        reasons.append(SuggestContinueAsNewReason.SUGGEST_CONTINUE_AS_NEW_REASON_HISTORY_SIZE_TOO_LARGE)
    if history.next_event_id >= settings.history_count_suggest_continue_as_new:
        reasons.append(SuggestContinueAsNewReason.SUGGEST_CONTINUE_AS_NEW_REASON_TOO_MANY_HISTORY_EVENTS)
    if execution.updates.are_too_many(settings):
        reasons.append(SuggestContinueAsNewReason.SUGGEST_CONTINUE_AS_NEW_REASON_TOO_MANY_UPDATES)
    return history.size_bytes, tuple(reasons)


def apply_workflow_task_started(
    execution: Execution, event: HistoryEvent, attributes: WorkflowTaskStartedEventAttributes
) -> None:
    task = execution.workflow_task
    task.state = State.STARTED
    task.started_event_id = event.event_id
    task.started_time = execution.now
    task.request_id = attributes.request_id
    task.identity = attributes.identity
    task.suggest_continue_as_new = attributes.suggest_continue_as_new
    task.suggest_reasons = tuple(attributes.suggest_continue_as_new_reasons)
    task.history_size_bytes = attributes.history_size_bytes


def unwritten_events(execution: Execution, identity: str = "") -> list[HistoryEvent]:
    """The SCHEDULED and STARTED that a worker must see of a task that is not in history, and still follows it."""
    task = execution.workflow_task
    if task.written or not task.is_pending or task.scheduled_event_id != execution.next_event_id:
        return []
    scheduled = HistoryEvent(
        event_id=task.scheduled_event_id,
        event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
        workflow_task_scheduled_event_attributes=WorkflowTaskScheduledEventAttributes(
            task_queue=queue_of(execution), attempt=task.attempt
        ),
    )
    scheduled.workflow_task_scheduled_event_attributes.start_to_close_timeout.FromTimedelta(
        timedelta(seconds=task.timeout_seconds)
    )
    assert task.scheduled_time
    scheduled.event_time.CopyFrom(timestamp(task.scheduled_time))
    if not task.is_started:
        return [scheduled]
    assert task.started_time
    started = HistoryEvent(
        event_id=task.started_event_id,
        event_time=timestamp(task.started_time),
        event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
        workflow_task_started_event_attributes=_started_attributes(task, task.scheduled_event_id, identity),
    )
    return [scheduled, started]


def _started_attributes(
    task: WorkflowTask, scheduled_event_id: int, identity: str
) -> WorkflowTaskStartedEventAttributes:
    return WorkflowTaskStartedEventAttributes(
        scheduled_event_id=scheduled_event_id,
        identity=identity,
        request_id=task.request_id,
        suggest_continue_as_new=task.suggest_continue_as_new,
        suggest_continue_as_new_reasons=task.suggest_reasons,  # type: ignore[arg-type]
        history_size_bytes=task.history_size_bytes,
    )


def _write_unwritten(execution: Execution, identity: str) -> WorkflowTask:
    """An unwritten task ends in something worth keeping: write its SCHEDULED and STARTED, at the end of history."""
    task = execution.workflow_task
    attempt = task.attempt
    scheduled = _record_scheduled(execution, attempt, task.timeout_seconds, at=task.scheduled_time)
    record_at(execution, _started_attributes(task, scheduled.event_id, identity), task.started_time)
    execution.workflow_task.kind = task.kind
    execution.workflow_task.original_scheduled_time = task.original_scheduled_time
    return execution.workflow_task


def make_normal(execution: Execution) -> None:
    """An event comes in: a speculative task that would stand before it is written, so that ids stay in order."""
    task = execution.workflow_task
    if not task.is_pending or task.kind is not Kind.SPECULATIVE or task.written:
        return
    _record_scheduled(execution, task.attempt, task.timeout_seconds, at=task.scheduled_time)
    execution.workflow_task.lost_after_seconds = task.lost_after_seconds
    if task.is_started:
        record_at(execution, _started_attributes(task, task.scheduled_event_id, ""), task.started_time)
    assert execution.workflow_task.scheduled_event_id == task.scheduled_event_id


# -- ending ---------------------------------------------------------------------------------------------------------


def complete(execution: Execution, request: RespondWorkflowTaskCompletedRequest) -> int:
    """The worker answered. Returns the id of WORKFLOW_TASK_COMPLETED, or 0 if the task left no trace."""
    task = execution.workflow_task
    assert task.is_started
    if _leaves_no_trace(execution, request):
        _clear(execution)
        if not execution.last_completed_event_id:
            execution.workflow_task.scheduled_time = None  # an update during the first backoff: it still has to end
        return 0
    if not task.written:
        task = _write_unwritten(execution, request.identity)
    attributes = WorkflowTaskCompletedEventAttributes(
        scheduled_event_id=task.scheduled_event_id,
        started_event_id=task.started_event_id,
        identity=request.identity,
        binary_checksum=request.binary_checksum,
    )
    copy_fields(request, attributes, "sdk_metadata", "metering_metadata")
    if request.HasField("worker_version_stamp"):
        attributes.worker_version.CopyFrom(request.worker_version_stamp)
    return execution.record(attributes).event_id


def _leaves_no_trace(execution: Execution, request: RespondWorkflowTaskCompletedRequest) -> bool:
    """A speculative task with nothing but rejections is dropped, if the worker can follow that."""
    if execution.workflow_task.kind is not Kind.SPECULATIVE or execution.workflow_task.written:
        return False
    if request.commands or request.force_create_new_workflow_task:
        return False
    allowed = DISCARDABLE_EVENTS if request.capabilities.discard_speculative_workflow_task_with_events else 0
    if execution.next_event_id > execution.last_started_event_id + 2 + allowed:
        return False
    return all(_is_rejection(message) for message in request.messages)


def _is_rejection(message: ProtocolMessage) -> bool:
    return bool(message.body.Is(Rejection.DESCRIPTOR))


def apply_workflow_task_completed(
    execution: Execution, event: HistoryEvent, attributes: WorkflowTaskCompletedEventAttributes
) -> None:
    execution.last_started_event_id = attributes.started_event_id
    execution.last_completed_event_id = event.event_id
    stamp = attributes.worker_version if attributes.HasField("worker_version") else None
    execution.worker_version = stamp
    if build_ids.add(execution.search_attributes.indexed_fields, stamp):
        execution.emit(VisibilityChanged())
    reset_points.note_completed_task(execution, event.event_id, attributes)
    _clear(execution)


def _clear(execution: Execution) -> None:
    """The task ended well: the next one is a first attempt."""
    task = execution.workflow_task
    execution.workflow_task = WorkflowTask(
        scheduled_time=task.scheduled_time, original_scheduled_time=task.original_scheduled_time
    )


def fail(
    execution: Execution,
    cause: WorkflowTaskFailedCause.ValueType,
    failure: Failure | None,
    identity: str,
    *,
    binary_checksum: str = "",
    base_run_id: str = "",
    new_run_id: str = "",
) -> None:
    """The task failed. A transient task's failure is not written, only counted."""
    task = execution.workflow_task
    assert task.is_started
    if task.kind is Kind.SPECULATIVE and not task.written:
        task = _write_unwritten(execution, identity)
    unhandled = cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND
    if not task.written:
        _count_failure(execution)
        execution.workflow_task.after_unhandled_close = unhandled
        return
    execution.record(
        WorkflowTaskFailedEventAttributes(
            scheduled_event_id=task.scheduled_event_id,
            started_event_id=task.started_event_id,
            cause=cause,
            failure=failure,
            identity=identity,
            base_run_id=base_run_id,
            new_run_id=new_run_id,
            binary_checksum=binary_checksum,
        )
    )
    execution.workflow_task.after_unhandled_close = unhandled
    if cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW:
        execution.workflow_task.attempt = 1


def check_not_closing(execution: Execution) -> None:
    """A run that tries to close a second time takes no news, or news could keep it from closing for ever.

    Raises ResourceExhausted, which clients retry.
    """
    if execution.workflow_task.is_started and execution.workflow_task.after_unhandled_close:
        raise closing()


def closing() -> ServiceError:
    return ResourceExhausted(
        "workflow operation can not be applied because workflow is closing",
        ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW,
        ResourceExhaustedScope.RESOURCE_EXHAUSTED_SCOPE_NAMESPACE,
    )


def apply_workflow_task_failed(
    execution: Execution, event: HistoryEvent, attributes: WorkflowTaskFailedEventAttributes
) -> None:
    _count_failure(execution)
    if attributes.cause == WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW:
        execution.workflow_task.attempt = 1
        if attributes.new_run_id == execution.run_id:
            execution.begin_anew(event.event_id)


def _count_failure(execution: Execution, *, counts: bool = True) -> None:
    """No task is pending now; the next one counts up, unless it was the sticky worker that failed."""
    task = execution.workflow_task
    attempt = 1 if execution.sticky or not counts else task.attempt + 1
    execution.sticky = None
    execution.workflow_task = WorkflowTask(attempt=attempt, scheduled_time=task.scheduled_time)


def reset_sticky(execution: Execution) -> None:
    """Forget the worker that has this run in its cache. A task that waits for it goes to the normal queue."""
    execution.sticky = None
    task = execution.workflow_task
    if task.is_scheduled and task.sticky_queue:
        task.sticky_queue = ""
        execution.emit(_enqueue(execution))


def time_out(execution: Execution, timeout_type: TimeoutType.ValueType) -> None:
    """The task's time ran out: started and not answered, or not picked up from a sticky queue."""
    task = execution.workflow_task
    if task.kind is Kind.SPECULATIVE and not task.written:
        if task.is_started:
            task = _write_unwritten(execution, "")
        else:
            _record_scheduled(execution, task.attempt, task.timeout_seconds, at=task.scheduled_time)
            task = execution.workflow_task
    if task.written:
        execution.record(
            WorkflowTaskTimedOutEventAttributes(
                scheduled_event_id=task.scheduled_event_id,
                started_event_id=task.started_event_id,
                timeout_type=timeout_type,
            )
        )
    else:
        _count_failure(execution, counts=timeout_type == TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE)


def apply_workflow_task_timed_out(
    execution: Execution, event: HistoryEvent, attributes: WorkflowTaskTimedOutEventAttributes
) -> None:
    _count_failure(execution, counts=attributes.timeout_type == TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE)


# -- time -----------------------------------------------------------------------------------------------------------


def next_deadline(execution: Execution) -> datetime | None:
    task = execution.workflow_task
    if task.is_started:
        assert task.started_time
        return task.started_time + timedelta(seconds=task.timeout_seconds)
    if task.is_scheduled:
        assert task.scheduled_time
        if task.sticky_queue and execution.sticky:
            return task.scheduled_time + timedelta(seconds=execution.sticky.schedule_to_start_seconds)
        if task.lost_after_seconds:
            return task.scheduled_time + timedelta(seconds=task.lost_after_seconds)
        return None
    if is_backing_off(execution):
        return execution.start_time + execution.started.first_workflow_task_backoff.ToTimedelta()
    return None


def on_deadline(execution: Execution) -> None:
    if is_backing_off(execution):
        schedule(execution)
        return
    started = execution.workflow_task.is_started
    time_out(
        execution,
        TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE if started else TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START,
    )
    schedule(execution)


def pending_effects(execution: Execution) -> Iterator[Effect]:
    if execution.workflow_task.is_scheduled:
        yield _enqueue(execution)
