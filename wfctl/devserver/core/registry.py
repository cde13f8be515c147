"""The index of the protocol: each event's applier, each command's handler, who has deadlines, who has effects to repeat."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message
from temporalio.api.enums.v1 import CommandType as C
from temporalio.api.enums.v1 import EventType as E
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as F
from temporalio.api.history.v1 import HistoryEvent

from wfctl.devserver.core.entities import (
    activity,
    attributes,
    cancellation,
    child_workflow,
    completion,
    external_workflow,
    marker,
    options,
    signal,
    timer,
    update,
    workflow_task,
)

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.transitions import CommandContext

__all__ = ["COMMANDS", "EVENTS", "EVENT_OF", "NEVER_BUFFERED", "REMINDED", "REORDERED_LAST", "TIMED"]


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event type: the field of HistoryEvent that holds its attributes, and what it does to a run."""

    field: str
    apply: Callable[[Execution, HistoryEvent, Any], None]


def _row(name: str, apply: Callable[[Execution, HistoryEvent, Any], None]) -> tuple[E.ValueType, EventRow]:
    return E.Value(f"EVENT_TYPE_{name}"), EventRow(f"{name.lower()}_event_attributes", apply)


EVENTS: dict[E.ValueType, EventRow] = dict(
    (
        _row("WORKFLOW_EXECUTION_STARTED", completion.apply_workflow_execution_started),
        _row("WORKFLOW_EXECUTION_COMPLETED", completion.apply_closed),
        _row("WORKFLOW_EXECUTION_FAILED", completion.apply_closed),
        _row("WORKFLOW_EXECUTION_TIMED_OUT", completion.apply_closed),
        _row("WORKFLOW_EXECUTION_CANCELED", completion.apply_closed),
        _row("WORKFLOW_EXECUTION_TERMINATED", completion.apply_closed),
        _row("WORKFLOW_EXECUTION_CONTINUED_AS_NEW", completion.apply_closed),
        _row("WORKFLOW_EXECUTION_OPTIONS_UPDATED", options.apply_workflow_execution_options_updated),
        _row("WORKFLOW_TASK_SCHEDULED", workflow_task.apply_workflow_task_scheduled),
        _row("WORKFLOW_TASK_STARTED", workflow_task.apply_workflow_task_started),
        _row("WORKFLOW_TASK_COMPLETED", workflow_task.apply_workflow_task_completed),
        _row("WORKFLOW_TASK_TIMED_OUT", workflow_task.apply_workflow_task_timed_out),
        _row("WORKFLOW_TASK_FAILED", workflow_task.apply_workflow_task_failed),
        _row("ACTIVITY_TASK_SCHEDULED", activity.apply_activity_task_scheduled),
        _row("ACTIVITY_TASK_STARTED", activity.apply_activity_task_started),
        _row("ACTIVITY_TASK_COMPLETED", activity.apply_activity_task_ended),
        _row("ACTIVITY_TASK_FAILED", activity.apply_activity_task_ended),
        _row("ACTIVITY_TASK_TIMED_OUT", activity.apply_activity_task_ended),
        _row("ACTIVITY_TASK_CANCEL_REQUESTED", activity.apply_activity_task_cancel_requested),
        _row("ACTIVITY_TASK_CANCELED", activity.apply_activity_task_ended),
        _row("TIMER_STARTED", timer.apply_timer_started),
        _row("TIMER_FIRED", timer.apply_timer_ended),
        _row("TIMER_CANCELED", timer.apply_timer_ended),
        _row("WORKFLOW_EXECUTION_CANCEL_REQUESTED", cancellation.apply_workflow_execution_cancel_requested),
        _row("WORKFLOW_EXECUTION_SIGNALED", signal.apply_workflow_execution_signaled),
        _row("MARKER_RECORDED", marker.apply_marker_recorded),
        _row("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES", attributes.apply_upsert_workflow_search_attributes),
        _row("WORKFLOW_PROPERTIES_MODIFIED", attributes.apply_workflow_properties_modified),
        _row(
            "START_CHILD_WORKFLOW_EXECUTION_INITIATED",
            child_workflow.apply_start_child_workflow_execution_initiated,
        ),
        _row("START_CHILD_WORKFLOW_EXECUTION_FAILED", child_workflow.apply_child_workflow_ended),
        _row("CHILD_WORKFLOW_EXECUTION_STARTED", child_workflow.apply_child_workflow_execution_started),
        _row("CHILD_WORKFLOW_EXECUTION_COMPLETED", child_workflow.apply_child_workflow_ended),
        _row("CHILD_WORKFLOW_EXECUTION_FAILED", child_workflow.apply_child_workflow_ended),
        _row("CHILD_WORKFLOW_EXECUTION_CANCELED", child_workflow.apply_child_workflow_ended),
        _row("CHILD_WORKFLOW_EXECUTION_TIMED_OUT", child_workflow.apply_child_workflow_ended),
        _row("CHILD_WORKFLOW_EXECUTION_TERMINATED", child_workflow.apply_child_workflow_ended),
        _row(
            "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED",
            external_workflow.apply_signal_external_workflow_execution_initiated,
        ),
        _row("SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED", external_workflow.apply_signal_ended),
        _row("EXTERNAL_WORKFLOW_EXECUTION_SIGNALED", external_workflow.apply_signal_ended),
        _row(
            "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED",
            external_workflow.apply_request_cancel_external_workflow_execution_initiated,
        ),
        _row("REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED", external_workflow.apply_cancel_ended),
        _row("EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED", external_workflow.apply_cancel_ended),
        _row("WORKFLOW_EXECUTION_UPDATE_ADMITTED", update.apply_workflow_execution_update_admitted),
        _row("WORKFLOW_EXECUTION_UPDATE_ACCEPTED", update.apply_workflow_execution_update_accepted),
        _row("WORKFLOW_EXECUTION_UPDATE_COMPLETED", update.apply_workflow_execution_update_completed),
    )
)

