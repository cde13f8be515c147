"""What a client and a worker do to a workflow, one call at a time, against a server in the test's process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import CommandType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    PollWorkflowTaskQueueRequest,
    ResetWorkflowExecutionRequest,
    RespondWorkflowTaskCompletedRequest,
    SignalWorkflowExecutionRequest,
)

from tests.support.executions import event_name
from tests.support.inprocess import InProcess

NAMESPACE = "default"


def named(workflow_id: str, run_id: str = "") -> WorkflowExecution:
    return WorkflowExecution(workflow_id=workflow_id, run_id=run_id)


async def poll(world: InProcess, queue: str = "queue") -> Any:
    """The next workflow task of this queue."""
    request = PollWorkflowTaskQueueRequest(namespace=NAMESPACE, identity="worker", task_queue=TaskQueue(name=queue))
    task = await world.workflows.PollWorkflowTaskQueue(request, timeout=10)
    assert task.task_token, "no workflow task came"
    return task


async def complete(world: InProcess, task: Any, *commands: Command, **fields: Any) -> Any:
    request = RespondWorkflowTaskCompletedRequest(
        namespace=NAMESPACE, identity="worker", task_token=task.task_token, commands=commands, **fields
    )
    return await world.workflows.RespondWorkflowTaskCompleted(request)


async def step(world: InProcess, *commands: Command, queue: str = "queue", **fields: Any) -> Any:
    """A worker takes the next workflow task and completes it with these commands."""
    task = await poll(world, queue)
    await complete(world, task, *commands, **fields)
    return task


async def signal(world: InProcess, workflow_id: str, name: str = "s", **fields: Any) -> None:
    request = SignalWorkflowExecutionRequest(
        namespace=NAMESPACE, workflow_execution=named(workflow_id), signal_name=name, **fields
    )
    await world.workflows.SignalWorkflowExecution(request)


def continue_as_new() -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION)
    command.continue_as_new_workflow_execution_command_attributes.workflow_type.name = "T"
    return command


def complete_workflow() -> Command:
    command = Command(command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION)
    command.complete_workflow_execution_command_attributes.SetInParent()
    return command


async def until(condition: Callable[[], object]) -> None:
    """Let the server go on until this holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.001)


async def reset(
    world: InProcess, workflow_id: str, finish_event_id: int, *, run_id: str = "", request_id: str = "r", **fields: Any
) -> str:
    """The id of the new run."""
    request = ResetWorkflowExecutionRequest(
        namespace=NAMESPACE,
        workflow_execution=named(workflow_id, run_id),
        workflow_task_finish_event_id=finish_event_id,
        request_id=request_id,
        reason="why",
        **fields,
    )
    response = await world.workflows.ResetWorkflowExecution(request)
    return str(response.run_id)


async def describe(world: InProcess, workflow_id: str, run_id: str = "") -> Any:
    request = DescribeWorkflowExecutionRequest(namespace=NAMESPACE, execution=named(workflow_id, run_id))
    return await world.workflows.DescribeWorkflowExecution(request)


async def history(world: InProcess, workflow_id: str, run_id: str = "") -> Sequence[HistoryEvent]:
    request = GetWorkflowExecutionHistoryRequest(namespace=NAMESPACE, execution=named(workflow_id, run_id))
    response = await world.workflows.GetWorkflowExecutionHistory(request)
    events: Sequence[HistoryEvent] = response.history.events
    return events


async def event_names(world: InProcess, workflow_id: str, run_id: str = "") -> list[str]:
    return [event_name(event.event_type) for event in await history(world, workflow_id, run_id)]
