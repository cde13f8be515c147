"""What an operator does to pending activities: pause and unpause them, reset them, change their options.

None of it is an event. An activity whose attempt is running is left to finish it; one that waits is taken out of its queue
(its stamp moves on) and scheduled anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.taskqueue.v1 import TaskQueue

from wfctl.devserver.core import retry
from wfctl.devserver.core.activity_checks import check_timeouts, normal_timeouts
from wfctl.devserver.core.entities.activity import (
    Activity,
    Pause,
    State,
    enqueue,
    prepare_attempt,
)
from wfctl.devserver.core.entities.workflow_task import NORMAL_QUEUE
from wfctl.devserver.core.errors import FailedPrecondition, InvalidArgument, NotFound
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.validation import check_retry_policy, check_task_queue

UNKNOWN = "Can't find pending activity with such ID. Invalid activityID or activity already completed"
TIMEOUTS = ("schedule_to_close_timeout", "schedule_to_start_timeout", "start_to_close_timeout", "heartbeat_timeout")
# What an update mask may name; other paths are ignored.
_RETRY_FIELDS = ("initial_interval", "backoff_coefficient", "maximum_interval", "maximum_attempts")
_PRIORITY_FIELDS = ("priority_key", "fairness_key", "fairness_weight")


def select(execution: Execution, matches: Callable[[Activity], bool]) -> list[Activity]:
    """Raises NotFound when there is none."""
    found = [activity for activity in execution.activities.values() if matches(activity)]
    if not found:
        raise NotFound(UNKNOWN)
    return found


def _waits(activity: Activity) -> bool:
    """No worker has the activity, and none must be told of a cancel request."""
    return not activity.is_started and not activity.cancel_requested_event_id


# -- pausing --------------------------------------------------------------------------------------------------------


def pause(execution: Execution, activity: Activity, identity: str, reason: str, request_id: str) -> None:
    if activity.pause:
        if activity.pause.request_id == request_id:
            return
        raise FailedPrecondition("activity is already paused")
    execution.activities.touch(activity)
    if _waits(activity):
        activity.stamp += 1
    activity.pause = Pause(execution.now, identity, reason, request_id)


def unpause(
    execution: Execution, activity: Activity, *, reset_attempts: bool, reset_heartbeat: bool, delay: timedelta
) -> None:
    if not activity.pause:
        return
    execution.activities.touch(activity)
    _lift_pause(activity)
    if reset_attempts:
        activity.attempt = 1
    if reset_heartbeat:
        activity.heartbeat_time = activity.heartbeat_details = None
    if _waits(activity):
        _schedule_anew(execution, activity, execution.now + delay)


def _lift_pause(activity: Activity) -> None:
    activity.pause = None
    activity.stamp += 1


def _schedule_anew(execution: Execution, activity: Activity, at: datetime) -> None:
    """The attempt comes at this time, without memory of how the last one failed."""
    prepare_attempt(activity, at)
    activity.last_failure = None
    if not activity.pause and at <= execution.now:
        activity.state = State.SCHEDULED
        enqueue(execution, activity)


# -- resetting ------------------------------------------------------------------------------------------------------


def reset(
    execution: Execution,
    activity: Activity,
    *,
    reset_heartbeat: bool,
    keep_paused: bool,
    restore_options: bool,
    delay: timedelta,
) -> None:
    """Back to the first attempt."""
    execution.activities.touch(activity)
    was_paused = activity.pause is not None
    activity.attempt = 1
    activity.reset = True
    if reset_heartbeat:
        activity.resets_heartbeat = True
    if restore_options:
        activity.changed = None
        activity.stamp += 1
    if was_paused and not keep_paused:
        _lift_pause(activity)
    if activity.is_started or activity.pause:
        return
    if not was_paused:
        activity.stamp += 1
    if _waits(activity):
        _schedule_anew(execution, activity, execution.now + delay)


# -- options --------------------------------------------------------------------------------------------------------


def update_options(
    execution: Execution, activity: Activity, wanted: ActivityOptions, paths: Iterable[str]
) -> ActivityOptions:
    """Replace what the paths name. Returns the options as they are now."""
    named = set(paths)
    options = current_options(activity)
    _merge(options, wanted, named)
    if any(path.split(".")[0] == "retry_policy" for path in named):
        check_retry_policy(options.retry_policy)
    check_task_queue(options, execution.settings)
    check_timeouts(options, activity.id, activity.attributes.activity_type.name)
    options.task_queue.kind = options.task_queue.kind or NORMAL_QUEUE
    for name, value in zip(TIMEOUTS, normal_timeouts(options, timedelta()), strict=True):
        getattr(options, name).FromTimedelta(value)
    execution.activities.touch(activity)
    activity.changed = options
    _apply_options(execution, activity)
    return options


def restore_options(execution: Execution, activity: Activity) -> ActivityOptions:
    """The options that the workflow gave."""
    execution.activities.touch(activity)
    activity.changed = None
    _apply_options(execution, activity)
    options = current_options(activity)
    options.retry_policy.CopyFrom(activity.attributes.retry_policy)
    return options


def current_options(activity: Activity) -> ActivityOptions:
    source = activity.options
    options = ActivityOptions(task_queue=TaskQueue(name=source.task_queue.name))
    for name in (*TIMEOUTS, "retry_policy", "priority"):
        value = getattr(source, name)
        if name in TIMEOUTS or value.ByteSize():
            getattr(options, name).CopyFrom(value)
            getattr(options, name).SetInParent()
    del options.retry_policy.non_retryable_error_types[:]
    return options


def _merge(options: ActivityOptions, wanted: ActivityOptions, paths: set[str]) -> None:
    if "task_queue.name" in paths:
        _must_have(wanted, "task_queue", "TaskQueue")
        options.task_queue.name = wanted.task_queue.name
    for name in TIMEOUTS:
        if name in paths:
            getattr(options, name).CopyFrom(getattr(wanted, name))
    if "priority" in paths:
        options.priority.CopyFrom(wanted.priority)
    if "retry_policy" in paths:
        _must_have(wanted, "retry_policy", "RetryPolicy")
        options.retry_policy.CopyFrom(wanted.retry_policy)
    _merge_fields(options, wanted, paths, "priority", "Priority", _PRIORITY_FIELDS)
    _merge_fields(options, wanted, paths, "retry_policy", "RetryPolicy", _RETRY_FIELDS)


def _merge_fields(
    options: ActivityOptions, wanted: ActivityOptions, paths: set[str], parent: str, shown: str, names: tuple[str, ...]
) -> None:
    for name in names:
        if f"{parent}.{name}" not in paths:
            continue
        _must_have(wanted, parent, shown)
        source, target = getattr(wanted, parent), getattr(options, parent)
        if source.DESCRIPTOR.fields_by_name[name].message_type is None:
            setattr(target, name, getattr(source, name))
        else:
            getattr(target, name).CopyFrom(getattr(source, name))


def _must_have(wanted: ActivityOptions, field: str, shown: str) -> None:
    if not wanted.HasField(field):  # type: ignore[arg-type]
        raise InvalidArgument(f"{shown} is not provided")


def _apply_options(execution: Execution, activity: Activity) -> None:
    """An activity that waits is scheduled anew: in its queue of now, at the time that its policy of now gives."""
    activity.stamp += 1
    if not _waits(activity):
        return
    at = activity.attempt_scheduled_time
    if activity.attempt > 1 and activity.last_attempt_complete_time is not None:
        seconds = retry.interval_seconds(activity.retry_policy, activity.attempt)
        at = activity.last_attempt_complete_time + timedelta(seconds=seconds)
    _schedule_anew(execution, activity, at)
