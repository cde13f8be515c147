"""DescribeWorkflowExecution: what a run tells about itself beyond its history."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.common.v1 import WorkerVersionStamp
from temporalio.api.enums.v1 import CommandType, EventType
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    PollActivityTaskQueueRequest,
    RespondActivityTaskFailedRequest,
)

from tests.support.inprocess import InProcess, in_process, refused
from tests.support.steps import complete, continue_as_new, describe, named, poll, signal, step

NEVER = "0001-01-01T00:00:00Z"


@pytest.fixture
async def world() -> AsyncIterator[InProcess]:
    async with in_process() as running:
        yield running


async def test_the_first_task_of_a_build_is_a_reset_point(world: InProcess) -> None:
    await world.start("w")
    for build_id in ("b1", "b1", "b2"):
        await step(world, worker_version_stamp=WorkerVersionStamp(build_id=build_id))
        await signal(world, "w")
    info = (await describe(world, "w")).workflow_execution_info
    points = [(point.build_id, point.first_workflow_task_completed_id) for point in info.auto_reset_points.points]
    assert points == [("b1", 4), ("b2", 12)]
    assert info.most_recent_worker_version_stamp.build_id == "b2"
    builds = info.search_attributes.indexed_fields["BuildIds"].data
    assert builds == b'["unversioned","unversioned:b1","unversioned:b2"]'


async def test_reset_points_go_from_run_to_run_and_then_expire(world: InProcess) -> None:
    await world.start("w")
    first = (await describe(world, "w")).workflow_execution_info.execution.run_id
    await step(world, continue_as_new())
    (point,) = (await describe(world, "w")).workflow_execution_info.auto_reset_points.points
    assert (point.run_id, point.HasField("expire_time")) == (first, True)
    (own,) = (await describe(world, "w", first)).workflow_execution_info.auto_reset_points.points
    assert own == point


async def test_a_run_without_a_timeout_expires_never(world: InProcess) -> None:
    await world.start("w")
    extended = (await describe(world, "w")).workflow_extended_info
    assert extended.run_expiration_time.ToJsonString() == NEVER
    assert not extended.HasField("execution_expiration_time")


async def test_request_ids_lead_to_their_events(world: InProcess) -> None:
    await world.start("w")
    await step(world)
    await signal(world, "w", request_id="first")
    task = await poll(world)
    await signal(world, "w", request_id="second")
    infos = (await describe(world, "w")).workflow_extended_info.request_id_infos
    assert (infos["w"].event_type, infos["w"].event_id) == (EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, 1)
    assert (infos["first"].event_id, infos["first"].buffered) == (5, False)
    assert (infos["second"].event_id, infos["second"].buffered) == (0, True)
    assert infos["second"].event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
    await complete(world, task)
    infos = (await describe(world, "w")).workflow_extended_info.request_id_infos
    assert (infos["second"].event_id, infos["second"].buffered) == (9, False)


async def test_every_change_of_a_run_counts_but_the_end_of_a_retry_pause(world: InProcess) -> None:
    async def count() -> int:
        return int((await describe(world, "w")).workflow_execution_info.state_transition_count)

    await world.start("w")
    assert await count() == 1
    schedule = Command(command_type=CommandType.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK)
    attributes = schedule.schedule_activity_task_command_attributes
    attributes.activity_id, attributes.activity_type.name, attributes.task_queue.name = "a", "A", "queue"
    attributes.start_to_close_timeout.seconds = 10
    attributes.retry_policy.initial_interval.FromMilliseconds(1)
    await step(world, schedule)
    assert await count() == 3
    take = PollActivityTaskQueueRequest(namespace="default", task_queue=TaskQueue(name="queue"))
    task = await world.workflows.PollActivityTaskQueue(take, timeout=10)
    failure = Failure(message="no", application_failure_info=ApplicationFailureInfo())
    await world.workflows.RespondActivityTaskFailed(
        RespondActivityTaskFailedRequest(namespace="default", task_token=task.task_token, failure=failure)
    )
    assert await count() == 5
    await world.workflows.PollActivityTaskQueue(take, timeout=10)
    assert await count() == 6


async def test_a_description_needs_a_workflow_id_and_a_real_run_id(world: InProcess) -> None:
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    for request, message in (
        (DescribeWorkflowExecutionRequest(namespace="default"), "Execution is not set on request."),
        (DescribeWorkflowExecutionRequest(namespace="default", execution=named("")), "WorkflowId is not set"),
        (DescribeWorkflowExecutionRequest(namespace="default", execution=named("w", "nope")), "Invalid RunId."),
    ):
        with refused(invalid, message):
            await world.workflows.DescribeWorkflowExecution(request)
