"""Signals and cancel requests that a run sends to other runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from temporalio.api.command.v1 import (
    RequestCancelExternalWorkflowExecutionCommandAttributes,
    SignalExternalWorkflowExecutionCommandAttributes,
)
from temporalio.api.history.v1 import HistoryEvent

from wfctl.devserver.core.effects import CancelExternal, SignalExternal

if TYPE_CHECKING:
    from wfctl.devserver.core.effects import Effect
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.transitions import CommandContext


@dataclass(slots=True)
class ExternalRequest:
    """A signal or cancel request on its way; `attributes` are those of its INITIATED event."""

    initiated_event_id: int
    attributes: Any


def on_signal_external_workflow_execution(
    context: CommandContext, command: SignalExternalWorkflowExecutionCommandAttributes
) -> None:
    raise NotImplementedError


def on_request_cancel_external_workflow_execution(
    context: CommandContext, command: RequestCancelExternalWorkflowExecutionCommandAttributes
) -> None:
    raise NotImplementedError


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


def deadlines(execution: Execution) -> Iterator[datetime]:
    return iter(())


def on_deadline(execution: Execution) -> None:
    raise AssertionError("external requests have no deadline")


def pending_effects(execution: Execution) -> Iterator[Effect]:
    for initiated_event_id in execution.external_signals:
        yield SignalExternal(initiated_event_id)
    for initiated_event_id in execution.external_cancels:
        yield CancelExternal(initiated_event_id)
