"""Activities: tried until they end, by their retry policy and four timeouts.

Theory. Only the schedule, the cancel request and the end of an activity are events. Its attempts are unevented state:

    state        by                  next
    scheduled    a worker takes it   started
    scheduled    schedule-to-start   ended (timed out)
    started      result              ended (completed)
    started      failure, timeout    backing off, or ended when the policy gives up
    started      cancel confirmed    ended (canceled)
    backing off  the pause is over   scheduled, attempt + 1
    any          schedule-to-close   ended (timed out)
    not started  cancel request      ended (canceled) at once

A paused activity lets a running attempt finish, starts no other, and has no timeouts. Its `stamp` counts what makes a
task that waits in a queue void: a pause, a reset, changed options.

ACTIVITY_TASK_STARTED is written just before the event that ends the activity, for the last attempt only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.command.v1 import (
    RequestCancelActivityTaskCommandAttributes,
    ScheduleActivityTaskCommandAttributes,
)
from temporalio.api.common.v1 import Payloads, Priority, RetryPolicy
from temporalio.api.enums.v1 import EventType, RetryState, TimeoutType
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as Cause
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import (
    ActivityTaskCanceledEventAttributes,
    ActivityTaskCancelRequestedEventAttributes,
    ActivityTaskCompletedEventAttributes,
    ActivityTaskFailedEventAttributes,
    ActivityTaskScheduledEventAttributes,
    ActivityTaskStartedEventAttributes,
    ActivityTaskTimedOutEventAttributes,
    HistoryEvent,
)
from temporalio.api.taskqueue.v1 import TaskQueue

from wfctl.devserver.core import failures, priorities, retry
from wfctl.devserver.core.activity_checks import check_names, check_timeouts, normal_timeouts
from wfctl.devserver.core.effects import EnqueueActivityTask, Place
from wfctl.devserver.core.entities import workflow_task
from wfctl.devserver.core.errors import BadCommand, InvalidArgument
from wfctl.devserver.core.packing import MOMENT, PLAIN, enum, message, nested, pack, unpack
from wfctl.devserver.core.payloads import copy_fields, text_payloads
from wfctl.devserver.core.validation import check_blob, check_pending, check_task_queue, refusing

if TYPE_CHECKING:
    from wfctl.devserver.core.effects import Effect
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.transitions import CommandContext

NOT_STARTED_MESSAGE = "ACTIVITY_ID_NOT_STARTED"
_ENDS = (
    EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED,
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT,
)
# These leave no room for a retry, whatever the policy says.
_FINAL_TIMEOUTS = (TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START)


class State(IntEnum):
    SCHEDULED = 0
    STARTED = 1
    BACKING_OFF = 2


@dataclass(frozen=True, slots=True)
class Pause:
    """Who paused an activity, when and why."""

    time: datetime
    identity: str
    reason: str
    request_id: str


@dataclass(slots=True)
class Activity:
    """One activity that has not ended. Whoever changes it tells the run's table (`Activities.touch`)."""

    scheduled_event_id: int
    attributes: ActivityTaskScheduledEventAttributes
    scheduled_time: datetime  # of the first attempt
    cancel_requested_event_id: int = 0

    # Unevented: this attempt.
    state: State = State.SCHEDULED
    attempt: int = 1
    attempt_scheduled_time: datetime = field(init=False)
    started_time: datetime | None = None
    started_identity: str = ""
    request_id: str = ""
    heartbeat_time: datetime | None = None
    heartbeat_details: Payloads | None = None
    last_failure: Failure | None = None
    last_worker_identity: str = ""
    last_attempt_complete_time: datetime | None = None
    backoff_seconds: float = 0.0
    stamp: int = 0
    pause: Pause | None = None
    reset: bool = False  # the attempt that runs is told that it was reset
    resets_heartbeat: bool = False  # the next attempt starts without heartbeat details
    changed: ActivityOptions | None = None  # options that replace those of the schedule

    def __post_init__(self) -> None:
        self.attempt_scheduled_time = self.scheduled_time

    @property
    def id(self) -> str:
        return self.attributes.activity_id

    @property
    def is_scheduled(self) -> bool:
        return self.state is State.SCHEDULED

    @property
    def is_started(self) -> bool:
        return self.state is State.STARTED

    @property
    def options(self) -> ActivityOptions | ActivityTaskScheduledEventAttributes:
        """Task queue, timeouts, retry policy and priority as they are now."""
        return self.attributes if self.changed is None else self.changed

    @property
    def expiration(self) -> datetime | None:
        return _after(self.scheduled_time, self.options.schedule_to_close_timeout)

    @property
    def retry_policy(self) -> RetryPolicy:
        if self.changed is None:
            return self.attributes.retry_policy
        policy = RetryPolicy()
        policy.CopyFrom(self.changed.retry_policy)
        policy.non_retryable_error_types[:] = self.attributes.retry_policy.non_retryable_error_types
        return policy

    def pack(self) -> dict[str, Any] | None:
        """The attempt's state, or None for a first attempt that nobody has taken."""
        if self.state is State.SCHEDULED and self.attempt == 1 and self.stamp == 0 and self.pause is None:
            return None
        return pack(self, ATTEMPT_FIELDS)

    def unpack(self, packed: dict[str, Any]) -> None:
        for name, value in unpack(packed, ATTEMPT_FIELDS).items():
            setattr(self, name, value)

    def deadlines(self) -> Iterator[tuple[datetime, TimeoutType.ValueType]]:
        """When what runs out; UNSPECIFIED stands for the end of the pause between attempts."""
        if self.pause:
            return
        options = self.options
        if expiration := self.expiration:
            yield expiration, TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
        if self.state is State.BACKING_OFF:
            yield self.attempt_scheduled_time, TimeoutType.TIMEOUT_TYPE_UNSPECIFIED
        elif self.state is State.SCHEDULED:
            if deadline := _after(self.attempt_scheduled_time, options.schedule_to_start_timeout):
                yield deadline, TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START
        else:
            assert self.started_time
            if deadline := _after(self.started_time, options.start_to_close_timeout):
                yield deadline, TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE
            alive = max(self.heartbeat_time or self.started_time, self.started_time)
            if deadline := _after(alive, options.heartbeat_timeout):
                yield deadline, TimeoutType.TIMEOUT_TYPE_HEARTBEAT


