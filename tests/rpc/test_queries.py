"""Queries over gRPC: on their own, with a workflow task, refused, and without a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import grpc
import grpc.aio
import pytest
from temporalio.api.command.v1 import Command, CompleteWorkflowExecutionCommandAttributes
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.enums.v1 import (
    CommandType,
    QueryRejectCondition,
    QueryResultType,
    WorkflowExecutionStatus,
    WorkflowTaskFailedCause,
)
from temporalio.api.query.v1 import WorkflowQuery, WorkflowQueryResult
from temporalio.api.workflowservice.v1 import (
    PollWorkflowTaskQueueResponse,
    QueryWorkflowRequest,
    QueryWorkflowResponse,
    RespondQueryTaskCompletedRequest,
)

from tests.support.inprocess import InProcess, in_process, refused
from tests.support.workers import STICKY, Worker
from wfctl.devserver.settings import Settings

ANSWERED = QueryResultType.QUERY_RESULT_TYPE_ANSWERED
FAILED = QueryResultType.QUERY_RESULT_TYPE_FAILED
R = Payloads(payloads=[Payload(data=b"r")])
COMPLETE = Command(
    command_type=CommandType.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
    complete_workflow_execution_command_attributes=CompleteWorkflowExecutionCommandAttributes(),
)


@pytest.fixture
async def dev() -> AsyncIterator[InProcess]:
    async with in_process() as server:
        await server.start("w")
        yield server


@pytest.fixture
def worker(dev: InProcess) -> Worker:
    return Worker(dev.workflows)


async def query(dev: InProcess, timeout: float = 10, **fields: object) -> QueryWorkflowResponse:
    request = QueryWorkflowRequest(namespace="default", query=WorkflowQuery(query_type="q"), **fields)  # type: ignore[arg-type]
    request.execution.workflow_id = "w"
    response = await dev.workflows.QueryWorkflow(request, timeout=timeout)
    assert isinstance(response, QueryWorkflowResponse)
    return response


async def answer(dev: InProcess, task_token: bytes, **fields: object) -> None:
    values: dict[str, object] = {"completed_type": ANSWERED, "query_result": R, **fields}
    await dev.workflows.RespondQueryTaskCompleted(
        RespondQueryTaskCompletedRequest(namespace="default", task_token=task_token, **values)  # type: ignore[arg-type]
    )


def results(task: PollWorkflowTaskQueueResponse) -> Mapping[str, WorkflowQueryResult]:
    return {query_id: WorkflowQueryResult(result_type=ANSWERED, answer=R) for query_id in task.queries}


async def buffered(dev: InProcess) -> asyncio.Task[QueryWorkflowResponse]:
    """A query that waits for the run's pending workflow task."""
    asked = asyncio.ensure_future(query(dev))
    await dev.until(lambda: bool(dev.server.backend.queries.buffered))
    return asked


async def test_a_run_with_nothing_pending_is_queried_on_its_own_with_its_whole_history(
    dev: InProcess, worker: Worker
) -> None:
    await worker.complete(await worker.poll())
    asked = asyncio.ensure_future(query(dev))
    task = await worker.poll()
    assert task.query.query_type == "q"
    assert [event.event_id for event in task.history.events] == [1, 2, 3, 4]
    assert (task.previous_started_event_id, task.started_event_id, task.attempt) == (3, 0, 1)
    await answer(dev, task.task_token)
    assert (await asked).query_result == R


async def test_the_worker_that_has_the_run_gets_no_history(dev: InProcess, worker: Worker) -> None:
    await worker.complete(await worker.poll(), sticky=True)
    polled = asyncio.ensure_future(worker.poll(STICKY))
    await dev.until(lambda: dev.has_waiting_poll(STICKY))
    asked = asyncio.ensure_future(query(dev))
    task = await polled
    assert list(task.history.events) == []
    await answer(dev, task.task_token)
    assert (await asked).query_result == R


async def test_a_query_goes_to_any_worker_when_the_one_that_has_the_run_is_gone(dev: InProcess, worker: Worker) -> None:
    await worker.complete(await worker.poll(), sticky=True)
    asked = asyncio.ensure_future(query(dev))
    task = await worker.poll()
    assert len(task.history.events) == 4
    await answer(dev, task.task_token)
    assert (await asked).query_result == R


async def test_a_query_goes_to_any_worker_when_the_one_that_has_the_run_is_silent(
    dev: InProcess, worker: Worker
) -> None:
    await worker.complete(await worker.poll(), sticky=True, sticky_seconds=0.2)
    polled = asyncio.ensure_future(worker.poll(STICKY))
    await dev.until(lambda: dev.has_waiting_poll(STICKY))
    asked = asyncio.ensure_future(query(dev))
    await polled  # and never answers
    task = await worker.poll()
    assert len(task.history.events) == 4
    await answer(dev, task.task_token)
    assert (await asked).query_result == R


async def test_a_query_after_a_signal_sees_the_signal(dev: InProcess, worker: Worker) -> None:
    await worker.complete(await worker.poll())
    await dev.signal("w")
    asked = await buffered(dev)
    task = await worker.poll()
    assert [one.query_type for one in task.queries.values()] == ["q"]
    assert not task.HasField("query")
    await worker.complete(task, query_results=results(task))
    assert (await asked).query_result == R


async def test_a_query_waits_for_the_first_workflow_task(dev: InProcess, worker: Worker) -> None:
    asked = await buffered(dev)
    task = await worker.poll()
    await worker.complete(task, query_results=results(task))
    assert (await asked).query_result == R


