"""Updates over gRPC: waiting, asking again, rejections, the end of the run, a server that starts again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import grpc
import grpc.aio
import pytest
from temporalio.api.command.v1 import Command, CompleteWorkflowExecutionCommandAttributes
from temporalio.api.enums.v1 import CommandType, EventType
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage as Stage
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    PollWorkflowExecutionUpdateRequest,
    PollWorkflowExecutionUpdateResponse,
    UpdateWorkflowExecutionRequest,
    UpdateWorkflowExecutionResponse,
)

from tests.support.inprocess import InProcess, in_process, refused
from tests.support.update_messages import accepts, at, rejects, request, responds
from tests.support.workers import STICKY, Worker
from wfctl.devserver.settings import Settings

ADMITTED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED
ACCEPTED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
COMPLETED = Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED

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
async def worker(dev: InProcess) -> Worker:
    """Its first workflow task is done."""
    one = Worker(dev.workflows)
    await one.complete(await one.poll())
    return one


async def ask(
    dev: InProcess, update_id: str = "u", stage: Stage.ValueType = COMPLETED, timeout: float = 10
) -> UpdateWorkflowExecutionResponse:
    asked = UpdateWorkflowExecutionRequest(namespace="default", request=request(update_id))
    asked.workflow_execution.workflow_id = "w"
    asked.wait_policy.lifecycle_stage = stage
    response = await dev.workflows.UpdateWorkflowExecution(asked, timeout=timeout)
    assert isinstance(response, UpdateWorkflowExecutionResponse)
    return response


async def look(
    dev: InProcess, update_id: str = "u", stage: Stage.ValueType = COMPLETED, timeout: float = 10
) -> PollWorkflowExecutionUpdateResponse:
    asked = PollWorkflowExecutionUpdateRequest(namespace="default")
    asked.update_ref.workflow_execution.workflow_id = "w"
    asked.update_ref.update_id = update_id
    asked.wait_policy.lifecycle_stage = stage
    response = await dev.workflows.PollWorkflowExecutionUpdate(asked, timeout=timeout)
    assert isinstance(response, PollWorkflowExecutionUpdateResponse)
    return response


async def asked_for(
    dev: InProcess, update_id: str = "u", stage: Stage.ValueType = COMPLETED
) -> asyncio.Task[UpdateWorkflowExecutionResponse]:
    """A client that waits for an update which the server knows of."""
    waiting = asyncio.ensure_future(ask(dev, update_id, stage))
    backend = dev.server.backend
    run = await backend.runs.find(backend.namespaces.resolve("default").id, "w")
    await dev.until(lambda: run.execution.updates.is_known(update_id))
    return waiting


async def history(dev: InProcess) -> list[str]:
    request = GetWorkflowExecutionHistoryRequest(namespace="default")
    request.execution.workflow_id = "w"
    response = await dev.workflows.GetWorkflowExecutionHistory(request)
    return [EventType.Name(event.event_type).removeprefix("EVENT_TYPE_") for event in response.history.events]


async def test_everybody_who_waits_hears_of_the_outcome(dev: InProcess, worker: Worker) -> None:
    first, second = await asked_for(dev), await asked_for(dev)
    third = asyncio.ensure_future(look(dev))
    task = await worker.poll()
    assert len(task.messages) == 1
    await worker.complete(task, at("accept-u"), at("respond-u"), messages=[accepts(), responds()])
    outcomes = [(await one).outcome for one in (first, second)] + [(await third).outcome]
    assert [outcome.success.payloads[0].data for outcome in outcomes] == [b"1"] * 3
    assert (await ask(dev)).outcome == outcomes[0]
    assert (await look(dev)).outcome == outcomes[0]


async def test_a_client_may_wait_for_the_acceptance_only(dev: InProcess, worker: Worker) -> None:
    asked = await asked_for(dev, stage=ACCEPTED)
    await worker.complete(await worker.poll(), messages=[accepts()])
    response = await asked
    assert response.stage == ACCEPTED
    assert not response.HasField("outcome")
    await dev.signal("w")
    await worker.complete(await worker.poll(), messages=[responds(failure="bad")])
    assert (await look(dev)).outcome.failure.message == "bad"


async def test_a_rejection_reaches_those_who_wait_and_is_forgotten(dev: InProcess, worker: Worker) -> None:
    asked = await asked_for(dev)
    polled = asyncio.ensure_future(look(dev))
    await dev.until(lambda: len(dev.server.backend.updates.waiters) == 1)
    await worker.complete(await worker.poll(), messages=[rejects()])
    response = await asked
    assert (response.stage, response.outcome.failure.message) == (COMPLETED, "no")
    assert response.link.workflow.reason == "Update rejected"
    assert (await polled).outcome.failure.message == "no"
    with refused(grpc.StatusCode.NOT_FOUND, 'update "u" not found'):
        await look(dev)
    assert len(await history(dev)) == 4
    assert not dev.server.backend.updates.waiters


async def test_a_wait_ends_with_the_stage_that_was_reached() -> None:
    async with in_process(settings=replace(Settings(), update_long_poll_seconds=0.1)) as dev:
        await dev.start("w")
        assert (await ask(dev)).stage == ADMITTED
        worker = Worker(dev.workflows)
        await worker.complete(await worker.poll(), messages=[accepts()])
        assert (await ask(dev)).stage == ACCEPTED
        assert (await look(dev)).stage == ACCEPTED


async def test_nobody_waits_for_the_admission(dev: InProcess) -> None:
    with refused(grpc.StatusCode.PERMISSION_DENIED, "waiting on update admitted is not supported"):
        await ask(dev, stage=ADMITTED)


async def test_a_client_that_goes_away_leaves_the_update_to_the_worker(dev: InProcess, worker: Worker) -> None:
    with refused(grpc.StatusCode.DEADLINE_EXCEEDED, ""):
        await ask(dev, timeout=0.3)
    task = await worker.poll()
    await worker.complete(task, messages=[accepts(), responds()])
    assert (await look(dev)).stage == COMPLETED


async def test_the_end_of_the_run_ends_the_wait(dev: InProcess, worker: Worker) -> None:
    asked = await asked_for(dev)
    await dev.terminate("w")
    with refused(grpc.StatusCode.NOT_FOUND, "workflow update was aborted by closing workflow"):
        await asked
    with refused(grpc.StatusCode.NOT_FOUND, "workflow execution already completed"):
        await ask(dev)


async def test_an_accepted_update_of_a_closed_run_has_failed(dev: InProcess, worker: Worker) -> None:
    asked = await asked_for(dev)
    await worker.complete(await worker.poll(), at("accept-u"), COMPLETE, messages=[accepts()])
    kind = "AcceptedUpdateCompletedWorkflow"
    assert (await asked).outcome.failure.application_failure_info.type == kind
    assert (await look(dev)).outcome.failure.application_failure_info.type == kind
    assert (await ask(dev)).outcome.failure.application_failure_info.type == kind


async def test_an_update_during_a_task_comes_with_the_task_that_the_answer_brings(dev: InProcess) -> None:
    worker = Worker(dev.workflows)
    task = await worker.poll()
    asked = await asked_for(dev)
    following = (await worker.complete(task, sticky=True, inline=True)).workflow_task
    assert [message.id for message in following.messages] == ["u/request"]
    assert [event.event_id for event in following.history.events] == [4, 5, 6]
    completed = await worker.complete(following, messages=[rejects()])
    assert completed.reset_history_event_id == 3
    assert (await asked).outcome.failure.message == "no"
    assert len(await history(dev)) == 4


async def test_a_refused_answer_fails_the_update_and_the_task_comes_again(dev: InProcess, worker: Worker) -> None:
    asked = await asked_for(dev)
    task = await worker.poll()
    with refused(grpc.StatusCode.INVALID_ARGUMENT, "absent message ID none"):
        await worker.complete(task, at("none"), messages=[accepts()])
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "unexpected workflow task failure"):
        await asked
    assert list((await worker.poll()).messages) == []
    assert (await history(dev))[-3:] == ["WORKFLOW_TASK_FAILED", "WORKFLOW_TASK_SCHEDULED", "WORKFLOW_TASK_STARTED"]


async def test_an_update_goes_to_the_worker_that_has_the_run(dev: InProcess) -> None:
    worker = Worker(dev.workflows)
    await worker.complete(await worker.poll(), sticky=True)
    polled = asyncio.ensure_future(worker.poll(STICKY))
    await dev.until(lambda: dev.has_waiting_poll(STICKY))
    asked = await asked_for(dev)
    task = await polled
    assert [event.event_id for event in task.history.events] == [4, 5, 6]
    await worker.complete(task, messages=[accepts(), responds()])
    assert (await asked).stage == COMPLETED


async def test_updates_wait_for_a_server_that_starts_again(tmp_path: Path) -> None:
    async with in_process(db_path=tmp_path / "dev.db") as dev:
        await dev.start("w")
        worker = Worker(dev.workflows)
        await worker.complete(await worker.poll())
        (await asked_for(dev)).cancel()
    async with in_process(db_path=tmp_path / "dev.db") as dev:
        worker = Worker(dev.workflows)
        task = await worker.poll()
        assert [message.id for message in task.messages] == ["u/request"]
        await worker.complete(task, messages=[accepts(), responds()])
        assert (await look(dev)).stage == COMPLETED
