"""The first event of a run, whoever starts it: a client, a parent, or the run before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Link, WorkflowExecution
from temporalio.api.enums.v1 import ContinueAsNewInitiator
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest

from wfctl.devserver.core import cron, reset_points, retry, timeouts
from wfctl.devserver.core.entities import workflow_task
from wfctl.devserver.core.payloads import copy_fields, merge

if TYPE_CHECKING:
    from wfctl.devserver.core.execution import Execution

Initiator = ContinueAsNewInitiator

# What a run hands to the run that follows it, whatever the reason for that.
_CARRIED = (
    "workflow_type",
    "parent_workflow_namespace",
    "parent_workflow_namespace_id",
    "parent_workflow_execution",
    "parent_initiated_event_id",
    "root_workflow_execution",
    "task_queue",
    "input",
    "workflow_execution_timeout",
    "workflow_execution_expiration_time",
    "workflow_run_timeout",
    "workflow_task_timeout",
    "retry_policy",
    "cron_schedule",
    "memo",
    "search_attributes",
    "header",
    "priority",
    "workflow_id",
    "first_execution_run_id",
)


def begin(
    execution: Execution,
    attributes: WorkflowExecutionStartedEventAttributes,
    *,
    request_id: str = "",
    links: Iterable[Link] = (),
    user_metadata: UserMetadata | None = None,
) -> HistoryEvent:
    """Record WORKFLOW_EXECUTION_STARTED. The first workflow task is scheduled by `schedule_first_task`."""
    event = execution.record(attributes, links=links, user_metadata=user_metadata)
    if request_id:
        execution.request_ids[request_id] = event.event_id
    return event


def schedule_first_task(execution: Execution, *, dispatch: bool = True) -> None:
    """Now, or when the run's first backoff is over."""
    if not execution.started.first_workflow_task_backoff.ToTimedelta():
        workflow_task.schedule(execution, dispatch=dispatch)


def next_run(
    execution: Execution,
    run_id: str,
    initiator: Initiator.ValueType,
    backoff: timedelta,
    attempt: int = 1,
) -> WorkflowExecutionStartedEventAttributes:
    """The started attributes of the run that follows this one."""
    previous = execution.started
    attributes = WorkflowExecutionStartedEventAttributes(
        continued_execution_run_id=execution.run_id,
        original_execution_run_id=run_id,
        attempt=attempt,
        initiator=initiator,
    )
    for name in _CARRIED:
        if previous.DESCRIPTOR.fields_by_name[name].message_type is None:
            setattr(attributes, name, getattr(previous, name))
        elif previous.HasField(name):  # type: ignore[arg-type]
            getattr(attributes, name).CopyFrom(getattr(previous, name))
    attributes.prev_auto_reset_points.points.extend(
        reset_points.expiring(execution.reset_points, execution.run_id, execution.now)
    )
    attributes.first_workflow_task_backoff.FromTimedelta(backoff)
    return attributes


@dataclass(frozen=True, slots=True)
class Parent:
    """Who started a child workflow."""

    namespace_id: str
    namespace: str
    execution: WorkflowExecution
    root: WorkflowExecution
    initiated_event_id: int


def first_run(
    execution: Execution, request: StartWorkflowExecutionRequest, *, parent: Parent | None = None, eager: bool = False
) -> WorkflowExecutionStartedEventAttributes:
    """The started attributes of a new chain of runs, with defaults filled in and timeouts bounded by one another."""
    attributes = WorkflowExecutionStartedEventAttributes(
        workflow_type=request.workflow_type,
        task_queue=TaskQueue(name=request.task_queue.name, kind=workflow_task.NORMAL_QUEUE),
        original_execution_run_id=execution.run_id,
        first_execution_run_id=execution.run_id,
        identity=request.identity,
        attempt=1,
        cron_schedule=request.cron_schedule,
        workflow_id=request.workflow_id,
        eager_execution_accepted=eager,
        completion_callbacks=request.completion_callbacks,
    )
    names = ("input", "header", "continued_failure", "last_completion_result", "versioning_override", "priority")
    copy_fields(request, attributes, *names)
    merge(attributes.memo.fields, request.memo.fields)
    merge(attributes.search_attributes.indexed_fields, request.search_attributes.indexed_fields)
    if request.HasField("retry_policy"):
        attributes.retry_policy.CopyFrom(retry.with_defaults(request.retry_policy))
    attributes.first_workflow_task_backoff.FromTimedelta(first_backoff(request, execution.now))
    if request.cron_schedule:
        attributes.initiator = Initiator.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE
    if parent is not None:
        attributes.parent_workflow_namespace_id = parent.namespace_id
        attributes.parent_workflow_namespace = parent.namespace
        attributes.parent_workflow_execution.CopyFrom(parent.execution)
        attributes.parent_initiated_event_id = parent.initiated_event_id
        attributes.root_workflow_execution.CopyFrom(parent.root)
    _set_timeouts(execution, request, attributes)
    return attributes


def first_backoff(request: StartWorkflowExecutionRequest, now: datetime) -> timedelta:
    """How long the first workflow task waits: the start delay, or until the first time of the cron schedule."""
    if request.cron_schedule:
        return max(timedelta(), cron.backoff(request.cron_schedule, now, now) or timedelta())
    return request.workflow_start_delay.ToTimedelta()


def _set_timeouts(
    execution: Execution,
    request: StartWorkflowExecutionRequest,
    attributes: WorkflowExecutionStartedEventAttributes,
) -> None:
    chain = request.workflow_execution_timeout.ToTimedelta()
    run = timeouts.run_timeout(request.workflow_run_timeout.ToTimedelta(), chain)
    task = timeouts.task_timeout(request.workflow_task_timeout.ToTimedelta(), run, execution.settings)
    copy_fields(request, attributes, "workflow_execution_timeout")
    if chain:
        attributes.workflow_execution_expiration_time.FromDatetime(execution.now + chain)
    if run or request.HasField("workflow_run_timeout"):
        attributes.workflow_run_timeout.FromTimedelta(run)
    attributes.workflow_task_timeout.FromTimedelta(task)
