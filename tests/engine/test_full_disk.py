"""A disk that is full: requests fail and can be repeated, nothing is half done, and all goes on when there is space."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from temporalio.api.common.v1 import Payloads, WorkflowExecution, WorkflowType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    PollWorkflowTaskQueueRequest,
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
)
from temporalio.api.workflowservice.v1.service_pb2_grpc import WorkflowServiceStub

from wfctl.devserver import app
from wfctl.devserver.options import ServerOptions

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[app.Server]:
    running = await app.start(ServerOptions(db_path=tmp_path / "dev.db", ip="127.0.0.1", port=0))
    yield running
    await running.stop()


@pytest.fixture
async def stub(server: app.Server) -> AsyncIterator[Any]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield WorkflowServiceStub(channel)


async def limit_pages(server: app.Server, pages: int) -> None:
    await server.database.writer.run(lambda raw: raw.execute(f"PRAGMA max_page_count = {pages}").fetchone())


async def fill(server: app.Server) -> None:
    """No page more than there are now."""
    pages = await server.database.writer.run(lambda raw: raw.execute("PRAGMA page_count").fetchone()[0])
    await limit_pages(server, pages)


def start(workflow_id: str, size: int = 100_000) -> StartWorkflowExecutionRequest:
    payloads = Payloads()
    payloads.payloads.add(data=b"x" * size)
    return StartWorkflowExecutionRequest(
        namespace="default",
        workflow_id=workflow_id,
        request_id=workflow_id,
        workflow_type=WorkflowType(name="T"),
        task_queue=TaskQueue(name="queue"),
        input=payloads,
    )


def signal(workflow_id: str, size: int = 100_000) -> SignalWorkflowExecutionRequest:
    payloads = Payloads()
    payloads.payloads.add(data=b"x" * size)
    return SignalWorkflowExecutionRequest(
        namespace="default",
        workflow_execution=WorkflowExecution(workflow_id=workflow_id),
        signal_name="s",
        request_id="r",
        input=payloads,
    )


async def history_length(stub: Any, workflow_id: str) -> int:
    request = DescribeWorkflowExecutionRequest(
        namespace="default", execution=WorkflowExecution(workflow_id=workflow_id)
    )
    return int((await stub.DescribeWorkflowExecution(request)).workflow_execution_info.history_length)


async def test_a_refused_write_leaves_no_trace_and_can_be_repeated(
    server: app.Server, stub: Any, caplog: pytest.LogCaptureFixture
) -> None:
    await stub.StartWorkflowExecution(start("there"))
    await fill(server)
    with caplog.at_level(logging.WARNING, "wfctl.storage"):
        for _ in range(3):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.StartWorkflowExecution(start("new"))
            assert refused.value.code() == UNAVAILABLE
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.SignalWorkflowExecution(signal("there"))
            assert refused.value.code() == UNAVAILABLE
        with pytest.raises(grpc.aio.AioRpcError) as unknown:
            await history_length(stub, "new")
        assert unknown.value.code() == grpc.StatusCode.NOT_FOUND
        assert await history_length(stub, "there") == 2

        await limit_pages(server, 1_000_000)
        await stub.StartWorkflowExecution(start("new"))
        await stub.SignalWorkflowExecution(signal("there"))
        await stub.SignalWorkflowExecution(signal("there"))  # the same request id: once
    assert await history_length(stub, "new") == 2
    assert await history_length(stub, "there") == 3
    said = [record.getMessage() for record in caplog.records if record.name == "wfctl.storage"]
    assert len(said) == 2, said
    assert "cannot be written" in said[0]
    assert "can be written again" in said[1]


async def test_a_task_whose_start_was_refused_is_handed_out_later(server: app.Server, stub: Any) -> None:
    await stub.StartWorkflowExecution(start("w"))
    await fill(server)
    # Fill the write-ahead log's tail too: even a small change must not fit.
    with pytest.raises(grpc.aio.AioRpcError):
        await stub.SignalWorkflowExecution(signal("w", 1_000_000))
    await limit_pages(server, 1_000_000)
    poll = PollWorkflowTaskQueueRequest(namespace="default", task_queue=TaskQueue(name="queue"), identity="worker")
    task = await stub.PollWorkflowTaskQueue(poll, timeout=20)
    assert task.workflow_execution.workflow_id == "w"
    assert [event.event_id for event in task.history.events] == [1, 2, 3]
