"""A run without a server: the pure core under test, with time and ids of the test's own."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from itertools import count
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import WorkflowType
from temporalio.api.history.v1 import WorkflowExecutionStartedEventAttributes
from temporalio.api.protocol.v1 import Message as ProtocolMessage
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import RespondWorkflowTaskCompletedRequest

from wfctl.devserver.core import start, transitions
from wfctl.devserver.core.entities import update, workflow_task
from wfctl.devserver.core.execution import Execution
from wfctl.devserver.core.history import History, parse
from wfctl.devserver.core.namespace import Namespace
from wfctl.devserver.settings import Settings

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
QUEUE = "queue"
WORKER = "worker"
NAMESPACE = Namespace("namespace-id", "default")
# Not state: where it came from, and what a step carries.
_NOT_COMPARED = {"settings", "new_id", "history", "now", "now_proto", "effects", "buffering"}


def new_execution(settings: Settings | None = None, now: datetime = BEGINNING) -> Execution:
    """A run of which nothing has happened yet."""
    ids = count(1)
    execution = Execution(
        "namespace-id", "default", "workflow", "run", settings or Settings(), lambda: f"id-{next(ids)}"
    )
    execution.find_namespace = lambda _: NAMESPACE
    execution.begin(now)
    return execution


def started_execution(settings: Settings | None = None, **attributes: Any) -> Execution:
    """A run with its first workflow task scheduled. `attributes` are those of WORKFLOW_EXECUTION_STARTED."""
    execution = new_execution(settings)
    event = WorkflowExecutionStartedEventAttributes(
        workflow_type=WorkflowType(name="Workflow"),
        task_queue=TaskQueue(name=QUEUE, kind=workflow_task.NORMAL_QUEUE),
        workflow_id=execution.workflow_id,
        original_execution_run_id=execution.run_id,
        first_execution_run_id=execution.run_id,
        attempt=1,
        workflow_task_timeout=Duration(seconds=10),
    )
    event.MergeFrom(WorkflowExecutionStartedEventAttributes(**attributes))
    start.begin(execution, event, request_id="start")
    start.schedule_first_task(execution)
    return execution


def take_task(execution: Execution) -> list[ProtocolMessage]:
    """A worker takes the scheduled workflow task; what it is sent besides history."""
    workflow_task.start(execution, execution.new_id(), WORKER)
    return update.send(execution, resend=True)


def complete_task(execution: Execution, *commands: Any, **fields: Any) -> transitions.Completed:
    """A worker takes the scheduled workflow task, if nobody has, and completes it with these commands."""
    if execution.workflow_task.is_scheduled:
        take_task(execution)
    request = RespondWorkflowTaskCompletedRequest(identity=WORKER, commands=commands, **fields)
    return transitions.complete_workflow_task(execution, request, NAMESPACE)


def rebuilt(execution: Execution) -> Execution:
    """The same run as a server that was just started would know it."""
    copy = Execution(
        execution.namespace_id,
        execution.namespace,
        execution.workflow_id,
        execution.run_id,
        execution.settings,
        execution.new_id,
    )
    copy.history = History(execution.history.frames)
    copy.replay(parse(execution.history.fragment(1)))
    copy.restore(execution.unevented())
    copy.find_namespace = execution.find_namespace
    copy.begin(execution.now)
    return copy


def state(execution: Execution) -> dict[str, Any]:
    """What must be the same after a rebuild."""
    return {
        field.name: getattr(execution, field.name) for field in fields(Execution) if field.name not in _NOT_COMPARED
    }


def event_types(execution: Execution) -> list[str]:
    """Names of the events in history, without their common prefix."""
    return [event_name(event.event_type) for event in execution.history.events()]


def event_name(event_type: Any) -> str:
    from temporalio.api.enums.v1 import EventType

    return EventType.Name(event_type).removeprefix("EVENT_TYPE_")
