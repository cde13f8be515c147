"""Runs that go by themselves: with their namespace, or after its retention."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import grpc.aio
import pytest
from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.operatorservice.v1 import DeleteNamespaceRequest
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    RegisterNamespaceRequest,
)

from tests.support.inprocess import InProcess, in_process
from wfctl.devserver.services.deletion import sweep


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[InProcess]:
    async with in_process(db_path=tmp_path / "dev.db") as running:
        yield running


async def count(world: InProcess, namespace: str) -> int:
    response = await world.workflows.CountWorkflowExecutions(CountWorkflowExecutionsRequest(namespace=namespace))
    return int(response.count)


async def rows(world: InProcess, table: str) -> int:
    found = await world.server.database.read(lambda raw: raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    return int(found)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0.005)


def retention(**duration: int) -> Duration:
    made = Duration()
    made.FromTimedelta(timedelta(**duration))
    return made


async def test_a_deleted_namespace_takes_its_runs_with_it(world: InProcess) -> None:
    await world.workflows.RegisterNamespace(
        RegisterNamespaceRequest(namespace="gone", workflow_execution_retention_period=retention(days=1))
    )
    await world.start("stays")
    for number in range(3):
        await world.start(f"w{number}", namespace="gone")
    await world.terminate("w0", namespace="gone")
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
    assert (await rows(world, "executions"), await rows(world, "visibility")) == (1, 1)
    assert await count(world, "default") == 1
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await waiting
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


async def test_closed_runs_go_after_the_retention_and_open_ones_stay(world: InProcess) -> None:
    await world.workflows.RegisterNamespace(
        RegisterNamespaceRequest(namespace="short", workflow_execution_retention_period=retention(hours=1))
    )
    for namespace in ("short", "default"):
        for workflow_id in ("open", "closed"):
            await world.start(workflow_id, namespace=namespace)
        await world.terminate("closed", namespace=namespace)
    backend = world.server.backend
    now = datetime.now(UTC)
    assert await sweep(backend.runs, backend.namespaces, now + timedelta(minutes=59)) == 0
    assert await sweep(backend.runs, backend.namespaces, now + timedelta(minutes=61)) == 1
    assert (await count(world, "short"), await count(world, "default")) == (1, 2)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.workflows.DescribeWorkflowExecution(
            DescribeWorkflowExecutionRequest(namespace="short", execution=WorkflowExecution(workflow_id="closed"))
        )
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    # The id is free, and its history begins anew.
    await world.start("closed", namespace="short")
    assert await count(world, "short") == 2
