"""The request to cancel a run: recorded once, left to the workflow to honour."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Link
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionCancelRequestedEventAttributes

from wfctl.devserver.core.entities import workflow_task

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution


def request_cancel(
    execution: Execution,
    cause: str,
    identity: str,
    request_id: str,
    *,
    links: Iterable[Link] = (),
    external_initiated_event_id: int = 0,
    external_workflow: tuple[str, str] | None = None,
) -> None:
    """Ask the workflow to stop. A second request is accepted and leaves no event."""
    if execution.cancel_requested:
        return
    attributes = WorkflowExecutionCancelRequestedEventAttributes(
        cause=cause, identity=identity, external_initiated_event_id=external_initiated_event_id
    )
    if external_workflow is not None:
        attributes.external_workflow_execution.workflow_id, attributes.external_workflow_execution.run_id = (
            external_workflow
        )
    execution.record(attributes, links=links)
    execution.cancel_request_id = request_id
    if not execution.workflow_task.is_pending:
        # Even during a start delay: the workflow gets the chance to clean up at once.
        workflow_task.schedule(execution)


def apply_workflow_execution_cancel_requested(
    execution: Execution, event: HistoryEvent, attributes: WorkflowExecutionCancelRequestedEventAttributes
) -> None:
    execution.cancel_requested = True
