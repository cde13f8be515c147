"""The first event of a run, whoever starts it: a client, a parent, or the run before it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from temporalio.api.common.v1 import Link
from temporalio.api.enums.v1 import ContinueAsNewInitiator
from temporalio.api.history.v1 import HistoryEvent, WorkflowExecutionStartedEventAttributes
from temporalio.api.sdk.v1 import UserMetadata

from wfctl.devserver.core.entities import workflow_task
from wfctl.devserver.core.visibility import build_ids

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
    # What the run changed about itself goes along.
    for name, current in (("memo", execution.memo), ("search_attributes", execution.search_attributes)):
        attributes.ClearField(name)  # type: ignore[arg-type]
        if current.ByteSize():
            getattr(attributes, name).CopyFrom(current)
    attributes.search_attributes.indexed_fields.pop(build_ids.NAME, None)
    if not attributes.search_attributes.indexed_fields:
        attributes.ClearField("search_attributes")
    attributes.first_workflow_task_backoff.FromTimedelta(backoff)
    return attributes


def expiration(start_time: datetime, execution_timeout: timedelta, backoff: timedelta) -> datetime:
    """When the chain of runs must have ended; a first backoff (start delay, cron) comes on top."""
    return start_time + execution_timeout + backoff
