"""Signals and cancel requests that a run sends to other runs.

state      event                                            next
none       …_EXTERNAL_WORKFLOW_EXECUTION_INITIATED          initiated
initiated  EXTERNAL_WORKFLOW_EXECUTION_SIGNALED,            ended
           EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED
initiated  …_EXTERNAL_WORKFLOW_EXECUTION_FAILED             ended

A run that closes with requests on their way takes them back: what it asked for in its last workflow task never happens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from temporalio.api.command.v1 import (
    RequestCancelExternalWorkflowExecutionCommandAttributes,
    SignalExternalWorkflowExecutionCommandAttributes,
)
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import (
    CancelExternalWorkflowExecutionFailedCause,
    SignalExternalWorkflowExecutionFailedCause,
    WorkflowTaskFailedCause,
)
from temporalio.api.history.v1 import (
    ExternalWorkflowExecutionCancelRequestedEventAttributes,
    ExternalWorkflowExecutionSignaledEventAttributes,
    HistoryEvent,
    RequestCancelExternalWorkflowExecutionFailedEventAttributes,
    RequestCancelExternalWorkflowExecutionInitiatedEventAttributes,
    SignalExternalWorkflowExecutionFailedEventAttributes,
    SignalExternalWorkflowExecutionInitiatedEventAttributes,
)

from wfctl.devserver.core import command_checks
from wfctl.devserver.core.effects import CancelExternal, SignalExternal
from wfctl.devserver.core.entities import workflow_task
from wfctl.devserver.core.payloads import copy_fields

if TYPE_CHECKING:
    from wfctl.devserver.core.effects import Effect
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.transitions import CommandContext


@dataclass(slots=True)
class ExternalRequest:
    """A signal or cancel request on its way; `attributes` are those of its INITIATED event."""

    initiated_event_id: int
    attributes: Any


# -- commands -------------------------------------------------------------------------------------------------------


def on_signal_external_workflow_execution(
    context: CommandContext, command: SignalExternalWorkflowExecutionCommandAttributes
) -> None:
    execution = context.execution
    namespace = execution.target_namespace(
        command.namespace, WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES
    )
    command_checks.check_signal_external(context, command)
    attributes = SignalExternalWorkflowExecutionInitiatedEventAttributes(
        workflow_task_completed_event_id=context.completed_event_id,
        namespace=command.namespace,
        namespace_id=namespace.id,
        workflow_execution=WorkflowExecution(
            workflow_id=command.execution.workflow_id, run_id=command.execution.run_id
        ),
        signal_name=command.signal_name,
        control=command.control,
        child_workflow_only=command.child_workflow_only,
    )
    copy_fields(command, attributes, "input", "header")
    execution.record(attributes, **context.extras)


def on_request_cancel_external_workflow_execution(
    context: CommandContext, command: RequestCancelExternalWorkflowExecutionCommandAttributes
) -> None:
    execution = context.execution
    namespace = execution.target_namespace(
        command.namespace,
        WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES,
    )
    command_checks.check_cancel_external(context, command)
    attributes = RequestCancelExternalWorkflowExecutionInitiatedEventAttributes(
        workflow_task_completed_event_id=context.completed_event_id,
        namespace=command.namespace,
        namespace_id=namespace.id,
        workflow_execution=WorkflowExecution(workflow_id=command.workflow_id, run_id=command.run_id),
        control=command.control,
        child_workflow_only=command.child_workflow_only,
        reason=command.reason,
    )
    execution.record(attributes, **context.extras)


# -- how it went ----------------------------------------------------------------------------------------------------


def _target(request: ExternalRequest, namespace: str) -> dict[str, Any]:
    """What every outcome says of the request and the run that it was for."""
    return {
        "initiated_event_id": request.initiated_event_id,
        "namespace": namespace,
        "namespace_id": request.attributes.namespace_id,
        "workflow_execution": request.attributes.workflow_execution,
    }


def record_signaled(execution: Execution, request: ExternalRequest, namespace: str) -> None:
    """The signal is in the other run's history."""
    execution.record(
        ExternalWorkflowExecutionSignaledEventAttributes(
            **_target(request, namespace),
            control=request.attributes.control,
        )
    )
    workflow_task.schedule_if_none(execution)


def record_signal_failed(
    execution: Execution,
    request: ExternalRequest,
    namespace: str,
    cause: SignalExternalWorkflowExecutionFailedCause.ValueType,
) -> None:
    """The signal could not be delivered."""
    execution.record(
        SignalExternalWorkflowExecutionFailedEventAttributes(
            cause=cause,
            **_target(request, namespace),
            control=request.attributes.control,
        )
    )
    workflow_task.schedule_if_none(execution)


def record_cancel_requested(execution: Execution, request: ExternalRequest, namespace: str) -> None:
    """The other run knows that it shall stop, or had closed before."""
    execution.record(
        ExternalWorkflowExecutionCancelRequestedEventAttributes(
            **_target(request, namespace),
        )
    )
    workflow_task.schedule_if_none(execution)


def record_cancel_failed(
    execution: Execution,
    request: ExternalRequest,
    namespace: str,
    cause: CancelExternalWorkflowExecutionFailedCause.ValueType,
) -> None:
    """The cancel request could not be delivered."""
    execution.record(
        RequestCancelExternalWorkflowExecutionFailedEventAttributes(
            cause=cause,
            **_target(request, namespace),
        )
    )
    workflow_task.schedule_if_none(execution)


# -- events ---------------------------------------------------------------------------------------------------------


def apply_signal_external_workflow_execution_initiated(
    execution: Execution, event: HistoryEvent, attributes: Any
) -> None:
    execution.external_signals[event.event_id] = ExternalRequest(event.event_id, attributes)
    execution.emit(SignalExternal(event.event_id))


def apply_signal_ended(execution: Execution, event: HistoryEvent, attributes: Any) -> None:
    execution.external_signals.pop(attributes.initiated_event_id, None)


def apply_request_cancel_external_workflow_execution_initiated(
    execution: Execution, event: HistoryEvent, attributes: Any
) -> None:
    execution.external_cancels[event.event_id] = ExternalRequest(event.event_id, attributes)
    execution.emit(CancelExternal(event.event_id))


def apply_cancel_ended(execution: Execution, event: HistoryEvent, attributes: Any) -> None:
    execution.external_cancels.pop(attributes.initiated_event_id, None)


# -- time and crashes -----------------------------------------------------------------------------------------------


def pending_effects(execution: Execution) -> Iterator[Effect]:
    for initiated_event_id in execution.external_signals:
        yield SignalExternal(initiated_event_id)
    for initiated_event_id in execution.external_cancels:
        yield CancelExternal(initiated_event_id)
