"""Child workflows as their parent sees them.

state      event                              next
none       START_CHILD_..._INITIATED          initiated
initiated  CHILD_WORKFLOW_EXECUTION_STARTED   started
initiated  START_CHILD_..._FAILED             ended
started    CHILD_..._COMPLETED, FAILED, …     ended
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from temporalio.api.command.v1 import StartChildWorkflowExecutionCommandAttributes
from temporalio.api.history.v1 import (
    ChildWorkflowExecutionStartedEventAttributes,
    HistoryEvent,
    StartChildWorkflowExecutionInitiatedEventAttributes,
)

from wfctl.devserver.core.effects import StartChild

if TYPE_CHECKING:
    from wfctl.devserver.core.effects import Effect
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.transitions import CommandContext


@dataclass(slots=True)
class ChildWorkflow:
    initiated_event_id: int
    attributes: StartChildWorkflowExecutionInitiatedEventAttributes
    started_event_id: int = 0
    run_id: str = ""


def on_start_child_workflow_execution(
    context: CommandContext, command: StartChildWorkflowExecutionCommandAttributes
) -> None:
    raise NotImplementedError


def apply_start_child_workflow_execution_initiated(
    execution: Execution, event: HistoryEvent, attributes: StartChildWorkflowExecutionInitiatedEventAttributes
) -> None:
    execution.children[event.event_id] = ChildWorkflow(event.event_id, attributes)
    execution.emit(StartChild(event.event_id))


def apply_child_workflow_execution_started(
    execution: Execution, event: HistoryEvent, attributes: ChildWorkflowExecutionStartedEventAttributes
) -> None:
    child = execution.children[attributes.initiated_event_id]
    child.started_event_id = event.event_id
    child.run_id = attributes.workflow_execution.run_id


def apply_child_workflow_ended(execution: Execution, event: HistoryEvent, attributes: Any) -> None:
    del execution.children[attributes.initiated_event_id]


def deadlines(execution: Execution) -> Iterator[datetime]:
    return iter(())


def on_deadline(execution: Execution) -> None:
    raise AssertionError("a child has no deadline of its parent's")


def pending_effects(execution: Execution) -> Iterator[Effect]:
    for child in execution.children.values():
        if not child.started_event_id:
            yield StartChild(child.initiated_event_id)
