"""Every action of the terminal UI, by its keys, on a dev server with a worker of the Python SDK; checked on the server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from temporalio.api.common.v1 import WorkflowExecution, WorkflowType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)
from textual.pilot import Pilot
from textual.widgets import Input, Label

from tests.support.acting import Actor, attributes, type_name
from tests.support.acting import until as until_true
from tests.support.inprocess import InProcess, in_process
from tests.support.sdk_worker import sdk_worker
from tests.tui.conftest import FixedApp, agree, screen_text, served, showing, until, until_dialog, until_shown
from wfctl.tui.feeds.actions import ACTIONS, QUERY, RESET, SIGNAL, START, UPDATE
from wfctl.tui.feeds.activities import ACTIVITY_ACTIONS
from wfctl.tui.feeds.requests import Action, payloads
from wfctl.tui.models.run import RunRef
from wfctl.tui.screens.acting import Acting
from wfctl.tui.screens.dialogs import Dialog, Menu

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUEUE = "orders"
_NUMBERS = count(1)


@dataclass
class World:
    """The server, its worker, and somebody who looks at what the server has."""

    server: InProcess
    actor: Actor = field(init=False)

    def __post_init__(self) -> None:
        self.actor = Actor(self.server.workflows)

    async def start(self, argument: str, type: str = "Order", workflow_id: str = "") -> str:
        workflow_id = workflow_id or f"{type.lower()}-{next(_NUMBERS)}"
        await self.server.workflows.StartWorkflowExecution(
            StartWorkflowExecutionRequest(
                namespace="default",
                workflow_id=workflow_id,
                request_id=f"request-{next(_NUMBERS)}",
                workflow_type=WorkflowType(name=type),
                task_queue=TaskQueue(name=QUEUE),
                input=payloads(f'"{argument}"'),
            )
        )
        return workflow_id

    async def order(self) -> str:
        """An order that has been packed and waits for what it is told."""
        workflow_id = await self.start("books")
        await self.actor.wait_for_event(workflow_id, "ACTIVITY_TASK_COMPLETED")
        await self.until_quiet(workflow_id)
        return workflow_id

    async def until_quiet(self, workflow_id: str) -> None:
        """Until the worker has nothing to do."""

        async def is_quiet() -> bool:
            description = await self.actor.describe(workflow_id)
            has_task: bool = description.HasField("pending_workflow_task")
            return not has_task

        await until_true(is_quiet)

    async def signal(self, workflow_id: str, name: str, text: str) -> None:
        await self.server.workflows.SignalWorkflowExecution(
            SignalWorkflowExecutionRequest(
                namespace="default",
                workflow_execution=WorkflowExecution(workflow_id=workflow_id),
                signal_name=name,
                input=payloads(text),
            )
        )

    async def step(self, activity: str) -> str:
        """A workflow with one pending activity: taken up by somebody (`by_hand`), or failed once (`unlucky`)."""
        workflow_id = await self.start(activity, "Step")

        async def is_there() -> bool:
            found = await self.pending(workflow_id)
            return found is not None and (found.attempt > 1 if activity == "unlucky" else found.state == 2)

        await until_true(is_there)
        return workflow_id

    async def pending(self, workflow_id: str) -> Any:
        activities = (await self.actor.describe(workflow_id)).pending_activities
        return activities[0] if activities else None

    async def status(self, workflow_id: str, run_id: str = "") -> int:
        description = await self.actor.describe(workflow_id, run_id)
        return int(description.workflow_execution_info.status)

    async def is_gone(self, workflow_id: str, run_id: str = "") -> bool:
        try:
            await self.actor.describe(workflow_id, run_id)
        except grpc.aio.AioRpcError as error:
            return bool(error.code() == grpc.StatusCode.NOT_FOUND)
        return False


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    async with in_process() as server:
        async with sdk_worker(server, Path(__file__).parent / "actions_worker.py", QUEUE):
            yield World(server)


# At the keys.


async def choose(pilot: Pilot[None], letter: str, menu_key: str = "a") -> None:
    await pilot.press(menu_key)
    await until(pilot, lambda: isinstance(pilot.app.screen, Menu))
    await pilot.press(letter)
    await until_dialog(pilot)


async def fill(pilot: Pilot[None], values: Mapping[str, str], must_type: str = "") -> None:
    for name, value in values.items():
        pilot.app.screen.query_one(f"#field-{name}", Input).value = value
    if must_type:
        pilot.app.screen.query_one("#must-type", Input).value = must_type
    await agree(pilot)
    await pilot.pause()


def notices(pilot: Pilot[None]) -> str:
    """What toasts say, which wrap where they like on the screen."""
    return "\n".join(notice.message for notice in pilot.app._notifications)


def looking_at(world: World, *workflow_ids: str, **options: Any) -> Any:
    """The list of these workflows."""
    filter = " OR ".join(f"WorkflowId = '{workflow_id}'" for workflow_id in workflow_ids)
    return showing(served(world.server, **options), filter=filter, idle_seconds=0.2)


# What each action of a run does.


async def signaled(world: World, workflow_id: str) -> None:
    event = await world.actor.wait_for_event(workflow_id, "WORKFLOW_EXECUTION_SIGNALED")
    assert attributes(event).signal_name == "approve"
    assert attributes(event).input.payloads[0].data == b'"ada"'
    assert attributes(event).identity == "tester"
    ended = await world.actor.wait_for_event(workflow_id, "WORKFLOW_EXECUTION_COMPLETED")
    assert b"approved by ada" in attributes(ended).result.payloads[0].data


async def queried(world: World, workflow_id: str) -> None:
    assert "WORKFLOW_EXECUTION_SIGNALED" not in await world.actor.event_types(workflow_id)


async def updated(world: World, workflow_id: str) -> None:
    event = await world.actor.wait_for_event(workflow_id, "WORKFLOW_EXECUTION_UPDATE_COMPLETED")
    assert attributes(event).outcome.success.payloads[0].data == b"1"


async def cancelled(world: World, workflow_id: str) -> None:
    event = await world.actor.wait_for_event(workflow_id, "WORKFLOW_EXECUTION_CANCEL_REQUESTED")
    assert attributes(event).cause == "too late"
    await world.actor.wait_for_event(workflow_id, "WORKFLOW_EXECUTION_CANCELED")


async def terminated(world: World, workflow_id: str) -> None:
    event = await world.actor.wait_for_event(workflow_id, "WORKFLOW_EXECUTION_TERMINATED")
    assert attributes(event).reason == "at once"


async def was_reset(world: World, workflow_id: str) -> None:
    event = await world.actor.wait_for_event(workflow_id, "WORKFLOW_TASK_FAILED")
    assert attributes(event).base_run_id
    assert "ACTIVITY_TASK_COMPLETED" in await world.actor.event_types(workflow_id), "at the last workflow task"


async def started_again(world: World, workflow_id: str) -> None:
    first, again = [
        attributes((await world.actor.history(found))[0]) for found in (workflow_id, f"{workflow_id}-again")
    ]
    assert (again.workflow_type, again.input, again.task_queue.name) == (first.workflow_type, first.input, QUEUE)


async def goes_on(world: World, workflow_id: str) -> None:
    assert await world.status(workflow_id) == 1


async def deleted(world: World, workflow_id: str) -> None:
    await until_true(lambda: world.is_gone(workflow_id))


@dataclass(frozen=True)
class Row:
    """An action, what is typed into its dialog, what is then so on the server, and what the screen says."""

    name: str
    typed: Mapping[str, str]
    check: Callable[[World, str], Awaitable[None]]
    said: str
    must_type: str = ""


RUN_ROWS = (
    Row("Signal", {"name": "approve", "input": '"ada"'}, signaled, "signal approve sent"),
    Row("Query", {"name": "status", "input": "true"}, queried, "0 ITEMS"),
    Row("Update", {"name": "add", "input": '"ink"'}, updated, "update add"),
    Row("Cancel", {"reason": "too late"}, cancelled, "cancellation requested"),
    Row("Terminate", {"reason": "at once"}, terminated, "terminated"),
    Row("Reset", {"reason": "once more"}, was_reset, "the new run is"),
    Row("Start again", {"id": "{id}-again"}, started_again, "started as run"),
    # The dev server has no pause of workflows yet and says so; test_nouns.py has what is sent to a server that does.
    Row("Pause", {"reason": "wait"}, goes_on, "PauseWorkflowExecution is not implemented"),
    Row("Unpause", {"reason": "on"}, goes_on, "UnpauseWorkflowExecution is not implemented"),
    Row("Delete", {}, deleted, "deleted", "delete"),
)


def action_of(name: str, actions: Sequence[Action[Any]] = ACTIONS) -> Action[Any]:
    return next(action for action in actions if action.name == name)


def named(row: Row) -> str:
    return row.name


async def test_no_action_of_a_run_is_without_a_row() -> None:
    assert [row.name for row in RUN_ROWS] == [action.name for action in ACTIONS]
    assert [row.name for row in ACTIVITY_ROWS] == [action.name for action in ACTIVITY_ACTIONS]


@pytest.mark.parametrize("row", RUN_ROWS, ids=named)
async def test_an_action_does_to_a_run_what_it_says(world: World, row: Row) -> None:
    workflow_id = await world.order()
    async with looking_at(world, workflow_id) as (_, pilot):
        await until_shown(pilot, f" {workflow_id} ")
        await choose(pilot, action_of(row.name).key)
        assert workflow_id in screen_text(pilot.app)
        typed = {name: value.replace("{id}", workflow_id) for name, value in row.typed.items()}
        await fill(pilot, typed, row.must_type)
        await until(pilot, lambda: row.said in screen_text(pilot.app) or row.said in notices(pilot))
        await row.check(world, workflow_id)


@pytest.mark.parametrize("row", [row for row in RUN_ROWS if action_of(row.name).batchable], ids=named)
async def test_a_batch_shows_its_count_first_and_does_it_to_each(world: World, row: Row) -> None:
    ids = [await world.order() for _ in range(2)]
    action = action_of(row.name)
    async with looking_at(world, *ids) as (_, pilot):
        await until_shown(pilot, "All 2")
        await pilot.press("asterisk")
        await choose(pilot, action.key)
        assert "2 workflows" in screen_text(pilot.app)
        if action.destructive:
            await fill(pilot, row.typed, "3")
            await until_shown(pilot, "that is not 2")
        await fill(pilot, row.typed, "2" if action.destructive else "")
        refused = "is not implemented" in row.said
        await until_shown(pilot, f"{row.name.lower()}: {'0 done, 2 failed' if refused else '2 done'}")
        for workflow_id in ids:
            await row.check(world, workflow_id)


@pytest.mark.parametrize("row", [row for row in RUN_ROWS if action_of(row.name).destructive], ids=named)
async def test_what_is_confirmed_is_done_to_the_run_that_was_selected_when_the_dialog_opened(
    world: World, row: Row
) -> None:
    workflow_id = await world.order()
    first_run = await world.actor.run_id(workflow_id)
    async with looking_at(world, workflow_id) as (_, pilot):
        await until_shown(pilot, f" {workflow_id} ")
        await choose(pilot, action_of(row.name).key)
        assert f"(run {first_run})" in "".join(str(label.render()) for label in pilot.app.screen.query(Label))
        await world.server.workflows.TerminateWorkflowExecution(
            TerminateWorkflowExecutionRequest(
                namespace="default", workflow_execution=WorkflowExecution(workflow_id=workflow_id)
            )
        )
        await world.start("another", workflow_id=workflow_id)
        await world.actor.wait_for_event(workflow_id, "ACTIVITY_TASK_COMPLETED")
        second_run = await world.actor.run_id(workflow_id)
        await fill(pilot, row.typed, row.must_type)
        await until(pilot, lambda: not isinstance(pilot.app.screen, Dialog))
        if row.name == "Reset":
            # A reset is of the run that was chosen; that it ends the current one is Temporal's own rule.
            await was_reset(world, workflow_id)
            (event,) = [e for e in await world.actor.history(workflow_id) if type_name(e) == "WORKFLOW_TASK_FAILED"]
            assert attributes(event).base_run_id == first_run
            return
        if row.name == "Delete":
            await until_true(lambda: world.is_gone(workflow_id, first_run))
        else:
            # To ask a closed run to cancel is no mistake to a server.
            await until_shown(pilot, "cancellation requested" if row.name == "Cancel" else "already completed")
        assert await world.status(workflow_id, second_run) == 1
        types = await world.actor.event_types(workflow_id, second_run)
        assert "WORKFLOW_EXECUTION_CANCEL_REQUESTED" not in types


# What each action of an activity does.


async def completed_by_hand(world: World, workflow_id: str) -> None:
    event = await world.actor.wait_for_event(workflow_id, "ACTIVITY_TASK_COMPLETED")
    assert attributes(event).result.payloads[0].data == b'"by ada"'
    await world.actor.wait_for_event(workflow_id, "WORKFLOW_EXECUTION_COMPLETED")


async def failed_by_hand(world: World, workflow_id: str) -> None:
    event = await world.actor.wait_for_event(workflow_id, "ACTIVITY_TASK_FAILED")
    assert attributes(event).failure.message == "no truck"
    await world.actor.wait_for_event(workflow_id, "WORKFLOW_EXECUTION_FAILED")


async def activity_paused(world: World, workflow_id: str) -> None:
    assert (await world.pending(workflow_id)).paused


async def activity_unpaused(world: World, workflow_id: str) -> None:
    assert not (await world.pending(workflow_id)).paused


async def activity_reset(world: World, workflow_id: str) -> None:
    async def is_new() -> bool:
        found = await world.pending(workflow_id)
        return found is not None and found.attempt <= 2 and found.last_failure.message != ""

    await until_true(is_new)


ACTIVITY_ROWS = (
    Row("Complete", {"result": '"by ada"'}, completed_by_hand, "activity completed"),
    Row("Fail", {"reason": "no truck"}, failed_by_hand, "activity failed"),
    Row("Pause", {"reason": "wait"}, activity_paused, "activity paused"),
    Row("Unpause", {}, activity_unpaused, "activity goes on"),
    Row("Reset", {}, activity_reset, "activity reset"),
)


@pytest.mark.parametrize("row", ACTIVITY_ROWS, ids=named)
async def test_an_action_does_to_a_pending_activity_what_it_says(world: World, row: Row) -> None:
    workflow_id = await world.step("by_hand" if row.name in ("Complete", "Fail") else "unlucky")
    if row.name == "Unpause":
        from temporalio.api.workflowservice.v1 import PauseActivityRequest

        execution = WorkflowExecution(workflow_id=workflow_id)
        await world.server.workflows.PauseActivity(
            PauseActivityRequest(namespace="default", execution=execution, id="step")
        )
        await activity_paused(world, workflow_id)
    async with showing(served(world.server), idle_seconds=0.2) as (app, pilot):
        await open_run(app, pilot, workflow_id, "(id step)")
        await pilot.press("4")
        await until_shown(pilot, "activity")
        await choose(pilot, action_of(row.name, ACTIVITY_ACTIONS).key, "m")
        assert "(id step)" in screen_text(app)
        await fill(pilot, row.typed)
        await until(pilot, lambda: row.said in screen_text(app) or row.said in notices(pilot))
        await row.check(world, workflow_id)


async def open_run(app: FixedApp, pilot: Pilot[None], workflow_id: str, shown: str) -> None:
    app.open_run(RunRef(workflow_id))
    await until_shown(pilot, shown)


# Start.


async def test_a_workflow_is_started_with_its_input(world: World) -> None:
    workflow_id = f"new-{next(_NUMBERS)}"
    async with looking_at(world, workflow_id) as (_, pilot):
        await until_shown(pilot, "no workflows match")
        await pilot.press(START.key)
        await until_dialog(pilot)
        assert "namespace default" in screen_text(pilot.app)
        await fill(pilot, {"id": workflow_id, "type": "Order", "queue": QUEUE, "input": '"pens"'})
        await until_shown(pilot, "started as run")
        event = await world.actor.wait_for_event(workflow_id, "ACTIVITY_TASK_COMPLETED")
        assert attributes(event).result.payloads[0].data == b'"packed pens"'


# A reset, and what it costs.


async def test_a_reset_says_what_is_lost_and_what_is_sent_again_before_it_is_done(world: World) -> None:
    workflow_id = await world.order()
    await world.signal(workflow_id, "note", '"fragile"')
    await world.until_quiet(workflow_id)
    first_run = await world.actor.run_id(workflow_id)
    async with showing(served(world.server), idle_seconds=0.2) as (app, pilot):
        await open_run(app, pilot, workflow_id, "signal note")
        await pilot.press("end")
        await choose(pilot, RESET.key)
        assert app.screen.query_one("#field-event", Input).value == "10", "the workflow task before the signal"
        app.screen.query_one("#field-event", Input).value = "first"
        await until(pilot, lambda: "Done again: pack" in note_of(app))
        assert "At event 4: " in note_of(app)
        assert "Sent again: 1 signal." in note_of(app)
        app.screen.query_one("#field-event", Input).value = "5"
        await until(pilot, lambda: "is not the end of a workflow task" in note_of(app))
        await fill(pilot, {"event": "4"})
        await until_shown(pilot, "the new run is")
    await was_reset(world, workflow_id)
    assert await world.actor.run_id(workflow_id) != first_run
    types = await world.actor.event_types(workflow_id)
    assert types.index("WORKFLOW_EXECUTION_SIGNALED") < types.index("ACTIVITY_TASK_COMPLETED")


def note_of(app: FixedApp) -> str:
    labels = app.screen.query(".note")
    return str(labels.first(Label).render()) if labels else ""


async def test_a_reset_from_the_list_reads_what_it_would_cost(world: World) -> None:
    workflow_id = await world.order()
    async with looking_at(world, workflow_id) as (app, pilot):
        await until_shown(pilot, f" {workflow_id} ")
        await choose(pilot, RESET.key)
        assert "left behind" in note_of(app)


# What a workflow's code can be asked.


async def test_what_a_workflow_can_be_asked_is_listed_and_asked_with_arguments(world: World) -> None:
    workflow_id = await world.order()
    async with showing(served(world.server), idle_seconds=0.2) as (app, pilot):
        await open_run(app, pilot, workflow_id, "pack")
        await pilot.press("6")
        await until_shown(pilot, "approve")
        for kind, name, typed, shown in (
            ("query", "status", "true", "0 ITEMS"),
            ("update", "add", '"ink"', "update add"),
            ("query", "status", "false", "1 items"),
            ("signal", "approve", '"ada"', "signal approve sent"),
        ):
            await until_shown(pilot, kind)
            await go_to_handler(pilot, kind, name)
            await until_dialog(pilot)
            await fill(pilot, {"input": typed})
            await until_shown(pilot, shown)
        await world.actor.wait_for_event(workflow_id, "WORKFLOW_EXECUTION_COMPLETED")


async def go_to_handler(pilot: Pilot[None], kind: str, name: str) -> None:
    from wfctl.tui.widgets.grid import Grid

    grid = pilot.app.screen.query_one("#handlers").query_one(Grid)
    grid.cursor = next(at for at, row in enumerate(grid.rows) if (row.kind, row.name) == (kind, name))
    await pilot.press("enter")


async def test_where_the_code_stands_is_shown(world: World) -> None:
    workflow_id = await world.order()
    async with showing(served(world.server), idle_seconds=0.2) as (app, pilot):
        await open_run(app, pilot, workflow_id, "pack")
        await pilot.press("7")
        await until_shown(pilot, "run (workflow: Order")
        shown = screen_text(app)
        assert shown.index("run (workflow: Order") < shown.index("query: __stack_trace")


# What is not done.


async def test_input_that_is_not_json_is_refused_before_anything_is_sent(world: World) -> None:
    workflow_id = await world.order()
    before = await world.actor.event_types(workflow_id)
    async with looking_at(world, workflow_id) as (_, pilot):
        await until_shown(pilot, f" {workflow_id} ")
        await choose(pilot, SIGNAL.key)
        await fill(pilot, {"name": "approve", "input": "{oops"})
        await until_shown(pilot, "is not JSON")
    assert await world.actor.event_types(workflow_id) == before


async def test_a_needed_field_is_asked_for_again(world: World) -> None:
    workflow_id = await world.order()
    async with looking_at(world, workflow_id) as (_, pilot):
        await until_shown(pilot, f" {workflow_id} ")
        await choose(pilot, SIGNAL.key)
        await fill(pilot, {})
        await until_shown(pilot, "Signal is needed")


async def test_a_delete_wants_the_word_typed(world: World) -> None:
    workflow_id = await world.order()
    async with looking_at(world, workflow_id) as (_, pilot):
        await until_shown(pilot, f" {workflow_id} ")
        await choose(pilot, action_of("Delete").key)
        await fill(pilot, {})
        await until_shown(pilot, "that is not delete")
    assert await world.status(workflow_id) == 1


async def test_no_action_is_done_when_its_dialog_is_left(world: World) -> None:
    workflow_id = await world.order()
    before = await world.actor.event_types(workflow_id)
    async with looking_at(world, workflow_id) as (_, pilot):
        await until_shown(pilot, f" {workflow_id} ")
        for action in ACTIONS:
            if action.name != "Unpause":
                await choose(pilot, action.key)
                await pilot.press("escape")
                await until(pilot, lambda: not isinstance(pilot.app.screen, Dialog | Menu))
    assert await world.actor.event_types(workflow_id) == before
    assert await world.status(workflow_id) == 1


async def test_a_closed_workflow_is_offered_only_what_can_be_done_to_it(world: World) -> None:
    workflow_id = await world.order()
    await world.signal(workflow_id, "approve", '"ada"')
    await world.actor.wait_for_event(workflow_id, "WORKFLOW_EXECUTION_COMPLETED")
    async with looking_at(world, workflow_id) as (_, pilot):
        await until_shown(pilot, "✓ Completed")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.screen, Menu))
        offered = screen_text(pilot.app)
        for name in ("Query", "Reset", "Start again", "Delete"):
            assert name in offered
        for name in ("Signal", "Terminate", "Cancel "):
            assert name not in offered


async def test_read_only_does_nothing_and_says_so(world: World) -> None:
    workflow_id = await world.step("by_hand")
    before = await world.actor.event_types(workflow_id)
    async with looking_at(world, workflow_id, read_only=True) as (app, pilot):
        await until_shown(pilot, f" {workflow_id} ")
        for key in ("a", START.key):
            await pilot.press(key)
            await until_shown(pilot, "this is read-only")
            assert not isinstance(app.screen, Dialog | Menu)
        screen = app.screen
        assert isinstance(screen, Acting)
        for action in ACTIONS:
            if action.changes:
                await screen.perform(action, [RunRef(workflow_id)], workflow_id)
                assert not isinstance(app.screen, Dialog | Menu), f"{action.name} is offered"
        await open_run(app, pilot, workflow_id, "(id step)")
        await pilot.press("4", "m")
        await pilot.pause()
        assert not isinstance(app.screen, Dialog | Menu)
    assert await world.actor.event_types(workflow_id) == before
    assert [action.name for action in ACTIONS if not action.changes] == [QUERY.name]
    assert UPDATE.changes
