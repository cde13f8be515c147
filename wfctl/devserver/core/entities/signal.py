"""Signals received by a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Header, Link, Payloads
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionSignaledEventAttributes

from wfctl.devserver.core.entities import workflow_task
from wfctl.devserver.core.errors import InvalidArgument

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution


def signal(
    execution: Execution,
    name: str,
    payloads: Payloads | None,
    header: Header | None,
    identity: str,
    request_id: str = "",
    *,
    links: Iterable[Link] = (),
    schedule: bool = True,
    external_workflow: tuple[str, str] | None = None,
) -> HistoryEvent | None:
    """Deliver a signal; None if this request was delivered before."""
    if request_id and request_id in execution.signal_request_ids:
        return None
    if execution.signal_count >= execution.settings.max_signals_per_execution:
        raise InvalidArgument("exceeded workflow execution limit for signal events")
    attributes = WorkflowExecutionSignaledEventAttributes(signal_name=name, identity=identity, request_id=request_id)
    if payloads is not None:
        attributes.input.CopyFrom(payloads)
    if header is not None:
        attributes.header.CopyFrom(header)
    if external_workflow is not None:
        attributes.external_workflow_execution.workflow_id, attributes.external_workflow_execution.run_id = (
            external_workflow
        )
    event = execution.record(attributes, links=links)
    if schedule:
        workflow_task.schedule_if_none(execution)
    return event


def apply_workflow_execution_signaled(
    execution: Execution, event: HistoryEvent, attributes: WorkflowExecutionSignaledEventAttributes
) -> None:
    execution.signal_count += 1
    if attributes.request_id:
        execution.signal_request_ids[attributes.request_id] = event.event_id
