"""A pending activity as DescribeWorkflowExecution shows it."""

from __future__ import annotations

from datetime import datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo

from wfctl.devserver.core import activity_control
from wfctl.devserver.core.entities.activity import Activity, State


def pending_activity(activity: Activity, now: datetime) -> PendingActivityInfo:
    options = activity_control.current_options(activity)
    info = PendingActivityInfo(
        activity_id=activity.id,
        activity_type=activity.attributes.activity_type,
        state=_state(activity),
        attempt=activity.attempt,
        maximum_attempts=options.retry_policy.maximum_attempts,
        last_failure=activity.last_failure,
        last_worker_identity=activity.last_worker_identity,
        paused=activity.pause is not None,
        activity_options=options,
    )
    info.activity_options.task_queue.normal_name = options.task_queue.name
    if options.HasField("priority"):
        info.priority.CopyFrom(options.priority)
    info.scheduled_time.FromDatetime(activity.attempt_scheduled_time)
    _set_time(info.expiration_time, activity.expiration)
    _set_time(info.last_started_time, activity.started_time)
    _set_time(info.last_attempt_complete_time, activity.last_attempt_complete_time)
    if activity.heartbeat_time:
        info.last_heartbeat_time.FromDatetime(activity.heartbeat_time)
        if activity.heartbeat_details is not None:
            info.heartbeat_details.CopyFrom(activity.heartbeat_details)
    if activity.state is State.BACKING_OFF and not activity.pause and activity.attempt_scheduled_time > now:
        _set_backoff(info, activity)
    if activity.pause:
        info.pause_info.pause_time.FromDatetime(activity.pause.time)
        info.pause_info.manual.identity = activity.pause.identity
        info.pause_info.manual.reason = activity.pause.reason
    return info


def _state(activity: Activity) -> PendingActivityState.ValueType:
    if activity.cancel_requested_event_id:
        return PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
    if activity.is_started:
        if activity.pause:
            return PendingActivityState.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED
        return PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    if activity.pause:
        return PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED
    return PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED


def _set_backoff(info: PendingActivityInfo, activity: Activity) -> None:
    info.next_attempt_schedule_time.FromDatetime(activity.attempt_scheduled_time)
    if activity.last_attempt_complete_time:
        interval = activity.attempt_scheduled_time - activity.last_attempt_complete_time
        info.current_retry_interval.FromTimedelta(interval)
    else:
        info.current_retry_interval.FromTimedelta(timedelta(seconds=activity.backoff_seconds))


def _set_time(timestamp: Timestamp, moment: datetime | None) -> None:
    if moment is not None:
        timestamp.FromDatetime(moment)