ATTEMPT_FIELDS = {
    "state": enum(State),
    "attempt": PLAIN,
    "attempt_scheduled_time": MOMENT,
    "started_time": MOMENT,
    "started_identity": PLAIN,
    "request_id": PLAIN,
    "heartbeat_time": MOMENT,
    "heartbeat_details": message(Payloads),
    "last_failure": message(Failure),
    "last_worker_identity": PLAIN,
    "last_attempt_complete_time": MOMENT,
    "backoff_seconds": PLAIN,
    "stamp": PLAIN,
    "pause": nested(Pause, {"time": MOMENT, "identity": PLAIN, "reason": PLAIN, "request_id": PLAIN}),
    "reset": PLAIN,
    "resets_heartbeat": PLAIN,
    "changed": message(ActivityOptions),
}


def _after(moment: datetime, duration: Duration) -> datetime | None:
    delta = duration.ToTimedelta()
    return moment + delta if delta else None


# -- commands -------------------------------------------------------------------------------------------------------


def on_schedule_activity_task(context: CommandContext, command: ScheduleActivityTaskCommandAttributes) -> None:
    execution = context.execution
    policy = retry.with_defaults(command.retry_policy)
    _check_schedule(execution, command, policy)
    timeouts = normal_timeouts(command, execution.started.workflow_run_timeout.ToTimedelta())
    attributes = ActivityTaskScheduledEventAttributes(
        activity_id=command.activity_id,
        activity_type=command.activity_type,
        task_queue=TaskQueue(name=command.task_queue.name, kind=workflow_task.NORMAL_QUEUE),
        workflow_task_completed_event_id=context.completed_event_id,
        retry_policy=policy,
        use_workflow_build_id=command.use_workflow_build_id,
    )
    copy_fields(command, attributes, "input", "header", "priority")
    attributes.schedule_to_close_timeout.FromTimedelta(timeouts[0])
    attributes.schedule_to_start_timeout.FromTimedelta(timeouts[1])
    attributes.start_to_close_timeout.FromTimedelta(timeouts[2])
    attributes.heartbeat_timeout.FromTimedelta(timeouts[3])
    event = execution.record(attributes, **context.extras)
    activity = execution.activities[event.event_id]
    if command.request_eager_execution:
        context.eager_activities.append(activity)
    else:
        enqueue(execution, activity)


