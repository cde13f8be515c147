"""Five incidents, played on a server: within three keys from the list, the answer is on the screen."""

from __future__ import annotations

from typing import Any

from temporalio.api.enums.v1 import ResetReapplyExcludeType, WorkflowTaskFailedCause
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    ResetWorkflowExecutionRequest,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
    RespondWorkflowTaskFailedRequest,
)
from textual.pilot import Pilot

from tests.support.acting import Actor, attributes, command
from tests.support.commands import schedule_activity
from tests.support.histories import application_failure
from tests.support.inprocess import in_process
from tests.tui.conftest import screen_text, served, showing, until, until_shown
from wfctl.tui.screens.dialogs import Dialog


async def take_activity(workflows: Any) -> Any:
    request = PollActivityTaskQueueRequest(
        namespace="default", task_queue=TaskQueue(name="activities"), identity="worker-7"
    )
    return await workflows.PollActivityTaskQueue(request, timeout=10)


async def complete_activity(workflows: Any) -> None:
    task = await take_activity(workflows)
    await workflows.RespondActivityTaskCompleted(
        RespondActivityTaskCompletedRequest(namespace="default", task_token=task.task_token)
    )


async def fail_activity(workflows: Any, message: str) -> None:
    task = await take_activity(workflows)
    await workflows.RespondActivityTaskFailed(
        RespondActivityTaskFailedRequest(
            namespace="default", task_token=task.task_token, identity="worker-7", failure=application_failure(message)
        )
    )


async def press_and_read(pilot: Pilot[None], *keys: str, shown: str) -> str:
    """From the list, which stands on the run in question."""
    assert len(keys) <= 3
    for key in keys:
        await pilot.press(key)
    await until_shown(pilot, shown)
    return screen_text(pilot.app)


async def test_stuck_on_a_missing_worker() -> None:
    async with in_process() as server, showing(served(server)) as (_, pilot):
        await server.start("order-1")
        await until_shown(pilot, "order-1")
        text = await press_and_read(pilot, "enter", shown="no worker polls task queue 'queue'")
        assert "Workflow task waiting for a worker" in text


async def test_a_loop_of_nondeterminism() -> None:
    async with in_process() as server, showing(served(server)) as (_, pilot):
        actor = Actor(server.workflows)
        await server.start("order-1")
        for _ in range(2):
            task = await actor.poll()
            await server.workflows.RespondWorkflowTaskFailed(
                RespondWorkflowTaskFailedRequest(
                    namespace="default",
                    task_token=task.task_token,
                    cause=WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR,
                    failure=application_failure("activity 'charge' expected, timer scheduled", "NondeterminismError"),
                )
            )
        await until_shown(pilot, "order-1")
        text = await press_and_read(pilot, "enter", shown="NonDeterministicError at event 4")
        assert "NondeterminismError: activity 'charge' expected" in " ".join(text.split())


async def test_a_poison_activity() -> None:
    async with in_process() as server, showing(served(server)) as (_, pilot):
        actor = Actor(server.workflows)
        await server.start("order-1")
        await actor.step(schedule_activity("1"))
        await fail_activity(server.workflows, "row 17 has no currency")
        await until_shown(pilot, "order-1")
        text = " ".join((await press_and_read(pilot, "enter", shown="row 17 has no currency")).split())
        assert "attempt 2" in text
        text = await press_and_read(pilot, "w", shown="orders.py")
        assert "worker-7" in text


async def test_a_signal_lost_by_a_reset() -> None:
    async with in_process() as server, showing(served(server)) as (app, pilot):
        actor = Actor(server.workflows)
        await server.start("order-1")
        await actor.step(schedule_activity("1"))
        await server.signal("order-1")
        first_run = await actor.run_id("order-1")
        request = ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_task_finish_event_id=4,
            reset_reapply_exclude_types=[ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL],
            request_id="reset",
        )
        request.workflow_execution.workflow_id, request.workflow_execution.run_id = "order-1", first_run
        await server.workflows.ResetWorkflowExecution(request)
        await until_shown(pilot, "Terminated 1")
        # The newest run is the first of the list; what its history lacks is in that of the run before.
        await pilot.press("D")
        await until(pilot, lambda: isinstance(app.screen, Dialog))
        await pilot.press("enter")
        await until_shown(pilot, "Never sent again: signal s")


async def test_a_saga_that_was_compensated_by_half() -> None:
    async with in_process() as server, showing(served(server)) as (_, pilot):
        actor = Actor(server.workflows)
        await server.start("order-1")
        for name in ("reserve", "refund"):
            await actor.step(schedule_activity(name))
            await complete_activity(server.workflows)
        once = schedule_activity("release")
        once.schedule_activity_task_command_attributes.retry_policy.maximum_attempts = 1
        await actor.step(once)
        await fail_activity(server.workflows, "warehouse is closed")
        failed = await actor.wait_for_event("order-1", "ACTIVITY_TASK_FAILED")
        ended = command("FAIL_WORKFLOW_EXECUTION", failure=attributes(failed).failure)
        await actor.step(ended)
        await until_shown(pilot, "Failed 1")
        text = await press_and_read(pilot, "enter", shown="warehouse is closed")
        assert "Failed after" in text
        text = await press_and_read(pilot, "2", shown="+Time")
        lines = [line for line in text.split("\n") if "A (id re" in line]
        assert [next(mark for mark in "✓✗" if mark in line) for line in lines] == ["✓", "✓", "✗"], text
