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


def invalid_action(action: str, details: str) -> str:
    """How the real server words a command that does not fit the run's state."""
    return f"invalid history builder state for action: {action}, {details}"


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
    return Failure(message=message, server_failure_info=ServerFailureInfo(non_retryable=non_retryable))


def too_large(failure: Failure, limit: int, *, non_retryable: bool = True) -> Failure:
    """What stands for a failure that exceeds the size limit: a cut version of it as the cause."""
    reason = server("Failure exceeds size limit.", non_retryable=non_retryable)
    reason.cause.CopyFrom(truncate(failure, limit))
    return reason


def truncate(failure: Failure, limit: int, depth: int = 20) -> Failure:
    """The failure's own words within `limit` bytes, the most telling first; then its causes."""
    cut = Failure()

    def take(text: str) -> str:
        nonlocal limit
        taken = text.encode()[: max(limit, 0)].decode(errors="ignore")
        limit -= len(taken.encode()) + (4 if taken else 0)  # what the field itself takes
        return taken

    if failure.HasField("application_failure_info"):
        cut.application_failure_info.non_retryable = failure.application_failure_info.non_retryable
        cut.application_failure_info.type = take(failure.application_failure_info.type)
        limit -= 8
    elif failure.HasField("server_failure_info"):
        cut.server_failure_info.non_retryable = failure.server_failure_info.non_retryable
        limit -= 4
    cut.source = take(failure.source)
    cut.message = take(failure.message)
    cut.stack_trace = take(failure.stack_trace)
    if failure.HasField("cause") and limit > 4 and depth > 0:
        cut.cause.CopyFrom(truncate(failure.cause, limit - 4, depth - 1))
    return cut