def _check_schedule(execution: Execution, command: ScheduleActivityTaskCommandAttributes, policy: RetryPolicy) -> None:
    settings, cause = execution.settings, Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES
    with refusing(cause):
        check_task_queue(command, settings)
        check_names(command, settings, policy)
        check_timeouts(command, command.activity_id, command.activity_type.name)
        if command.use_workflow_build_id and command.task_queue.name != execution.started.task_queue.name:
            raise InvalidArgument("Activity with UseCompatibleVersion cannot run on different task queue.")
    message = "ScheduleActivityTaskCommandAttributes.Input exceeds size limit."
    check_blob(command.input.ByteSize(), settings, cause, message)
    check_pending(
        len(execution.activities),
        settings.pending_activities,
        Cause.WORKFLOW_TASK_FAILED_CAUSE_PENDING_ACTIVITIES_LIMIT_EXCEEDED,
        "pending activities",
    )
    if execution.activities.by_id(command.activity_id):
        raise BadCommand(
            Cause.WORKFLOW_TASK_FAILED_CAUSE_SCHEDULE_ACTIVITY_DUPLICATE_ID,
            failures.invalid_action("add-activitytask-scheduled-event", f"ActivityID: {command.activity_id}"),
        )


def on_request_cancel_activity_task(
    context: CommandContext, command: RequestCancelActivityTaskCommandAttributes
) -> None:
    execution = context.execution
    scheduled_event_id = command.scheduled_event_id
    activity = execution.activities.get(scheduled_event_id)
    cause = Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES
    if scheduled_event_id <= 0:
        raise BadCommand(cause, "ScheduledEventId is not set on RequestCancelActivityTaskCommand.")
    repeated = activity is not None and activity.cancel_requested_event_id
    # An activity may have ended while the worker decided: the request is recorded all the same.
    if repeated or (activity is None and not _ended_meanwhile(execution, scheduled_event_id)):
        action = "add-activitytask-cancel-requested-event"
        raise BadCommand(cause, failures.invalid_action(action, f"ScheduledEventID: {scheduled_event_id}"))
    event = execution.record(
        ActivityTaskCancelRequestedEventAttributes(
            scheduled_event_id=command.scheduled_event_id,
            workflow_task_completed_event_id=context.completed_event_id,
        ),
        **context.extras,
    )
    if activity is not None and not activity.is_started:
        execution.record(
            ActivityTaskCanceledEventAttributes(
                scheduled_event_id=command.scheduled_event_id,
                latest_cancel_requested_event_id=event.event_id,
                details=text_payloads(NOT_STARTED_MESSAGE),
                identity=context.identity,
            )
        )
        context.force_new_task = True


def _ended_meanwhile(execution: Execution, scheduled_event_id: int) -> bool:
    """Whether a buffered event tells how the activity ended."""
    for event in execution.buffered:
        attributes = getattr(event, event.WhichOneof("attributes") or "", None)
        if event.event_type in _ENDS and getattr(attributes, "scheduled_event_id", 0) == scheduled_event_id:
            return True
    return False


# -- what a worker says ---------------------------------------------------------------------------------------------


def start(execution: Execution, activity: Activity, request_id: str, identity: str) -> None:
    """A worker takes the attempt."""
    assert not activity.is_started
    execution.activities.touch(activity)
    activity.state = State.STARTED
    activity.started_time = execution.now
    activity.started_identity = identity
    activity.request_id = request_id
    activity.last_worker_identity = identity


