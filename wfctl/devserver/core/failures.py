"""Failures that the server itself makes."""

from __future__ import annotations

from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import TimeoutType
from temporalio.api.failure.v1 import Failure, ServerFailureInfo, TimeoutFailureInfo

SOURCE = "Server"
_NAMES = {
    TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE: "StartToClose",
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_START: "ScheduleToStart",
    TimeoutType.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE: "ScheduleToClose",
    TimeoutType.TIMEOUT_TYPE_HEARTBEAT: "Heartbeat",
}
NO_TIME_FOR_RETRY = "Not enough time to schedule next retry before activity ScheduleToClose timeout, giving up retrying"


def activity_timeout(
    timeout_type: TimeoutType.ValueType, message: str = "", last_heartbeat_details: Payloads | None = None
) -> Failure:
    return Failure(
        message=message or f"activity {_NAMES[timeout_type]} timeout",
        source=SOURCE,
        timeout_failure_info=TimeoutFailureInfo(
            timeout_type=timeout_type, last_heartbeat_details=last_heartbeat_details
        ),
    )


def server(message: str, *, non_retryable: bool = True) -> Failure:
    return Failure(message=message, source=SOURCE, server_failure_info=ServerFailureInfo(non_retryable=non_retryable))