# Attributes' message type -> (event type, field of HistoryEvent).
EVENT_OF: dict[type[Message], tuple[E.ValueType, str]] = {
    type(getattr(HistoryEvent(), row.field)): (event_type, row.field) for event_type, row in EVENTS.items()
}


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command type: where Command holds its attributes, its handler, what fails the task when they are bad."""

    field: str
    handle: Callable[[CommandContext, Any], None]
    cause: F.ValueType
    closes: bool = False


COMMANDS: dict[C.ValueType, CommandRow] = {
    C.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK: CommandRow(
        "schedule_activity_task_command_attributes",
        activity.on_schedule_activity_task,
        F.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES,
    ),
    C.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK: CommandRow(
        "request_cancel_activity_task_command_attributes",
        activity.on_request_cancel_activity_task,
        F.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES,
    ),
    C.COMMAND_TYPE_START_TIMER: CommandRow(
        "start_timer_command_attributes", timer.on_start_timer, F.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_TIMER_ATTRIBUTES
    ),
    C.COMMAND_TYPE_CANCEL_TIMER: CommandRow(
        "cancel_timer_command_attributes",
        timer.on_cancel_timer,
        F.WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_TIMER_ATTRIBUTES,
    ),
    C.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION: CommandRow(
        "complete_workflow_execution_command_attributes",
        completion.on_complete_workflow_execution,
        F.WORKFLOW_TASK_FAILED_CAUSE_BAD_COMPLETE_WORKFLOW_EXECUTION_ATTRIBUTES,
        closes=True,
    ),
    C.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION: CommandRow(
        "fail_workflow_execution_command_attributes",
        completion.on_fail_workflow_execution,
        F.WORKFLOW_TASK_FAILED_CAUSE_BAD_FAIL_WORKFLOW_EXECUTION_ATTRIBUTES,
        closes=True,
    ),
    C.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION: CommandRow(
        "cancel_workflow_execution_command_attributes",
        completion.on_cancel_workflow_execution,
        F.WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_WORKFLOW_EXECUTION_ATTRIBUTES,
        closes=True,
    ),
    C.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION: CommandRow(
        "continue_as_new_workflow_execution_command_attributes",
        completion.on_continue_as_new_workflow_execution,
        F.WORKFLOW_TASK_FAILED_CAUSE_BAD_CONTINUE_AS_NEW_ATTRIBUTES,
        closes=True,
    ),
    C.COMMAND_TYPE_RECORD_MARKER: CommandRow(
        "record_marker_command_attributes",
        marker.on_record_marker,
        F.WORKFLOW_TASK_FAILED_CAUSE_BAD_RECORD_MARKER_ATTRIBUTES,
    ),
    C.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: CommandRow(
        "upsert_workflow_search_attributes_command_attributes",
        attributes.on_upsert_workflow_search_attributes,
        F.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES,
    ),
    C.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES: CommandRow(
        "modify_workflow_properties_command_attributes",
        attributes.on_modify_workflow_properties,
        F.WORKFLOW_TASK_FAILED_CAUSE_BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES,
    ),
    C.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION: CommandRow(
        "start_child_workflow_execution_command_attributes",
        child_workflow.on_start_child_workflow_execution,
        F.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_CHILD_EXECUTION_ATTRIBUTES,
    ),
    C.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION: CommandRow(
        "signal_external_workflow_execution_command_attributes",
        external_workflow.on_signal_external_workflow_execution,
        F.WORKFLOW_TASK_FAILED_CAUSE_BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES,
    ),
    C.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION: CommandRow(
        "request_cancel_external_workflow_execution_command_attributes",
        external_workflow.on_request_cancel_external_workflow_execution,
        F.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES,
    ),
    C.COMMAND_TYPE_PROTOCOL_MESSAGE: CommandRow(
        "protocol_message_command_attributes",
        update.on_protocol_message,
        F.WORKFLOW_TASK_FAILED_CAUSE_BAD_UPDATE_WORKFLOW_EXECUTION_MESSAGE,
    ),
}

# Modules with deadlines. Of what is due at the same moment, the first here comes first.
TIMED: tuple[Any, ...] = (completion, workflow_task, activity, timer)
# Modules with effects to repeat after a crash.
REMINDED: tuple[Any, ...] = (completion, workflow_task, activity, child_workflow, external_workflow)

# Events that a command or the workflow task itself makes; all others wait while a task is started.
NEVER_BUFFERED: frozenset[int] = frozenset(
    E.Value(f"EVENT_TYPE_{name}")
    for name in (
        "WORKFLOW_EXECUTION_STARTED",
        "WORKFLOW_EXECUTION_COMPLETED",
        "WORKFLOW_EXECUTION_FAILED",
        "WORKFLOW_EXECUTION_TIMED_OUT",
        "WORKFLOW_EXECUTION_TERMINATED",
        "WORKFLOW_EXECUTION_CONTINUED_AS_NEW",
        "WORKFLOW_EXECUTION_CANCELED",
        "WORKFLOW_TASK_SCHEDULED",
        "WORKFLOW_TASK_STARTED",
        "WORKFLOW_TASK_COMPLETED",
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_TASK_TIMED_OUT",
        "ACTIVITY_TASK_SCHEDULED",
        "ACTIVITY_TASK_CANCEL_REQUESTED",
        "TIMER_STARTED",
        "TIMER_CANCELED",
        "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED",
        "MARKER_RECORDED",
        "START_CHILD_WORKFLOW_EXECUTION_INITIATED",
        "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED",
        "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES",
        "WORKFLOW_PROPERTIES_MODIFIED",
        "NEXUS_OPERATION_SCHEDULED",
        "NEXUS_OPERATION_CANCEL_REQUESTED",
        "WORKFLOW_EXECUTION_UPDATE_ACCEPTED",
        "WORKFLOW_EXECUTION_UPDATE_COMPLETED",
    )
)

# Of the buffered events, those that end something move behind the others.
REORDERED_LAST: frozenset[int] = frozenset(
    E.Value(f"EVENT_TYPE_{name}")
    for name in (
        "ACTIVITY_TASK_COMPLETED",
        "ACTIVITY_TASK_FAILED",
        "ACTIVITY_TASK_CANCELED",
        "ACTIVITY_TASK_TIMED_OUT",
        "CHILD_WORKFLOW_EXECUTION_COMPLETED",
        "CHILD_WORKFLOW_EXECUTION_FAILED",
        "CHILD_WORKFLOW_EXECUTION_CANCELED",
        "CHILD_WORKFLOW_EXECUTION_TIMED_OUT",
        "CHILD_WORKFLOW_EXECUTION_TERMINATED",
    )
)