def heartbeat(execution: Execution, activity: Activity, details: Payloads | None) -> None:
    execution.activities.touch(activity)
    activity.heartbeat_time = execution.now
    activity.heartbeat_details = details


def complete(execution: Execution, activity: Activity, result: Payloads | None, identity: str) -> None:
    """The result is there. Whoever knows the activity's id may complete it even if no worker has taken it."""
    if not activity.is_started:
        start(execution, activity, "", identity)
    started_event_id = _record_started(execution, activity)
    attributes = ActivityTaskCompletedEventAttributes(
        scheduled_event_id=activity.scheduled_event_id, started_event_id=started_event_id, identity=identity
    )
    if result is not None:
        attributes.result.CopyFrom(result)
    execution.record(attributes)
    workflow_task.schedule_if_none(execution)


def fail(execution: Execution, activity: Activity, failure: Failure | None, identity: str) -> None:
    """The attempt failed: back off, or end the activity."""
    execution.activities.touch(activity)
    activity.last_attempt_complete_time = execution.now
    state = _retry(execution, activity, failure)
    if state == RetryState.RETRY_STATE_IN_PROGRESS:
        return
    started_event_id = _record_started(execution, activity)
    execution.record(
        ActivityTaskFailedEventAttributes(
            failure=failure,
            scheduled_event_id=activity.scheduled_event_id,
            started_event_id=started_event_id,
            identity=identity,
            retry_state=state,
        )
    )
    workflow_task.schedule_if_none(execution)


def cancel(execution: Execution, activity: Activity, details: Payloads | None, identity: str) -> None:
    """The worker confirms the cancel request."""
    started_event_id = _record_started(execution, activity)
    attributes = ActivityTaskCanceledEventAttributes(
        latest_cancel_requested_event_id=activity.cancel_requested_event_id,
        scheduled_event_id=activity.scheduled_event_id,
        started_event_id=started_event_id,
        identity=identity,
    )
    if details is not None:
        attributes.details.CopyFrom(details)
    execution.record(attributes)
    workflow_task.schedule_if_none(execution)


def _retry(execution: Execution, activity: Activity, failure: Failure | None) -> RetryState.ValueType:
    """Prepare another attempt (IN_PROGRESS), or say why there is none."""
    if activity.cancel_requested_event_id:
        return RetryState.RETRY_STATE_CANCEL_REQUESTED
    decision = retry.decide(activity.retry_policy, activity.attempt, execution.now, activity.expiration, failure)
    if activity.pause and decision.state != RetryState.RETRY_STATE_NON_RETRYABLE_FAILURE:
        _clear_attempt(activity)
        activity.state = State.SCHEDULED
        activity.stamp += 1
    elif decision.backoff_seconds is not None:
        activity.backoff_seconds = decision.backoff_seconds
        prepare_attempt(activity, execution.now + timedelta(seconds=decision.backoff_seconds))
    else:
        return decision.state
    activity.attempt += 1
    activity.last_failure = _kept_failure(execution, failure)
    return RetryState.RETRY_STATE_IN_PROGRESS


def _kept_failure(execution: Execution, failure: Failure | None) -> Failure | None:
    """What is remembered of a failed attempt is small: it travels with every later attempt."""
    limit = execution.settings.activity_failure_size
    if failure is None or failure.ByteSize() <= limit:
        return failure
    return failures.too_large(failure, limit, non_retryable=False)


def prepare_attempt(activity: Activity, at: datetime) -> None:
    """The next attempt comes at this time."""
    _clear_attempt(activity)
    activity.state = State.BACKING_OFF
    activity.attempt_scheduled_time = at
    if activity.resets_heartbeat:
        activity.heartbeat_time = activity.heartbeat_details = None
    activity.reset = activity.resets_heartbeat = False


def _clear_attempt(activity: Activity) -> None:
    activity.started_time = None
    activity.request_id = ""


