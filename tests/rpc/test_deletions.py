"""Deleting over the wire: what is gone, what stays, and who hears of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from temporalio.api.command.v1 import Command
from temporalio.api.enums.v1 import CommandType, ParentClosePolicy
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DeleteWorkflowExecutionRequest,
    PollWorkflowTaskQueueRequest,
)

from tests.support.inprocess import InProcess, in_process, refused
from tests.support.steps import continue_as_new, describe, event_names, named, step

NOT_FOUND = grpc.StatusCode.NOT_FOUND


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[InProcess]:
    async with in_process(db_path=tmp_path / "dev.db") as running:
        yield running


async def delete(world: InProcess, workflow_id: str, run_id: str = "") -> None:
    request = DeleteWorkflowExecutionRequest(namespace="default", workflow_execution=named(workflow_id, run_id))
    await world.workflows.DeleteWorkflowExecution(request)


async def rows(world: InProcess, table: str) -> int:
    found = await world.server.database.read(lambda raw: raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    return int(found)


@pytest.mark.parametrize("closed", [False, True])
async def test_nothing_is_left_of_a_deleted_run(world: InProcess, closed: bool) -> None:
    await world.start("w")
    if closed:
        await world.terminate("w")
    await delete(world, "w")
    assert [await rows(world, table) for table in ("executions", "history", "visibility")] == [0, 0, 0]
    with refused(NOT_FOUND, "workflow not found for ID: w"):
        await describe(world, "w")
    with refused(NOT_FOUND, "workflow not found for ID: w"):
        await delete(world, "w")
    count = await world.workflows.CountWorkflowExecutions(CountWorkflowExecutionsRequest(namespace="default"))
    assert count.count == 0


async def test_a_worker_gets_nothing_of_a_deleted_run(world: InProcess) -> None:
    await world.start("w")
    await delete(world, "w")
    await world.start("next")
    request = PollWorkflowTaskQueueRequest(namespace="default", identity="worker")
    request.task_queue.name = "queue"
    task = await world.workflows.PollWorkflowTaskQueue(request, timeout=10)
    assert task.workflow_execution.workflow_id == "next"


async def test_the_id_stands_for_the_run_before_the_deleted_one(world: InProcess) -> None:
    await world.start("w")
    first = (await describe(world, "w")).workflow_execution_info.execution.run_id
    await step(world, continue_as_new())
    second = (await describe(world, "w")).workflow_execution_info.execution.run_id
    await delete(world, "w", second)
    assert (await describe(world, "w")).workflow_execution_info.execution.run_id == first
    with refused(NOT_FOUND, f'and run ID "{second}"'):
        await describe(world, "w", second)


async def test_the_parent_of_a_deleted_child_hears_that_it_ended(world: InProcess) -> None:
    await world.start("w")
    start = Command(command_type=CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION)
    attributes = start.start_child_workflow_execution_command_attributes
    attributes.workflow_id, attributes.workflow_type.name, attributes.task_queue.name = "child", "C", "children"
    await step(world, start)
    await step(world)
    await delete(world, "child")
    await step(world)
    assert "CHILD_WORKFLOW_EXECUTION_TERMINATED" in await event_names(world, "w")


async def test_a_deleted_run_is_gone_after_a_restart(tmp_path: Path) -> None:
    async with in_process(db_path=tmp_path / "dev.db") as world:
        await world.start("w")
        await delete(world, "w")
    async with in_process(db_path=tmp_path / "dev.db") as world:
        with refused(NOT_FOUND, "workflow not found for ID: w"):
            await describe(world, "w")


async def test_the_children_of_a_deleted_parent_end_by_their_policy(world: InProcess) -> None:
    await world.start("w")
    start = Command(command_type=CommandType.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION)
    attributes = start.start_child_workflow_execution_command_attributes
    attributes.workflow_id, attributes.workflow_type.name, attributes.task_queue.name = "child", "C", "children"
    attributes.parent_close_policy = ParentClosePolicy.PARENT_CLOSE_POLICY_TERMINATE
    await step(world, start)
    await step(world)
    await delete(world, "w")
    assert (await event_names(world, "child"))[-1] == "WORKFLOW_EXECUTION_TERMINATED"
