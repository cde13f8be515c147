"""Client and worker in one, for tests that play both sides against an in-process server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import CommandType, EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompletedRequest,
    StartWorkflowExecutionRequest,
    StartWorkflowExecutionResponse,
)

WAIT_SECONDS = 60.0


@dataclass
class Actor:
    """`workflows` is the stub of WorkflowService."""

    workflows: Any
    namespace: str = "default"
    _numbers: Any = field(default_factory=lambda: count(1))

    async def start(self, workflow_id: str, queue: str = "queue", **fields: Any) -> StartWorkflowExecutionResponse:
        response: StartWorkflowExecutionResponse = await self.workflows.StartWorkflowExecution(
            self.start_request(workflow_id, queue, **fields)
        )
        return response

    def start_request(self, workflow_id: str, queue: str = "queue", **fields: Any) -> StartWorkflowExecutionRequest:
        fields.setdefault("request_id", f"request-{next(self._numbers)}")
        return StartWorkflowExecutionRequest(
            namespace=self.namespace,
            workflow_id=workflow_id,
            workflow_type=WorkflowType(name="T"),
            task_queue=TaskQueue(name=queue),
            identity="client",
            **fields,
        )

    async def poll(self, queue: str = "queue") -> PollWorkflowTaskQueueResponse:
        """A workflow task that must come."""
        request = PollWorkflowTaskQueueRequest(
            namespace=self.namespace, task_queue=TaskQueue(name=queue), identity="worker"
        )
        task: PollWorkflowTaskQueueResponse = await self.workflows.PollWorkflowTaskQueue(request, timeout=WAIT_SECONDS)
        assert task.task_token, f"no workflow task came to {queue}"
        return task

    async def complete(self, task: PollWorkflowTaskQueueResponse, *commands: Command, **fields: Any) -> Any:
        return await self.workflows.RespondWorkflowTaskCompleted(
            RespondWorkflowTaskCompletedRequest(
                namespace=self.namespace, task_token=task.task_token, identity="worker", commands=commands, **fields
            )
        )

    async def step(self, *commands: Command, queue: str = "queue") -> None:
        """Take a workflow task and answer it with these commands."""
        await self.complete(await self.poll(queue), *commands)

    async def history(self, workflow_id: str, run_id: str = "") -> list[HistoryEvent]:
        response = await self.workflows.GetWorkflowExecutionHistory(
            GetWorkflowExecutionHistoryRequest(
                namespace=self.namespace, execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
            )
        )
        return list(response.history.events)

    async def event_types(self, workflow_id: str, run_id: str = "") -> list[str]:
        return [type_name(event) for event in await self.history(workflow_id, run_id)]

    async def describe(self, workflow_id: str, run_id: str = "") -> Any:
        return await self.workflows.DescribeWorkflowExecution(
            DescribeWorkflowExecutionRequest(
                namespace=self.namespace, execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
            )
        )

    async def run_id(self, workflow_id: str) -> str:
        return str((await self.describe(workflow_id)).workflow_execution_info.execution.run_id)

    async def wait_for_event(self, workflow_id: str, event_type: str, run_id: str = "") -> HistoryEvent:
        """The first event of this type, once it is there."""

        async def find() -> HistoryEvent | None:
            for event in await self.history(workflow_id, run_id):
                if type_name(event) == event_type:
                    return event
            return None

        found: HistoryEvent = await until(find)
        return found


async def until(look: Callable[[], Awaitable[Any]]) -> Any:
    """What `look` returns, once that is something."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not (found := await look()):  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.005)
    return found


def type_name(event: HistoryEvent) -> str:
    return EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")


def attributes(event: HistoryEvent) -> Any:
    return getattr(event, event.WhichOneof("attributes") or "")


def command(name: str, **fields: Any) -> Command:
    """A command by its type's name, as in `command("START_TIMER", timer_id="1")`."""
    attributes_field = f"{name.lower()}_command_attributes"
    made = Command(command_type=CommandType.Value(f"COMMAND_TYPE_{name}"))
    holder = getattr(made, attributes_field)
    holder.SetInParent()
    holder.MergeFrom(type(holder)(**fields))
    return made


def start_child(workflow_id: str, queue: str = "children", **fields: Any) -> Command:
    return command(
        "START_CHILD_WORKFLOW_EXECUTION",
        workflow_id=workflow_id,
        workflow_type=WorkflowType(name="Child"),
        task_queue=TaskQueue(name=queue),
        **fields,
    )


COMPLETE = command("COMPLETE_WORKFLOW_EXECUTION")
CONTINUE = command("CONTINUE_AS_NEW_WORKFLOW_EXECUTION")
