"""Search attributes and memo: what a run tells list and describe about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.api.command.v1 import (
    ModifyWorkflowPropertiesCommandAttributes,
    UpsertWorkflowSearchAttributesCommandAttributes,
)
from temporalio.api.enums.v1 import WorkflowTaskFailedCause
from temporalio.api.history.v1 import (
    HistoryEvent,
    UpsertWorkflowSearchAttributesEventAttributes,
    WorkflowPropertiesModifiedEventAttributes,
)

from wfctl.devserver.core.effects import VisibilityChanged
from wfctl.devserver.core.errors import BadCommand
from wfctl.devserver.core.payloads import merge

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.transitions import CommandContext


def on_upsert_workflow_search_attributes(
    context: CommandContext, command: UpsertWorkflowSearchAttributesCommandAttributes
) -> None:
    if not command.search_attributes.indexed_fields:
        raise BadCommand(
            WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES,
            "IndexedFields is not set on UpsertWorkflowSearchAttributesCommand.",
        )
    context.check_search_attributes(command.search_attributes)
    attributes = UpsertWorkflowSearchAttributesEventAttributes(
        workflow_task_completed_event_id=context.completed_event_id, search_attributes=command.search_attributes
    )
    context.search_attributes.type_payloads(attributes.search_attributes)
    context.execution.record(attributes, **context.extras)


def apply_upsert_workflow_search_attributes(
    execution: Execution, event: HistoryEvent, attributes: UpsertWorkflowSearchAttributesEventAttributes
) -> None:
    merge(execution.search_attributes.indexed_fields, attributes.search_attributes.indexed_fields)
    execution.emit(VisibilityChanged())


def on_modify_workflow_properties(context: CommandContext, command: ModifyWorkflowPropertiesCommandAttributes) -> None:
    attributes = WorkflowPropertiesModifiedEventAttributes(workflow_task_completed_event_id=context.completed_event_id)
    if command.HasField("upserted_memo"):
        attributes.upserted_memo.CopyFrom(command.upserted_memo)
    context.execution.record(attributes, **context.extras)


def apply_workflow_properties_modified(
    execution: Execution, event: HistoryEvent, attributes: WorkflowPropertiesModifiedEventAttributes
) -> None:
    merge(execution.memo.fields, attributes.upserted_memo.fields)
    execution.emit(VisibilityChanged())
