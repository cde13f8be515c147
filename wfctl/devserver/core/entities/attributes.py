"""Search attributes and memo: what a run tells list and describe about itself."""

from __future__ import annotations

import json
from collections.abc import MutableMapping
from typing import TYPE_CHECKING

from temporalio.api.command.v1 import (
    ModifyWorkflowPropertiesCommandAttributes,
    UpsertWorkflowSearchAttributesCommandAttributes,
)
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.history.v1 import (
    HistoryEvent,
    UpsertWorkflowSearchAttributesEventAttributes,
    WorkflowPropertiesModifiedEventAttributes,
)

from wfctl.devserver.core.effects import VisibilityChanged

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.transitions import CommandContext


def on_upsert_workflow_search_attributes(
    context: CommandContext, command: UpsertWorkflowSearchAttributesCommandAttributes
) -> None:
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


def merge(fields: MutableMapping[str, Payload], changes: MutableMapping[str, Payload]) -> None:
    """Lay `changes` over `fields`; a null or an empty list removes its field."""
    for name, payload in changes.items():
        if is_null(payload):
            fields.pop(name, None)
        else:
            fields[name].CopyFrom(payload)


def is_null(payload: Payload) -> bool:
    return payload.metadata.get("encoding") == b"binary/null" or payload.data in (b"", b"null", b"[]")


def text_payloads(text: str) -> Payloads:
    """One JSON string, as the SDKs' default converter writes it."""
    payloads = Payloads()
    payload = payloads.payloads.add(data=json.dumps(text).encode())
    payload.metadata["encoding"] = b"json/plain"
    return payloads
