"""Search attributes and memo: what a run tells list and describe about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporalio.api.command.v1 import (
    ModifyWorkflowPropertiesCommandAttributes,
    UpsertWorkflowSearchAttributesCommandAttributes,
)
from temporalio.api.common.v1 import Memo
from temporalio.api.enums.v1 import WorkflowTaskFailedCause as Cause
from temporalio.api.history.v1 import (
    HistoryEvent,
    UpsertWorkflowSearchAttributesEventAttributes,
    WorkflowPropertiesModifiedEventAttributes,
)

from wfctl.devserver.core.effects import VisibilityChanged
from wfctl.devserver.core.errors import InvalidArgument
from wfctl.devserver.core.payloads import merge
from wfctl.devserver.core.validation import check_blob, check_memo, payloads_size, refusing

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.transitions import CommandContext


def on_upsert_workflow_search_attributes(
    context: CommandContext, command: UpsertWorkflowSearchAttributesCommandAttributes
) -> None:
    with refusing(Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SEARCH_ATTRIBUTES):
        if not command.HasField("search_attributes"):
            raise InvalidArgument("SearchAttributes is not set on UpsertWorkflowSearchAttributesCommand.")
        if not command.search_attributes.indexed_fields:
            raise InvalidArgument("IndexedFields is not set on UpsertWorkflowSearchAttributesCommand.")
    context.check_search_attributes(command.search_attributes, already=context.execution.search_attributes)
    attributes = UpsertWorkflowSearchAttributesEventAttributes(
        workflow_task_completed_event_id=context.completed_event_id, search_attributes=command.search_attributes
    )
    context.namespace.type_payloads(attributes.search_attributes)
    context.execution.record(attributes, **context.extras)


def apply_upsert_workflow_search_attributes(
    execution: Execution, event: HistoryEvent, attributes: UpsertWorkflowSearchAttributesEventAttributes
) -> None:
    merge(execution.search_attributes.indexed_fields, attributes.search_attributes.indexed_fields)
    execution.emit(VisibilityChanged())


def on_modify_workflow_properties(context: CommandContext, command: ModifyWorkflowPropertiesCommandAttributes) -> None:
    _check_memo(context, command)
    attributes = WorkflowPropertiesModifiedEventAttributes(workflow_task_completed_event_id=context.completed_event_id)
    if command.HasField("upserted_memo"):
        attributes.upserted_memo.CopyFrom(command.upserted_memo)
    context.execution.record(attributes, **context.extras)


def _check_memo(context: CommandContext, command: ModifyWorkflowPropertiesCommandAttributes) -> None:
    """The change, and what it makes of the whole memo, must not be too large."""
    cause = Cause.WORKFLOW_TASK_FAILED_CAUSE_BAD_MODIFY_WORKFLOW_PROPERTIES_ATTRIBUTES
    with refusing(cause):
        if not command.HasField("upserted_memo"):
            raise InvalidArgument("UpsertedMemo is not set on ModifyWorkflowPropertiesCommand.")
        if not command.upserted_memo.fields:
            raise InvalidArgument("UpsertedMemo.Fields is not set on ModifyWorkflowPropertiesCommand.")
    execution = context.execution
    message = "ModifyWorkflowPropertiesCommandAttributes exceeds size limit."
    check_blob(payloads_size(command.upserted_memo.fields), execution.settings, cause, message)
    merged = Memo()
    merged.CopyFrom(execution.memo)
    merge(merged.fields, command.upserted_memo.fields)
    message = "ModifyWorkflowPropertiesCommandAttributes. Memo exceeds size limit."
    check_memo(merged, execution.settings, cause, message)


def apply_workflow_properties_modified(
    execution: Execution, event: HistoryEvent, attributes: WorkflowPropertiesModifiedEventAttributes
) -> None:
    merge(execution.memo.fields, attributes.upserted_memo.fields)
    execution.emit(VisibilityChanged())
