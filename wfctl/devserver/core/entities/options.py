"""Options of a running workflow that change from outside: versioning override, attached requests and callbacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Callback, Link
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionOptionsUpdatedEventAttributes

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution


@dataclass(frozen=True, slots=True)
class Attachment:
    """What a start request leaves with the running workflow that it uses instead of starting one."""

    request_id: str
    callbacks: tuple[Callback, ...] = ()
    links: tuple[Link, ...] = ()


def attach(execution: Execution, attachment: Attachment) -> None:
    """The workflow itself need not hear of it: no workflow task."""
    execution.record(
        WorkflowExecutionOptionsUpdatedEventAttributes(
            attached_request_id=attachment.request_id, attached_completion_callbacks=attachment.callbacks
        ),
        links=attachment.links,
        worker_may_ignore=True,
    )


def apply_workflow_execution_options_updated(
    execution: Execution, event: HistoryEvent, attributes: WorkflowExecutionOptionsUpdatedEventAttributes
) -> None:
    if attributes.attached_request_id:
        execution.request_ids[attributes.attached_request_id] = event.event_id
    if attributes.unset_versioning_override:
        execution.options = None
    elif attributes.HasField("versioning_override"):
        execution.options = attributes.versioning_override
