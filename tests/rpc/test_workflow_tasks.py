"""Workflow tasks over the wire: polled, completed, refused, failed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import grpc
import pytest
from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.enums.v1 import EventType, TaskQueueKind
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import StickyExecutionAttributes, TaskQueue
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    PollWorkflowTaskQueueRequest,
    PollWorkflowTaskQueueResponse,
    ResetStickyTaskQueueRequest,
    RespondWorkflowTaskCompletedRequest,
    RespondWorkflowTaskFailedRequest,
    SignalWorkflowExecutionRequest,
)

from tests.support.commands import schedule_activity
from tests.support.inprocess import InProcess, in_process, refused
from wfctl.devserver.settings import MIB, Settings

INVALID_ARGUMENT = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND


@pytest.fixture
async def world() -> AsyncIterator[InProcess]:
    async with in_process() as world:
        yield world


async def poll(world: InProcess, queue: TaskQueue | None = None, timeout: float = 10) -> PollWorkflowTaskQueueResponse:
    request = PollWorkflowTaskQueueRequest(
        namespace="default", task_queue=queue or TaskQueue(name="queue"), identity="worker"
    )
    response: PollWorkflowTaskQueueResponse = await world.workflows.PollWorkflowTaskQueue(request, timeout=timeout)
    return response


async def complete(world: InProcess, task: PollWorkflowTaskQueueResponse, *commands: Any, **fields: Any) -> Any:
    return await world.workflows.RespondWorkflowTaskCompleted(
        RespondWorkflowTaskCompletedRequest(task_token=task.task_token, identity="worker", commands=commands, **fields)
    )


async def signal(world: InProcess, workflow_id: str = "w", data: bytes = b"") -> None:
    await world.workflows.SignalWorkflowExecution(
        SignalWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
            signal_name="s",
            input=Payloads(payloads=[Payload(data=data)]),
        )
    )


async def history(world: InProcess, page_token: bytes = b"") -> list[HistoryEvent]:
    events: list[HistoryEvent] = []
    while True:
        response = await world.workflows.GetWorkflowExecutionHistory(
            GetWorkflowExecutionHistoryRequest(
                namespace="default", execution=WorkflowExecution(workflow_id="w"), next_page_token=page_token
            )
        )
        events += response.history.events
        page_token = response.next_page_token
        if not page_token:
            return events


async def names(world: InProcess) -> list[str]:
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in await history(world)]


async def test_a_poll_says_what_is_wrong_with_it(world: InProcess) -> None:
    with refused(INVALID_ARGUMENT, "taskQueue is not set"):
        await world.workflows.PollWorkflowTaskQueue(PollWorkflowTaskQueueRequest(namespace="default"), timeout=5)
    with refused(INVALID_ARGUMENT, "missing task queue name"):
        await poll(world, TaskQueue(name=""))
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "Context timeout is too short."):
        await poll(world, timeout=1)
    with refused(INVALID_ARGUMENT, "Context timeout is not set."):
        await world.workflows.PollWorkflowTaskQueue(
            PollWorkflowTaskQueueRequest(namespace="default", task_queue=TaskQueue(name="queue"))
        )


async def test_a_refused_command_fails_the_task_and_tells_the_worker(world: InProcess) -> None:
    await world.start("w")
    task = await poll(world)
    with refused(INVALID_ARGUMENT, "BadScheduleActivityAttributes: activityId is not set"):
        await complete(world, task, schedule_activity(""))
    assert (await names(world))[-2:] == ["WORKFLOW_TASK_FAILED", "WORKFLOW_TASK_SCHEDULED"]
    again = await poll(world)
    assert again.attempt == 2
    with refused(INVALID_ARGUMENT, "BadScheduleActivityAttributes: activityId is not set"):
        await complete(world, again, schedule_activity(""))  # not heard: the task runs into its timeout
    assert (await names(world)).count("WORKFLOW_TASK_FAILED") == 1
    await complete(world, again)


async def test_a_command_that_is_too_large_ends_the_workflow(world: InProcess) -> None:
    await world.start("w")
    task = await poll(world)
    large = Payloads(payloads=[Payload(data=b"x" * (2 * MIB))])
    with refused(INVALID_ARGUMENT, "ScheduleActivityTaskCommandAttributes.Input exceeds size limit."):
        await complete(world, task, schedule_activity(input=large))
    assert (await names(world))[-2:] == ["WORKFLOW_TASK_FAILED", "WORKFLOW_EXECUTION_TERMINATED"]


async def test_a_task_can_be_answered_once(world: InProcess) -> None:
    await world.start("w")
    task = await poll(world)
    await complete(world, task)
    with refused(NOT_FOUND, "Workflow task not found."):
        await complete(world, task)
    with refused(NOT_FOUND, "Workflow task not found."):
        await world.workflows.RespondWorkflowTaskFailed(RespondWorkflowTaskFailedRequest(task_token=task.task_token))
    await world.terminate("w")
    with refused(NOT_FOUND, "workflow execution already completed"):
        await world.workflows.RespondWorkflowTaskFailed(RespondWorkflowTaskFailedRequest(task_token=task.task_token))


async def test_a_reset_sticky_queue_sends_the_task_to_the_run_s_own(world: InProcess) -> None:
    sticky = TaskQueue(name="sticky", kind=TaskQueueKind.TASK_QUEUE_KIND_STICKY, normal_name="queue")
    await world.start("w")
    task = await poll(world)
    await complete(world, task, sticky_attributes=StickyExecutionAttributes(worker_task_queue=sticky))
    assert not (await poll(world, sticky, timeout=3)).task_token  # its worker is alive, and leaves
    await signal(world)
    await world.workflows.ResetStickyTaskQueue(
        ResetStickyTaskQueueRequest(namespace="default", execution=WorkflowExecution(workflow_id="w"))
    )
    task = await poll(world)
    assert task.history.events[0].event_id == 1


async def test_a_long_history_comes_in_pages(world: InProcess) -> None:
    await world.start("w")
    for _ in range(3):
        await signal(world, data=b"x" * (MIB))
    task = await poll(world)
    assert task.next_page_token
    events = list(task.history.events) + await history(world, task.next_page_token)
    assert [event.event_id for event in events] == list(range(1, task.started_event_id + 1))


async def test_a_history_that_is_too_long_ends_the_run() -> None:
    async with in_process(settings=replace(Settings(), history_count_error=5)) as world:
        await world.start("w")
        for _ in range(3):
            await signal(world)
        with refused(INVALID_ARGUMENT, "Workflow history count exceeds limit."):
            await signal(world)
        assert (await names(world))[-1] == "WORKFLOW_EXECUTION_TERMINATED"