async def test_a_query_that_came_during_a_task_goes_its_own_way_when_the_task_is_over(
    dev: InProcess, worker: Worker
) -> None:
    task = await worker.poll()
    asked = await buffered(dev)
    await worker.complete(task)
    own = await worker.poll()
    assert own.query.query_type == "q"
    await answer(dev, own.task_token)
    assert (await asked).query_result == R


async def test_a_query_that_the_worker_ignores_goes_its_own_way(dev: InProcess, worker: Worker) -> None:
    asked = await buffered(dev)
    await worker.complete(await worker.poll())
    own = await worker.poll()
    await answer(dev, own.task_token)
    assert (await asked).query_result == R


async def test_a_query_rides_on_the_next_task_when_one_fails(dev: InProcess, worker: Worker) -> None:
    asked = await buffered(dev)
    await worker.fail(await worker.poll(), WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR)
    task = await worker.poll()
    await worker.complete(task, query_results=results(task))
    assert (await asked).query_result == R


async def test_a_query_survives_the_end_of_the_run(dev: InProcess, worker: Worker) -> None:
    await worker.complete(await worker.poll())
    await dev.signal("w")
    asked = await buffered(dev)
    await dev.terminate("w")
    task = await worker.poll()
    assert len(task.history.events) == 7
    await answer(dev, task.task_token)
    assert (await asked).query_result == R


async def test_a_closed_run_answers(dev: InProcess, worker: Worker) -> None:
    await worker.complete(await worker.poll(), COMPLETE, sticky=True)
    asked = asyncio.ensure_future(query(dev))
    task = await worker.poll()
    assert len(task.history.events) == 5
    await answer(dev, task.task_token)
    assert (await asked).query_result == R


async def test_a_client_may_refuse_to_query_a_closed_run(dev: InProcess, worker: Worker) -> None:
    await dev.terminate("w")
    for condition in (
        QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_OPEN,
        QueryRejectCondition.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY,
    ):
        rejected = await query(dev, query_reject_condition=condition)
        assert rejected.query_rejected.status == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED


async def test_a_run_that_closed_before_its_first_task_cannot_answer(dev: InProcess) -> None:
    await dev.terminate("w")
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "closed before WorkflowTaskStarted"):
        await query(dev)


async def test_a_run_whose_task_keeps_failing_is_not_queried(dev: InProcess, worker: Worker) -> None:
    for _ in range(2):
        cause = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR
        await worker.fail(await worker.poll(), cause)
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "Workflow Task in failed state"):
        await query(dev)


async def test_one_query_at_a_time_waits_for_a_task(dev: InProcess, worker: Worker) -> None:
    asked = await buffered(dev)
    with refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "consistent query buffer is full"):
        await query(dev)
    task = await worker.poll()
    await worker.complete(task, query_results=results(task))
    await asked


async def test_a_failure_reaches_the_client(dev: InProcess, worker: Worker) -> None:
    await worker.complete(await worker.poll())
    asked = asyncio.ensure_future(query(dev))
    task = await worker.poll()
    await answer(dev, task.task_token, completed_type=FAILED, query_result=None, error_message="unknown query")
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "unknown query"):
        await asked


async def test_a_failure_that_came_with_a_task_reaches_the_client(dev: InProcess, worker: Worker) -> None:
    asked = await buffered(dev)
    task = await worker.poll()
    failed = {query_id: WorkflowQueryResult(result_type=FAILED, error_message="no") for query_id in task.queries}
    await worker.complete(task, query_results=failed)
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "no"):
        await asked


async def test_an_answer_that_is_too_large_fails_the_query() -> None:
    async with in_process(settings=replace(Settings(), blob_size_error=100)) as dev:
        worker = Worker(dev.workflows)
        await dev.start("w")
        large = Payloads(payloads=[Payload(data=b"x" * 200)])
        asked = await buffered(dev)
        task = await worker.poll()
        answers = {one: WorkflowQueryResult(result_type=ANSWERED, answer=large) for one in task.queries}
        await worker.complete(task, query_results=answers)
        with refused(grpc.StatusCode.INVALID_ARGUMENT, "Blob data size exceeds limit."):
            await asked
        asked = asyncio.ensure_future(query(dev))
        await answer(dev, (await worker.poll()).task_token, query_result=large)
        with refused(grpc.StatusCode.INVALID_ARGUMENT, "Blob data size exceeds limit."):
            await asked


async def test_a_query_without_a_worker_times_out_and_leaves_nothing_behind(dev: InProcess, worker: Worker) -> None:
    await worker.complete(await worker.poll())
    with refused(grpc.StatusCode.DEADLINE_EXCEEDED, ""):
        await query(dev, timeout=0.3)
    await dev.until(lambda: not dev.server.backend.queries.direct)
    await dev.signal("w")
    assert (await worker.poll()).started_event_id == 7


async def test_an_answer_that_comes_twice_is_not_found(dev: InProcess, worker: Worker) -> None:
    await worker.complete(await worker.poll())
    asked = asyncio.ensure_future(query(dev))
    task = await worker.poll()
    await answer(dev, task.task_token)
    await asked
    with refused(grpc.StatusCode.NOT_FOUND, "query task not found, or already expired"):
        await answer(dev, task.task_token)


@pytest.mark.parametrize(
    ("task_token", "message"),
    [
        (b"", "Task token not set on request."),
        (b"\xff\xff", "Error deserializing task token."),
        (b"\x0a\x01x", "Invalid TaskToken."),
    ],
)
async def test_a_forged_token_is_refused(dev: InProcess, task_token: bytes, message: str) -> None:
    with refused(grpc.StatusCode.INVALID_ARGUMENT, message):
        await answer(dev, task_token)
