"""Overload: refused at once with a hint when to come back, and shared fairly between namespaces."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from temporalio.api.common.v1 import Payloads, WorkflowType
from temporalio.api.enums.v1 import ResourceExhaustedCause
from temporalio.api.errordetails.v1 import ResourceExhaustedFailure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueRequest, StartWorkflowExecutionRequest

from tests.support.inprocess import InProcess, in_process
from wfctl.devserver.core.errors import ResourceExhausted
from wfctl.devserver.rpc.admission import RETRY_AFTER_SECONDS, Admission, Gate
from wfctl.devserver.settings import MIB, Settings

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


# -- the gate -------------------------------------------------------------------------------------------------------


def test_a_gate_forgets_a_call_that_left() -> None:
    gate = Gate("requests", 10, 1000)
    for _ in range(100):
        gate.enter("a", 400)
        gate.leave("a", 400)
    assert (gate.calls, gate.bytes) == (0, 0)


def test_one_namespace_alone_may_fill_half_of_a_gate() -> None:
    gate = Gate("requests", 100, MIB)
    for _ in range(50):
        gate.enter("a", 1)
    with pytest.raises(ResourceExhausted, match="Namespace a has 50 requests"):
        gate.enter("a", 1)


def test_a_namespace_that_comes_later_finds_room() -> None:
    gate = Gate("requests", 100, MIB)
    for _ in range(50):
        gate.enter("greedy", 1)
    for _ in range(33):
        gate.enter("modest", 1)
    with pytest.raises(ResourceExhausted, match="Namespace modest"):
        gate.enter("modest", 1)
    gate.enter("third", 1)


def test_nothing_is_let_in_beyond_the_bound() -> None:
    gate = Gate("requests", 4, MIB)
    for name in "abcd":
        gate.enter(name, 1)
    with pytest.raises(ResourceExhausted, match="The server is overloaded: 4 requests with 4 bytes"):
        gate.enter("e", 1)


def test_bytes_are_bounded_as_calls_are() -> None:
    gate = Gate("requests", 1000, 100)
    gate.enter("a", 90)  # alone it may be larger than a share
    with pytest.raises(ResourceExhausted):
        gate.enter("b", 20)
    gate.enter("b", 10)


def test_polls_do_not_take_the_place_of_requests() -> None:
    admission = Admission(Settings())
    assert admission.gate("PollWorkflowTaskQueue") is admission.gate("GetWorkflowExecutionHistory")
    assert admission.gate("PollWorkflowTaskQueue") is not admission.gate("StartWorkflowExecution")


# -- the server -----------------------------------------------------------------------------------------------------


def start(workflow_id: str, namespace: str = "default", size: int = 0) -> StartWorkflowExecutionRequest:
    payloads = Payloads()
    payloads.payloads.add(data=b"x" * size)
    return StartWorkflowExecutionRequest(
        namespace=namespace,
        workflow_id=workflow_id,
        request_id=workflow_id,
        workflow_type=WorkflowType(name="T"),
        task_queue=TaskQueue(name="queue"),
        input=payloads,
    )


async def outcome(call: Any) -> grpc.StatusCode:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def details(error: grpc.aio.AioRpcError) -> tuple[ResourceExhaustedFailure, RetryInfo]:
    trailers = dict(error.trailing_metadata() or ())
    status = Status.FromString(trailers["grpc-status-details-bin"])
    failure, retry = ResourceExhaustedFailure(), RetryInfo()
    assert status.details[0].Unpack(failure)
    assert status.details[1].Unpack(retry)
    return failure, retry


async def test_too_many_polls_are_refused_with_a_hint_and_the_server_goes_on() -> None:
    async with in_process(settings=replace(Settings(), max_waiting_calls=20)) as dev:
        poll = PollWorkflowTaskQueueRequest(namespace="default", task_queue=TaskQueue(name="queue"), identity="w")
        polls = [
            asyncio.ensure_future(_awaited(dev.workflows.PollWorkflowTaskQueue(poll, timeout=60))) for _ in range(11)
        ]
        (first, *_), parked = await asyncio.wait(polls, return_when=asyncio.FIRST_COMPLETED)
        refused = first.exception()
        assert isinstance(refused, grpc.aio.AioRpcError)
        assert refused.code() == EXHAUSTED
        failure, retry = details(refused)
        assert failure.cause == ResourceExhaustedCause.RESOURCE_EXHAUSTED_CAUSE_SYSTEM_OVERLOADED
        assert retry.retry_delay.ToTimedelta().total_seconds() == RETRY_AFTER_SECONDS
        assert len(parked) == 10
        await dev.start("a")  # what does not wait has a bound of its own
        for one in parked:
            one.cancel()
        await asyncio.gather(*parked, return_exceptions=True)


async def _awaited(call: Any) -> Any:
    return await call


async def flood(dev: InProcess, count: int, size: int, namespace: str = "default") -> Counter[grpc.StatusCode]:
    calls = (
        outcome(dev.workflows.StartWorkflowExecution(start(f"{namespace}-{number}", namespace, size)))
        for number in range(count)
    )
    return Counter(await asyncio.gather(*calls))


async def test_a_flood_of_large_requests_is_cut_to_the_bound_in_bytes(tmp_path: Path) -> None:
    settings = replace(Settings(), max_request_bytes=2 * MIB)
    async with in_process(db_path=tmp_path / "dev.db", settings=settings) as dev:
        told = await flood(dev, 100, 200_000)
        assert set(told) == {grpc.StatusCode.OK, EXHAUSTED}
        assert told[grpc.StatusCode.OK] >= 5
        await dev.start("afterwards")


async def test_a_flooded_namespace_does_not_shut_another_one_out(tmp_path: Path) -> None:
    settings = replace(Settings(), max_requests=40)
    async with in_process(db_path=tmp_path / "dev.db", settings=settings, namespaces=("default", "calm")) as dev:
        flooding = asyncio.ensure_future(flood(dev, 500, 100))
        calm = [await outcome(dev.workflows.StartWorkflowExecution(start(f"calm-{n}", "calm"))) for n in range(20)]
        assert set(calm) == {grpc.StatusCode.OK}
        assert (await flooding)[EXHAUSTED] > 0


async def test_nothing_more_is_started_when_too_much_waits_for_workers() -> None:
    settings = replace(Settings(), max_backlog_tasks=5)
    async with in_process(settings=settings, namespaces=("default", "other")) as dev:
        for number in range(5):
            await dev.start(f"w-{number}")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await dev.start("one too many")
        assert refused.value.code() == EXHAUSTED
        assert "5 tasks waiting for workers" in (refused.value.details() or "")
        await dev.start("elsewhere", namespace="other")
        await dev.terminate("w-0")
        poll = PollWorkflowTaskQueueRequest(namespace="default", task_queue=TaskQueue(name="queue"), identity="w")
        await dev.workflows.PollWorkflowTaskQueue(poll, timeout=10)
        await dev.start("room again")
