"""Activity tasks over the wire: taken, answered by token or id, paused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    PauseActivityRequest,
    PollActivityTaskQueueRequest,
    PollActivityTaskQueueResponse,
    PollWorkflowTaskQueueRequest,
    RecordActivityTaskHeartbeatRequest,
    RespondActivityTaskCanceledRequest,
    RespondActivityTaskCompletedByIdRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedByIdRequest,
    RespondActivityTaskFailedRequest,
    RespondWorkflowTaskCompletedRequest,
    UnpauseActivityRequest,
)

from tests.support.commands import schedule_activity
from tests.support.inprocess import InProcess, in_process, refused
from wfctl.devserver.settings import MIB

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
TOO_LARGE = Payloads(payloads=[Payload(data=b"x" * (2 * MIB))])
FAILURE = Failure(message="boom", application_failure_info=ApplicationFailureInfo(type="X"))
EXECUTION = WorkflowExecution(workflow_id="w")


@pytest.fixture
async def world() -> AsyncIterator[InProcess]:
    """A workflow `w` whose activity `a` waits."""
    async with in_process() as world:
        await world.start("w")
        task = await world.workflows.PollWorkflowTaskQueue(
            PollWorkflowTaskQueueRequest(namespace="default", task_queue=TaskQueue(name="queue")), timeout=10
        )
        await world.workflows.RespondWorkflowTaskCompleted(
            RespondWorkflowTaskCompletedRequest(task_token=task.task_token, commands=[schedule_activity()])
        )
        yield world


async def poll(world: InProcess) -> PollActivityTaskQueueResponse:
    request = PollActivityTaskQueueRequest(namespace="default", task_queue=TaskQueue(name="activities"), identity="me")
    response: PollActivityTaskQueueResponse = await world.workflows.PollActivityTaskQueue(request, timeout=10)
    return response


async def pending(world: InProcess) -> list[PendingActivityInfo]:
    request = DescribeWorkflowExecutionRequest(namespace="default", execution=EXECUTION)
    return list((await world.workflows.DescribeWorkflowExecution(request)).pending_activities)


def by_id(request: Any, **fields: Any) -> Any:
    return request(namespace="default", workflow_id="w", activity_id="a", **fields)


async def test_a_result_that_is_too_large_fails_the_activity(world: InProcess) -> None:
    task = await poll(world)
    await world.workflows.RespondActivityTaskCompleted(
        RespondActivityTaskCompletedRequest(task_token=task.task_token, result=TOO_LARGE)
    )
    assert await pending(world) == []


async def test_a_heartbeat_that_is_too_large_cancels_the_attempt(world: InProcess) -> None:
    task = await poll(world)
    answer = await world.workflows.RecordActivityTaskHeartbeat(
        RecordActivityTaskHeartbeatRequest(task_token=task.task_token, details=TOO_LARGE)
    )
    assert answer.cancel_requested
    assert await pending(world) == []


async def test_only_an_activity_that_should_be_cancelled_can_be(world: InProcess) -> None:
    task = await poll(world)
    with refused(INVALID_ARGUMENT, "unable to mark activity as canceled without activity being request canceled"):
        await world.workflows.RespondActivityTaskCanceled(
            RespondActivityTaskCanceledRequest(task_token=task.task_token)
        )


async def test_a_failure_must_be_an_application_s(world: InProcess) -> None:
    task = await poll(world)
    with refused(INVALID_ARGUMENT, "Failure must have ApplicationFailureInfo."):
        await world.workflows.RespondActivityTaskFailed(
            RespondActivityTaskFailedRequest(task_token=task.task_token, failure=Failure(message="boom"))
        )


async def test_an_activity_that_nobody_took_can_be_completed_and_not_failed_by_id(world: InProcess) -> None:
    with refused(NOT_FOUND, "invalid activityID or activity already timed out"):
        await world.workflows.RespondActivityTaskFailedById(by_id(RespondActivityTaskFailedByIdRequest))
    await world.workflows.RespondActivityTaskCompletedById(by_id(RespondActivityTaskCompletedByIdRequest))
    with refused(NOT_FOUND, "cannot find pending activity with ActivityID a"):
        await world.workflows.RespondActivityTaskCompletedById(by_id(RespondActivityTaskCompletedByIdRequest))


async def test_a_paused_activity_waits_until_it_is_unpaused(world: InProcess) -> None:
    task = await poll(world)
    await world.workflows.PauseActivity(
        PauseActivityRequest(namespace="default", execution=EXECUTION, id="a", identity="operator", reason="why")
    )
    beat = await world.workflows.RecordActivityTaskHeartbeat(
        RecordActivityTaskHeartbeatRequest(task_token=task.task_token)
    )
    assert beat.activity_paused
    await world.workflows.RespondActivityTaskFailed(
        RespondActivityTaskFailedRequest(task_token=task.task_token, failure=FAILURE)
    )
    (info,) = await pending(world)
    assert (info.state, info.attempt, info.paused) == (PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED, 2, True)
    assert (info.pause_info.manual.identity, info.pause_info.manual.reason) == ("operator", "why")
    await world.workflows.UnpauseActivity(UnpauseActivityRequest(namespace="default", execution=EXECUTION, type="A"))
    assert (await poll(world)).attempt == 2


async def test_an_unknown_activity_cannot_be_paused(world: InProcess) -> None:
    with refused(NOT_FOUND, "Can't find pending activity with such ID."):
        await world.workflows.PauseActivity(PauseActivityRequest(namespace="default", execution=EXECUTION, id="b"))
    with refused(INVALID_ARGUMENT, "Either Activity.Id or Activity.Type should be set on request."):
        await world.workflows.PauseActivity(PauseActivityRequest(namespace="default", execution=EXECUTION))
