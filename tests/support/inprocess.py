"""A dev server inside the test's own process, with stubs to call it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import pytest
from temporalio.api.common.v1 import SearchAttributes, WorkflowExecution, WorkflowType
from temporalio.api.operatorservice.v1.service_pb2_grpc import OperatorServiceStub
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)
from temporalio.api.workflowservice.v1.service_pb2_grpc import WorkflowServiceStub

from wfctl.devserver import app
from wfctl.devserver.matching.queues import WORKFLOW
from wfctl.devserver.options import ServerOptions


@dataclass
class InProcess:
    server: app.Server
    channel: grpc.aio.Channel
    workflows: Any
    operator: Any

    async def start(
        self,
        workflow_id: str,
        *,
        namespace: str = "default",
        workflow_type: str = "T",
        attributes: SearchAttributes | None = None,
    ) -> None:
        await self.workflows.StartWorkflowExecution(
            StartWorkflowExecutionRequest(
                namespace=namespace,
                workflow_id=workflow_id,
                request_id=workflow_id,
                workflow_type=WorkflowType(name=workflow_type),
                task_queue=TaskQueue(name="queue"),
                search_attributes=attributes,
            )
        )

    async def signal(self, workflow_id: str, *, namespace: str = "default") -> None:
        execution = WorkflowExecution(workflow_id=workflow_id)
        await self.workflows.SignalWorkflowExecution(
            SignalWorkflowExecutionRequest(namespace=namespace, workflow_execution=execution, signal_name="s")
        )

    async def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        """Wait until the server, which runs on this very loop, is so far."""
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 (the server has no event for every condition of a test)
                await asyncio.sleep(0)

    def has_waiting_poll(self, queue: str) -> bool:
        """Whether a worker waits for a workflow task of this queue."""
        backend = self.server.backend
        return backend.queues.get(backend.namespaces.resolve("default").id, WORKFLOW, queue).has_waiting_poll

    async def terminate(self, workflow_id: str, *, namespace: str = "default") -> None:
        execution = WorkflowExecution(workflow_id=workflow_id)
        await self.workflows.TerminateWorkflowExecution(
            TerminateWorkflowExecutionRequest(namespace=namespace, workflow_execution=execution)
        )


@contextlib.asynccontextmanager
async def in_process(**options: Any) -> AsyncIterator[InProcess]:
    server = await app.start(ServerOptions(ip="127.0.0.1", port=0, **options))
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield InProcess(server, channel, WorkflowServiceStub(channel), OperatorServiceStub(channel))
    finally:
        await server.stop()


@contextlib.contextmanager
def refused(code: grpc.StatusCode, message: str) -> Any:
    """The call within fails with this code, and a message that holds this text."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        yield
    assert caught.value.code() == code
    assert message in (caught.value.details() or "")
