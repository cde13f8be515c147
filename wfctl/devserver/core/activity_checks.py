"""What an activity may be scheduled with: names, and how its four timeouts bound one another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.api.command.v1 import ScheduleActivityTaskCommandAttributes
from temporalio.api.common.v1 import RetryPolicy

from wfctl.devserver.core.errors import InvalidArgument
from wfctl.devserver.core.validation import (
    check_duration,
    check_priority,
    check_retry_policy,
    describing,
    is_set,
    length,
)
from wfctl.devserver.settings import Settings


def check_names(command: ScheduleActivityTaskCommandAttributes, settings: Settings, policy: RetryPolicy) -> None:
    """Id, type, retry policy and priority of a command, in the real server's order. Raises InvalidArgument."""
    names = (("activityId", command.activity_id), ("activityType", command.activity_type.name))
    for field_name, value in names:
        if not value:
            raise InvalidArgument(f"{field_name} is not set")
    check_retry_policy(policy)
    for field_name, value in names:
        if (size := length(value)) > settings.max_id_length:
            limit = settings.max_id_length
            raise InvalidArgument(f"{field_name} exceeds length limit. Length={size} Limit={limit}")
    with describing("invalid priorities"):
        check_priority(command.priority)


def check_timeouts(options: Any, activity_id: str, activity_type: str) -> None:
    """The four timeouts of a command or of activity options. Raises InvalidArgument."""
    check_duration(options.schedule_to_close_timeout, "invalid ScheduleToCloseTimeout")
    check_duration(options.schedule_to_start_timeout, "invalid ScheduleToStartTimeout")
    check_duration(options.start_to_close_timeout, "invalid StartToCloseTimeout")
    check_duration(options.heartbeat_timeout, "invalid HeartbeatTimeout")
    if not is_set(options.schedule_to_close_timeout) and not is_set(options.start_to_close_timeout):
        raise InvalidArgument(
            "a valid StartToCloseTimeout or ScheduleToCloseTimeout must be set on the activity."
            f" ActivityId={activity_id} ActivityType={activity_type}"
        )


def normal_timeouts(options: Any, run_timeout: timedelta) -> tuple[timedelta, timedelta, timedelta, timedelta]:
    """schedule-to-close, schedule-to-start, start-to-close, heartbeat: filled in and capped as the server does."""
    to_close = options.schedule_to_close_timeout.ToTimedelta()
    to_start = options.schedule_to_start_timeout.ToTimedelta()
    start_to_close = options.start_to_close_timeout.ToTimedelta()
    heartbeat = options.heartbeat_timeout.ToTimedelta()
    if to_close:
        to_start = min(to_start, to_close) if to_start else to_close
        start_to_close = min(start_to_close, to_close) if start_to_close else to_close
    elif start_to_close:
        to_close = run_timeout
        to_start = to_start or run_timeout
    if run_timeout:
        to_close, to_start, start_to_close, heartbeat = (
            min(value, run_timeout) for value in (to_close, to_start, start_to_close, heartbeat)
        )
    heartbeat = min(heartbeat, start_to_close)
    return to_close, to_start, start_to_close, heartbeat
