"""Names of protobuf enums as people read them: `ContinuedAsNew`, not a long shout."""

from __future__ import annotations


def camel(name: str, prefix: str) -> str:
    """`WORKFLOW_EXECUTION_STATUS_TIMED_OUT` → `TimedOut`."""
    return "".join(word.capitalize() for word in name.removeprefix(prefix).split("_"))


def event_type(number: int) -> str:
    from temporalio.api.enums.v1 import EventType

    try:
        return camel(EventType.Name(number), "EVENT_TYPE_")  # type: ignore[arg-type]
    except ValueError:
        return f"EventType{number}"


def workflow_status(number: int) -> str:
    from temporalio.api.enums.v1 import WorkflowExecutionStatus

    try:
        return camel(WorkflowExecutionStatus.Name(number), "WORKFLOW_EXECUTION_STATUS_")  # type: ignore[arg-type]
    except ValueError:
        return f"Status{number}"


def pending_activity_state(number: int) -> str:
    from temporalio.api.enums.v1 import PendingActivityState

    return camel(PendingActivityState.Name(number), "PENDING_ACTIVITY_STATE_")  # type: ignore[arg-type]
