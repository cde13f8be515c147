"""Markers: local activities, patches, side effects. Only the SDK reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.api.command.v1 import RecordMarkerCommandAttributes
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as Cause
from temporalio.api.history.v1 import HistoryEvent, MarkerRecordedEventAttributes

from wfctl.devserver.core.validation import check_blob, check_command_id, length, refusing

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.transitions import CommandContext


def on_record_marker(context: CommandContext, command: RecordMarkerCommandAttributes) -> None:
    settings = context.execution.settings
    with refusing(Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_RECORD_MARKER_ATTRIBUTES):
        check_command_id(command.marker_name, "MarkerName", "RecordMarkerCommand", settings)
    check_blob(
        sum(length(name) + details.ByteSize() for name, details in command.details.items()),
        settings,
        Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_RECORD_MARKER_ATTRIBUTES,
        "RecordMarkerCommandAttributes.Details exceeds size limit.",
    )
    attributes = MarkerRecordedEventAttributes(
        marker_name=command.marker_name,
        details=command.details,
        workflow_task_completed_event_id=context.completed_event_id,
    )
    if command.HasField("header"):
        attributes.header.CopyFrom(command.header)
    if command.HasField("failure"):
        attributes.failure.CopyFrom(command.failure)
    context.execution.record(attributes, **context.extras)


def apply_marker_recorded(execution: Execution, event: HistoryEvent, attributes: MarkerRecordedEventAttributes) -> None:
    """A marker changes nothing on the server."""
