"""Update-with-start: a new run, the one there is, and every way to fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import grpc.aio
import pytest
from google.rpc.status_pb2 import Status
from temporalio.api.common.v1 import WorkflowType
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy
from temporalio.api.errordetails.v1 import MultiOperationExecutionFailure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    ExecuteMultiOperationRequest,
    ExecuteMultiOperationResponse,
    StartWorkflowExecutionRequest,
    UpdateWorkflowExecutionRequest,
)

from tests.support.inprocess import InProcess, in_process, refused
from tests.support.update_messages import accepts, rejects, request, responds
from tests.support.workers import Worker

USE_EXISTING = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
FAIL = WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL
ABORTED = grpc.StatusCode.ABORTED.value[0]


@pytest.fixture
async def dev() -> AsyncIterator[InProcess]:
    async with in_process() as server:
        yield server


def operations(
    update_id: str = "u",
    policy: WorkflowIdConflictPolicy.ValueType = USE_EXISTING,
    *,
    request_id: str = "",
    workflow_type: str = "T",
) -> ExecuteMultiOperationRequest:
    start = StartWorkflowExecutionRequest(
        workflow_id="w",
        request_id=request_id or f"start for {update_id}",
        workflow_type=WorkflowType(name=workflow_type),
        task_queue=TaskQueue(name="queue"),
        workflow_id_conflict_policy=policy,
    )
    update = UpdateWorkflowExecutionRequest(request=request(update_id))
    update.workflow_execution.workflow_id = "w"
    wanted = ExecuteMultiOperationRequest(namespace="default")
    wanted.operations.add(start_workflow=start)
    wanted.operations.add(update_workflow=update)
    return wanted


async def execute(dev: InProcess, wanted: ExecuteMultiOperationRequest) -> ExecuteMultiOperationResponse:
    response = await dev.workflows.ExecuteMultiOperation(wanted, timeout=10)
    assert isinstance(response, ExecuteMultiOperationResponse)
    return response


async def codes(dev: InProcess, wanted: ExecuteMultiOperationRequest) -> tuple[grpc.StatusCode, list[int]]:
    """The code of the call, and of each operation."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await execute(dev, wanted)
    status = next(value for key, value in caught.value.trailing_metadata() or () if key == "grpc-status-details-bin")
    assert isinstance(status, bytes)
    failure = MultiOperationExecutionFailure()
    assert Status.FromString(status).details[0].Unpack(failure)
    return caught.value.code(), [one.code for one in failure.statuses]


async def test_a_new_run_begins_with_the_update(dev: InProcess) -> None:
    worker = Worker(dev.workflows)
    both = asyncio.ensure_future(execute(dev, operations()))
    task = await worker.poll()
    assert [message.id for message in task.messages] == ["u/request"]
    await worker.complete(task, messages=[accepts(), responds()])
    start, update = (await both).responses
    assert start.start_workflow.started
    assert update.update_workflow.outcome.success.payloads[0].data == b"1"
    assert update.update_workflow.update_ref.workflow_execution.run_id == start.start_workflow.run_id


async def test_a_run_that_is_there_is_used(dev: InProcess) -> None:
    worker = Worker(dev.workflows)
    await dev.start("w")
    await worker.complete(await worker.poll())
    both = asyncio.ensure_future(execute(dev, operations()))
    await worker.complete(await worker.poll(), messages=[rejects()])
    start, update = (await both).responses
    assert not start.start_workflow.started
    assert update.update_workflow.outcome.failure.message == "no"


async def test_the_same_request_again_finds_the_run_and_the_outcome(dev: InProcess) -> None:
    worker = Worker(dev.workflows)
    both = [asyncio.ensure_future(execute(dev, operations(policy=FAIL))) for _ in range(2)]
    await worker.complete(await worker.poll(), messages=[accepts(), responds()])
    first, second = [(await one).responses for one in both]
    third = (await execute(dev, operations(policy=FAIL))).responses
    assert len({one[0].start_workflow.run_id for one in (first, second, third)}) == 1
    assert third[1].update_workflow.outcome == first[1].update_workflow.outcome


async def test_another_run_of_the_id_fails_the_start(dev: InProcess) -> None:
    await dev.start("w")
    code, (start, update) = await codes(dev, operations(policy=FAIL))
    assert (code, start, update) == (grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.ALREADY_EXISTS.value[0], ABORTED)


async def test_a_bad_start_names_itself(dev: InProcess) -> None:
    code, (start, update) = await codes(dev, operations(workflow_type=""))
    assert (code, start, update) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.INVALID_ARGUMENT.value[0],
        ABORTED,
    )


async def test_an_update_that_was_given_up_names_itself(dev: InProcess) -> None:
    worker = Worker(dev.workflows)
    both = asyncio.ensure_future(codes(dev, operations()))
    await worker.poll()
    await dev.terminate("w")
    code, (start, update) = await both
    assert (code, start, update) == (grpc.StatusCode.NOT_FOUND, 0, grpc.StatusCode.NOT_FOUND.value[0])


async def test_any_other_list_of_operations_is_refused(dev: InProcess) -> None:
    wanted = operations()
    del wanted.operations[0]
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "exactly [Start, Update]"):
        await execute(dev, wanted)
