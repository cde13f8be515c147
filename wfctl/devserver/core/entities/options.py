"""Options of a running workflow that change from outside: versioning override, attached requests and callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionOptionsUpdatedEventAttributes

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution


def apply_workflow_execution_options_updated(
    execution: Execution, event: HistoryEvent, attributes: WorkflowExecutionOptionsUpdatedEventAttributes
) -> None:
    if attributes.attached_request_id:
        execution.request_ids[attributes.attached_request_id] = event.event_id
    if attributes.unset_versioning_override:
        execution.options = None
    elif attributes.HasField("versioning_override"):
        execution.options = attributes.versioning_override