def _record_started(execution: Execution, activity: Activity) -> int:
    """Write the start of the last attempt; 0 if nobody had taken it."""
    if not activity.is_started:
        return 0
    attributes = ActivityTaskStartedEventAttributes(
        scheduled_event_id=activity.scheduled_event_id,
        identity=activity.started_identity,
        request_id=activity.request_id,
        attempt=activity.attempt,
        last_failure=activity.last_failure,
    )
    assert activity.started_time
    return workflow_task.record_at(execution, attributes, activity.started_time).event_id


# -- events ---------------------------------------------------------------------------------------------------------


def apply_activity_task_scheduled(
    execution: Execution, event: HistoryEvent, attributes: ActivityTaskScheduledEventAttributes
) -> None:
    execution.activities[event.event_id] = Activity(event.event_id, attributes, execution.now)


def apply_activity_task_started(
    execution: Execution, event: HistoryEvent, attributes: ActivityTaskStartedEventAttributes
) -> None:
    activity = execution.activities[attributes.scheduled_event_id]
    execution.activities.touch(activity)
    activity.attempt = attributes.attempt


def apply_activity_task_cancel_requested(
    execution: Execution, event: HistoryEvent, attributes: ActivityTaskCancelRequestedEventAttributes
) -> None:
    if activity := execution.activities.get(attributes.scheduled_event_id):
        activity.cancel_requested_event_id = event.event_id


def apply_activity_task_ended(execution: Execution, event: HistoryEvent, attributes: Any) -> None:
    del execution.activities[attributes.scheduled_event_id]


# -- time -----------------------------------------------------------------------------------------------------------


def next_deadline(execution: Execution) -> datetime | None:
    found = execution.activities.earliest()
    return None if found is None else found[0]


def on_deadline(execution: Execution) -> None:
    found = execution.activities.earliest()
    assert found, "some activity is due"
    activity = found[1]
    execution.activities.touch(activity)
    _, timeout_type = min(activity.deadlines())
    if timeout_type == TimeoutType.TIMEOUT_TYPE_UNSPECIFIED:
        activity.state = State.SCHEDULED
        enqueue(execution, activity)
    else:
        time_out(execution, activity, timeout_type)


def time_out(execution: Execution, activity: Activity, timeout_type: TimeoutType.ValueType) -> None:
    failure = failures.activity_timeout(timeout_type)
    if timeout_type in _FINAL_TIMEOUTS and not activity.cancel_requested_event_id:
        state = RetryState.RETRY_STATE_TIMEOUT
    else:
        state = _retry(execution, activity, failure)
    if state == RetryState.RETRY_STATE_IN_PROGRESS:
        return
    if state == RetryState.RETRY_STATE_TIMEOUT and timeout_type != TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START:
        # No time for another attempt: whatever ran out, it is reported as the schedule-to-close timeout.
        failure = failures.activity_timeout(TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, failures.NO_TIME_FOR_RETRY)
    if activity.heartbeat_details is not None:
        failure.timeout_failure_info.last_heartbeat_details.CopyFrom(activity.heartbeat_details)
    if activity.last_failure is not None:
        failure.cause.CopyFrom(activity.last_failure)
    started_event_id = _record_started(execution, activity)
    execution.record(
        ActivityTaskTimedOutEventAttributes(
            failure=failure,
            scheduled_event_id=activity.scheduled_event_id,
            started_event_id=started_event_id,
            retry_state=state,
        )
    )
    workflow_task.schedule_if_none(execution)


def enqueue(execution: Execution, activity: Activity) -> None:
    """The attempt waits for a worker."""
    execution.emit(_enqueue(execution, activity))


def _enqueue(execution: Execution, activity: Activity) -> EnqueueActivityTask:
    return EnqueueActivityTask(
        activity.options.task_queue.name,
        activity.scheduled_event_id,
        activity.attempt,
        activity.stamp,
        Place.of(priority(execution, activity)),
    )


def priority(execution: Execution, activity: Activity) -> Priority:
    """The activity's own priority over the workflow's."""
    return priorities.merged(activity.options.priority, execution.started.priority)


def pending_effects(execution: Execution) -> Iterator[Effect]:
    for activity in execution.activities.values():
        if activity.is_scheduled and not activity.pause:
            yield _enqueue(execution, activity)
