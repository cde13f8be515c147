"""Runs that go by themselves: with their namespace, or after its retention."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest
from temporalio.api.operatorservice.v1.service_pb2_grpc import OperatorServiceStub
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    RegisterNamespaceRequest,
    StartWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)
from temporalio.api.workflowservice.v1.service_pb2_grpc import WorkflowServiceStub

from wfctl.devserver import app
from wfctl.devserver.options import ServerOptions
from wfctl.devserver.services.deletion import sweep


@dataclass
class World:
    server: app.Server
    workflows: Any
    operator: Any

    async def start(self, namespace: str, workflow_id: str) -> None:
        await self.workflows.StartWorkflowExecution(
            StartWorkflowExecutionRequest(
                namespace=namespace,
                workflow_id=workflow_id,
                request_id=workflow_id,
                workflow_type=WorkflowType(name="T"),
                task_queue=TaskQueue(name="queue"),
            )
        )

    async def terminate(self, namespace: str, workflow_id: str) -> None:
        execution = WorkflowExecution(workflow_id=workflow_id)
        await self.workflows.TerminateWorkflowExecution(
            TerminateWorkflowExecutionRequest(namespace=namespace, workflow_execution=execution)
        )

    async def count(self, namespace: str) -> int:
        response = await self.workflows.CountWorkflowExecutions(CountWorkflowExecutionsRequest(namespace=namespace))
        return int(response.count)

    async def rows(self, table: str) -> int:
        count = await self.server.database.read(lambda raw: raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        return int(count)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    server = await app.start(ServerOptions(db_path=tmp_path / "dev.db", ip="127.0.0.1", port=0))
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield World(server, WorkflowServiceStub(channel), OperatorServiceStub(channel))
    await server.stop()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.005)


def retention(**duration: int) -> Duration:
    made = Duration()
    made.FromTimedelta(timedelta(**duration))
    return made


async def test_a_deleted_namespace_takes_its_runs_with_it(world: World) -> None:
    await world.workflows.RegisterNamespace(
        RegisterNamespaceRequest(namespace="gone", workflow_execution_retention_period=retention(days=1))
    )
    await world.start("default", "stays")
    for number in range(3):
        await world.start("gone", f"w{number}")
    await world.terminate("gone", "w0")
    waiting = asyncio.ensure_future(
        world.workflows.GetWorkflowExecutionHistory(
            GetWorkflowExecutionHistoryRequest(
                namespace="gone",
                execution=WorkflowExecution(workflow_id="w1"),
                wait_new_event=True,
                history_event_filter_type=2,  # type: ignore[arg-type]
            )
        )
    )
    runs = world.server.backend.runs
    await until(lambda: any(run.waiters for run in runs.cache))
    await world.operator.DeleteNamespace(DeleteNamespaceRequest(namespace="gone"))
    namespaces = world.server.backend.namespaces
    await until(lambda: [namespace.name for namespace in namespaces.all()] == ["default", "temporal-system"])
    assert (await world.rows("executions"), await world.rows("visibility")) == (1, 1)
    assert await world.count("default") == 1
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await waiting
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_closed_runs_go_after_the_retention_and_open_ones_stay(world: World) -> None:
    await world.workflows.RegisterNamespace(
        RegisterNamespaceRequest(namespace="short", workflow_execution_retention_period=retention(hours=1))
    )
    for namespace in ("short", "default"):
        for workflow_id in ("open", "closed"):
            await world.start(namespace, workflow_id)
        await world.terminate(namespace, "closed")
    backend = world.server.backend
    now = datetime.now(UTC)
    assert await sweep(backend.runs, backend.namespaces, now + timedelta(minutes=59)) == 0
    assert await sweep(backend.runs, backend.namespaces, now + timedelta(minutes=61)) == 1
    assert (await world.count("short"), await world.count("default")) == (1, 2)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.workflows.DescribeWorkflowExecution(
            DescribeWorkflowExecutionRequest(namespace="short", execution=WorkflowExecution(workflow_id="closed"))
        )
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    # The id is free, and its history begins anew.
    await world.start("short", "closed")
    assert await world.count("short") == 2
