"""A worker that does what the test says: polls one task, answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import TaskQueueKind, WorkflowTaskFailedCause
from temporalio.api.protocol.v1 import Message as ProtocolMessage
from temporalio.api.query.v1 import WorkflowQueryResult
from temporalio.api.taskqueue.v1 import StickyExecutionAttributes, TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskCompletedResponse,
    RespondWorkflowTaskFailedRequest,
)

QUEUE = "queue"
STICKY = "sticky"


class Worker:
    def __init__(self, workflows: Any) -> None:
        self._workflows = workflows

    async def poll(self, queue: str = QUEUE, timeout: float = 15) -> PollWorkflowTaskQueueResponse:
        """A workflow task, which must come."""
        kind = TaskQueueKind.TASK_QUEUE_KIND_STICKY if queue == STICKY else TaskQueueKind.TASK_QUEUE_KIND_NORMAL
        task = await self._workflows.PollWorkflowTaskQueue(
            PollWorkflowTaskQueueRequest(
                namespace="default",
                identity="worker",
                task_queue=TaskQueue(name=queue, kind=kind, normal_name=QUEUE if queue == STICKY else ""),
            ),
            timeout=timeout,
        )
        assert isinstance(task, PollWorkflowTaskQueueResponse)
        assert task.task_token
        return task

    async def complete(
        self,
        task: PollWorkflowTaskQueueResponse,
        *commands: Command,
        sticky: bool = False,
        sticky_seconds: float = 10,
        messages: Sequence[ProtocolMessage] = (),
        query_results: Mapping[str, WorkflowQueryResult] | None = None,
        inline: bool = False,
    ) -> RespondWorkflowTaskCompletedResponse:
        request = RespondWorkflowTaskCompletedRequest(
            namespace="default",
            identity="worker",
            task_token=task.task_token,
            commands=commands,
            messages=messages,
            query_results=query_results,
            return_new_workflow_task=inline,
        )
        if sticky:
            attributes = StickyExecutionAttributes(worker_task_queue=TaskQueue(name=STICKY))
            attributes.schedule_to_start_timeout.FromMilliseconds(int(sticky_seconds * 1000))
            request.sticky_attributes.CopyFrom(attributes)
        response = await self._workflows.RespondWorkflowTaskCompleted(request)
        assert isinstance(response, RespondWorkflowTaskCompletedResponse)
        return response

    async def fail(self, task: PollWorkflowTaskQueueResponse, cause: WorkflowTaskFailedCause.ValueType) -> None:
        await self._workflows.RespondWorkflowTaskFailed(
            RespondWorkflowTaskFailedRequest(namespace="default", task_token=task.task_token, cause=cause)
        )
