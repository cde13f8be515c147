"""Resets of running and closed runs: one commit, survived by a restart."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from temporalio.api.common.v1 import Priority
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PostResetOperation

from tests.support.inprocess import InProcess, in_process, refused
from tests.support.steps import (
    complete,
    complete_workflow,
    continue_as_new,
    describe,
    event_names,
    history,
    poll,
    reset,
    signal,
    step,
)

INVALID = grpc.StatusCode.INVALID_ARGUMENT
_S = WorkflowExecutionStatus


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[InProcess]:
    async with in_process(db_path=tmp_path / "dev.db") as running:
        yield running


async def ran(world: InProcess, workflow_id: str = "w") -> str:
    """A run with two completed workflow tasks and a signal between them: events 1 to 8."""
    await world.start(workflow_id)
    await step(world)
    await signal(world, workflow_id, request_id="signal")
    await step(world)
    info = (await describe(world, workflow_id)).workflow_execution_info
    return str(info.execution.run_id)


async def test_a_running_run_ends_and_the_new_one_takes_its_id(world: InProcess) -> None:
    old = await ran(world)
    new = await reset(world, "w", 4)
    assert (await event_names(world, "w", old))[-1] == "WORKFLOW_EXECUTION_TERMINATED"
    terminated = (await history(world, "w", old))[-1].workflow_execution_terminated_event_attributes
    assert (terminated.identity, terminated.reason) == ("history-resetter", "why")
    current = await describe(world, "w")
    assert current.workflow_execution_info.execution.run_id == new
    assert current.workflow_execution_info.first_run_id == old
    assert current.workflow_execution_info.state_transition_count == 2
    assert current.workflow_extended_info.HasField("last_reset_time")
    original, begun = current.workflow_extended_info.original_start_time, current.workflow_execution_info.start_time
    assert original.ToNanoseconds() < begun.ToNanoseconds()
    assert (await describe(world, "w", old)).workflow_extended_info.reset_run_id == new
    assert (await event_names(world, "w"))[3:] == [
        "WORKFLOW_TASK_FAILED",
        "WORKFLOW_EXECUTION_SIGNALED",
        "WORKFLOW_TASK_SCHEDULED",
    ]


async def test_a_closed_run_stays_as_it_ended(world: InProcess) -> None:
    old = await ran(world)
    await world.terminate("w")
    new = await reset(world, "w", 8)
    assert (await event_names(world, "w", old))[-1] == "WORKFLOW_EXECUTION_TERMINATED"
    told = await describe(world, "w", old)
    assert told.workflow_extended_info.reset_run_id == new
    assert (await describe(world, "w")).workflow_execution_info.status == _S.WORKFLOW_EXECUTION_STATUS_RUNNING


async def test_the_new_run_goes_on_with_a_worker(world: InProcess) -> None:
    await ran(world)
    await reset(world, "w", 8)
    task = await poll(world)
    assert [event.event_id for event in task.history.events] == list(range(1, 11))
    await complete(world, task, complete_workflow())
    assert (await describe(world, "w")).workflow_execution_info.status == _S.WORKFLOW_EXECUTION_STATUS_COMPLETED


async def test_the_task_of_the_old_run_is_handed_to_nobody(world: InProcess) -> None:
    await ran(world)
    await signal(world, "w")
    new = await reset(world, "w", 4)
    task = await poll(world)
    assert task.workflow_execution.run_id == new


async def test_a_worker_that_still_has_the_old_task_is_told_so(world: InProcess) -> None:
    await ran(world)
    await signal(world, "w")
    task = await poll(world)
    await reset(world, "w", 4)
    with refused(grpc.StatusCode.NOT_FOUND, ""):
        await complete(world, task)


async def test_an_older_run_can_be_reset_while_another_one_runs(world: InProcess) -> None:
    first = await ran(world)
    await step_continue_as_new(world)
    await signal(world, "w", "later")
    current = (await describe(world, "w")).workflow_execution_info.execution.run_id
    new = await reset(world, "w", 4, run_id=first)
    assert new != current
    ended = await history(world, "w", current)
    assert ended[-1].workflow_execution_terminated_event_attributes.identity == "history-resetter"
    signals = [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in await history(world, "w", new)
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert signals == ["s", "wake", "later"]
    assert (await describe(world, "w", first)).workflow_extended_info.reset_run_id == new
    assert not (await describe(world, "w", current)).workflow_extended_info.reset_run_id


async def step_continue_as_new(world: InProcess) -> None:
    await signal(world, "w", "wake")
    await step(world, continue_as_new())


async def test_the_same_request_resets_again(world: InProcess) -> None:
    old = await ran(world)
    first = await reset(world, "w", 4, run_id=old, request_id="same")
    second = await reset(world, "w", 4, run_id=old, request_id="same")
    assert first != second


async def test_a_reset_run_can_be_cut_where_its_base_run_could(world: InProcess) -> None:
    await ran(world)
    await reset(world, "w", 8)
    with refused(INVALID, "event ID: 1, version: 0, this event must be at the boundary"):
        await reset(world, "w", 2)
    with refused(INVALID, "WorkflowTaskStarted + 1]: 5"):
        await reset(world, "w", 5)
    assert await reset(world, "w", 4)


async def test_a_refused_reset_leaves_everything_as_it_was(world: InProcess) -> None:
    await ran(world)
    with refused(INVALID, "unsupported post reset operation"):
        await reset(world, "w", 4, post_reset_operations=[PostResetOperation()])
    with refused(INVALID, "must be > 1 && <= workflow last event ID"):
        await reset(world, "w", 100)
    assert len(await history(world, "w")) == 8


async def test_options_can_be_changed_with_the_reset(world: InProcess) -> None:
    await ran(world)
    operation = PostResetOperation()
    change = operation.update_workflow_options
    change.workflow_execution_options.priority.CopyFrom(Priority(priority_key=1))
    change.update_mask.paths.append("priority")
    await reset(world, "w", 4, post_reset_operations=[operation])
    assert (await event_names(world, "w"))[5] == "WORKFLOW_EXECUTION_OPTIONS_UPDATED"
    assert (await describe(world, "w")).workflow_execution_info.priority.priority_key == 1


async def test_resets_at_the_same_time_leave_one_run_open(world: InProcess) -> None:
    old = await ran(world)
    runs = await asyncio.gather(*(reset(world, "w", 4, run_id=old, request_id=f"r{number}") for number in range(5)))
    statuses = [(await describe(world, "w", run)).workflow_execution_info.status for run in runs]
    assert statuses.count(_S.WORKFLOW_EXECUTION_STATUS_RUNNING) == 1


async def test_a_reset_survives_a_restart(tmp_path: Path) -> None:
    async with in_process(db_path=tmp_path / "dev.db") as world:
        old = await ran(world)
        new = await reset(world, "w", 4)
        before = await describe(world, "w"), await describe(world, "w", old)
    async with in_process(db_path=tmp_path / "dev.db") as world:
        after = await describe(world, "w"), await describe(world, "w", old)
        assert after == before
        assert (await poll(world)).workflow_execution.run_id == new
