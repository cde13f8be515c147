"""Commands as a worker would send them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.command.v1 import (
    Command,
    RequestCancelActivityTaskCommandAttributes,
    ScheduleActivityTaskCommandAttributes,
    StartTimerCommandAttributes,
)
from temporalio.api.common.v1 import ActivityType
from temporalio.api.enums.v1 import CommandType
from temporalio.api.taskqueue.v1 import TaskQueue


def seconds(number: float) -> Duration:
    duration = Duration()
    duration.FromTimedelta(timedelta(seconds=number))
    return duration


def schedule_activity(activity_id: str = "a", **changes: Any) -> Command:
    """An activity with ten seconds from start to close; `changes` replace what it says."""
    attributes: dict[str, Any] = {
        "activity_id": activity_id,
        "activity_type": ActivityType(name="A"),
        "task_queue": TaskQueue(name="activities"),
        "start_to_close_timeout": seconds(10),
    }
    attributes.update(changes)
    return Command(
        command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
        schedule_activity_task_command_attributes=ScheduleActivityTaskCommandAttributes(
            **{name: value for name, value in attributes.items() if value is not None}
        ),
    )


def cancel_activity(scheduled_event_id: int) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK,
        request_cancel_activity_task_command_attributes=RequestCancelActivityTaskCommandAttributes(
            scheduled_event_id=scheduled_event_id
        ),
    )


def start_timer(timer_id: str = "t", duration: Duration | None = None) -> Command:
    return Command(
        command_type=CommandType.COMMAND_TYPE_START_TIMER,
        start_timer_command_attributes=StartTimerCommandAttributes(
            timer_id=timer_id, start_to_fire_timeout=duration or seconds(5)
        ),
    )
