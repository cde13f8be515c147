"""Child workflows as their parent sees them.

state      event                              next
none       START_CHILD_..._INITIATED          initiated
initiated  CHILD_WORKFLOW_EXECUTION_STARTED   started
initiated  START_CHILD_..._FAILED             ended
started    CHILD_..._COMPLETED, FAILED, …     ended

A child may go on in other runs (retry, cron, continue-as-new); its parent knows the first run and hears of the last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from temporalio.api.command.v1 import StartChildWorkflowExecutionCommandAttributes
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import (
    EventType,
    ParentClosePolicy,
    StartChildWorkflowExecutionFailedCause,
    WorkflowIdReusePolicy,
    WorkflowTaskFailedCause,
)
from temporalio.api.history.v1 import (
    ChildWorkflowExecutionCanceledEventAttributes,
    ChildWorkflowExecutionCompletedEventAttributes,
    ChildWorkflowExecutionFailedEventAttributes,
    ChildWorkflowExecutionStartedEventAttributes,
    ChildWorkflowExecutionTerminatedEventAttributes,
    ChildWorkflowExecutionTimedOutEventAttributes,
    HistoryEvent,
    StartChildWorkflowExecutionFailedEventAttributes,
    StartChildWorkflowExecutionInitiatedEventAttributes,
)
from temporalio.api.taskqueue.v1 import TaskQueue

from wfctl.devserver.core import command_checks, retry, timeouts
from wfctl.devserver.core.effects import StartChild
from wfctl.devserver.core.entities import workflow_task
from wfctl.devserver.core.payloads import copy_fields, merge

if TYPE_CHECKING:
    from wfctl.devserver.core.effects import Effect
    from wfctl.devserver.core.execution import Execution
    from wfctl.devserver.core.transitions import CommandContext

# How a child closed -> what its parent records.
_ENDS: dict[int, type[Any]] = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: ChildWorkflowExecutionCompletedEventAttributes,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: ChildWorkflowExecutionFailedEventAttributes,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: ChildWorkflowExecutionCanceledEventAttributes,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: ChildWorkflowExecutionTimedOutEventAttributes,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: ChildWorkflowExecutionTerminatedEventAttributes,
}


@dataclass(slots=True)
class ChildWorkflow:
    initiated_event_id: int
    attributes: StartChildWorkflowExecutionInitiatedEventAttributes
    started_event_id: int = 0
    run_id: str = ""  # of its first run


# -- commands -------------------------------------------------------------------------------------------------------


def on_start_child_workflow_execution(
    context: CommandContext, command: StartChildWorkflowExecutionCommandAttributes
) -> None:
    execution = context.execution
    namespace = execution.target_namespace(
        command.namespace, WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_CHILD_EXECUTION_ATTRIBUTES
    )
    command_checks.check_start_child(context, command, namespace)
    context.started_children.add(command.workflow_id)
    attributes = StartChildWorkflowExecutionInitiatedEventAttributes(
        namespace=namespace.name,
        namespace_id=namespace.id,
        workflow_id=command.workflow_id,
        task_queue=TaskQueue(
            name=command.task_queue.name or execution.started.task_queue.name, kind=workflow_task.NORMAL_QUEUE
        ),
        control=command.control,
        workflow_task_completed_event_id=context.completed_event_id,
        workflow_id_reuse_policy=command.workflow_id_reuse_policy
        or WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
        cron_schedule=command.cron_schedule,
        parent_close_policy=command.parent_close_policy or ParentClosePolicy.PARENT_CLOSE_POLICY_TERMINATE,
        inherit_build_id=command.inherit_build_id,
    )
    copy_fields(
        command, attributes, "workflow_type", "input", "header", "workflow_execution_timeout", "priority",
        "versioning_override",
    )  # fmt: skip
    if command.HasField("retry_policy"):
        attributes.retry_policy.CopyFrom(retry.with_defaults(command.retry_policy))
    merge(attributes.memo.fields, command.memo.fields)
    merge(attributes.search_attributes.indexed_fields, command.search_attributes.indexed_fields)
    namespace.type_payloads(attributes.search_attributes)
    _set_timeouts(execution, command, attributes)
    execution.record(attributes, **context.extras)


def _set_timeouts(
    execution: Execution,
    command: StartChildWorkflowExecutionCommandAttributes,
    attributes: StartChildWorkflowExecutionInitiatedEventAttributes,
) -> None:
    run = timeouts.run_timeout(
        command.workflow_run_timeout.ToTimedelta(), command.workflow_execution_timeout.ToTimedelta()
    )
    attributes.workflow_run_timeout.FromTimedelta(run)
    attributes.workflow_task_timeout.FromTimedelta(
        timeouts.task_timeout(command.workflow_task_timeout.ToTimedelta(), run, execution.settings)
    )


# -- what the child itself tells ------------------------------------------------------------------------------------


def record_started(execution: Execution, child: ChildWorkflow, run_id: str) -> None:
    """The child runs."""
    attributes = ChildWorkflowExecutionStartedEventAttributes(
        namespace=child.attributes.namespace,
        namespace_id=child.attributes.namespace_id,
        initiated_event_id=child.initiated_event_id,
        workflow_execution=WorkflowExecution(workflow_id=child.attributes.workflow_id, run_id=run_id),
        workflow_type=child.attributes.workflow_type,
    )
    copy_fields(child.attributes, attributes, "header")
    execution.record(attributes)
    workflow_task.schedule_if_none(execution)


def record_start_failed(
    execution: Execution, child: ChildWorkflow, cause: StartChildWorkflowExecutionFailedCause.ValueType
) -> None:
    """The child could not be started."""
    execution.record(
        StartChildWorkflowExecutionFailedEventAttributes(
            namespace=child.attributes.namespace,
            namespace_id=child.attributes.namespace_id,
            workflow_id=child.attributes.workflow_id,
            workflow_type=child.attributes.workflow_type,
            cause=cause,
            control=child.attributes.control,
            initiated_event_id=child.initiated_event_id,
        )
    )
    workflow_task.schedule_if_none(execution)


def record_ended(execution: Execution, child: ChildWorkflow, run_id: str, close_event: HistoryEvent) -> None:
    """The child's last run closed with this event."""
    attributes = _ENDS[close_event.event_type](
        namespace=child.attributes.namespace,
        namespace_id=child.attributes.namespace_id,
        workflow_execution=WorkflowExecution(workflow_id=child.attributes.workflow_id, run_id=run_id),
        workflow_type=child.attributes.workflow_type,
        initiated_event_id=child.initiated_event_id,
        started_event_id=child.started_event_id,
    )
    told = getattr(close_event, close_event.WhichOneof("attributes") or "")
    if close_event.event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
        copy_fields(told, attributes, "result", "failure", "details")
    if "retry_state" in attributes.DESCRIPTOR.fields_by_name:
        attributes.retry_state = told.retry_state
    execution.record(attributes)
    workflow_task.schedule_if_none(execution)


# -- events ---------------------------------------------------------------------------------------------------------


def apply_start_child_workflow_execution_initiated(
    execution: Execution, event: HistoryEvent, attributes: StartChildWorkflowExecutionInitiatedEventAttributes
) -> None:
    execution.children[event.event_id] = ChildWorkflow(event.event_id, attributes)
    execution.emit(StartChild(event.event_id))


def apply_child_workflow_execution_started(
    execution: Execution, event: HistoryEvent, attributes: ChildWorkflowExecutionStartedEventAttributes
) -> None:
    execution.children.start(attributes.initiated_event_id, event.event_id, attributes.workflow_execution.run_id)


def apply_child_workflow_ended(execution: Execution, event: HistoryEvent, attributes: Any) -> None:
    del execution.children[attributes.initiated_event_id]


# -- crashes --------------------------------------------------------------------------------------------------------


def pending_effects(execution: Execution) -> Iterator[Effect]:
    if not execution.is_running:
        return
    for child in execution.children.values():
        if not child.started_event_id:
            yield StartChild(child.initiated_event_id)
