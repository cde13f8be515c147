"""What is done to workflows from the terminal UI, against a real server."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot
from textual.widgets import Input

from tests.support.acting import Actor, type_name
from tests.support.commands import schedule_activity
from tests.support.inprocess import InProcess, in_process
from tests.tui.conftest import agree, screen_text, served, showing, until, until_dialog, until_shown
from wfctl.tui.models.run import RunRef
from wfctl.tui.screens.dialogs import Dialog, Menu


async def choose(pilot: Pilot[None], letter: str) -> None:
    await pilot.press("a")
    await until(pilot, lambda: isinstance(pilot.app.screen, Menu))
    await pilot.press(letter)
    await until_dialog(pilot)


async def fill(pilot: Pilot[None], **values: str) -> None:
    for name, value in values.items():
        pilot.app.screen.query_one(f"#{name}", Input).value = value
    await agree(pilot)
    await pilot.pause()


async def events_of(server: InProcess, workflow_id: str) -> list[Any]:
    return await Actor(server.workflows).history(workflow_id)


async def until_event(pilot: Pilot[None], server: InProcess, workflow_id: str, type: str) -> Any:
    event = await Actor(server.workflows).wait_for_event(workflow_id, type)
    await pilot.pause()
    return event


async def test_a_signal_is_sent_with_its_input() -> None:
    async with in_process() as server, showing(served(server)) as (_, pilot):
        await server.start("order-1")
        await until_shown(pilot, "order-1")
        await choose(pilot, "s")
        await fill(pilot, **{"field-name": "approve", "field-input": '{"by": "ada"}'})
        event = await until_event(pilot, server, "order-1", "WORKFLOW_EXECUTION_SIGNALED")
        signaled = event.workflow_execution_signaled_event_attributes
        assert signaled.signal_name == "approve"
        assert signaled.input.payloads[0].data == b'{"by": "ada"}'
        assert signaled.identity == "tester"


async def test_input_that_is_not_json_is_refused_before_anything_is_sent() -> None:
    async with in_process() as server, showing(served(server)) as (_, pilot):
        await server.start("order-1")
        await until_shown(pilot, "order-1")
        await choose(pilot, "s")
        await fill(pilot, **{"field-name": "approve", "field-input": "{oops"})
        await until_shown(pilot, "is not JSON")
        assert len(await events_of(server, "order-1")) == 2


async def test_a_needed_field_is_asked_for_again() -> None:
    async with in_process() as server, showing(served(server)) as (_, pilot):
        await server.start("order-1")
        await until_shown(pilot, "order-1")
        await choose(pilot, "s")
        await fill(pilot)
        await until_shown(pilot, "Signal is needed")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, Dialog))


async def test_cancel_terminate_and_delete_do_what_they_say() -> None:
    async with in_process() as server, showing(served(server)) as (_, pilot):
        await server.start("order-1")
        await until_shown(pilot, "order-1")
        await choose(pilot, "c")
        await fill(pilot, **{"field-reason": "too late"})
        event = await until_event(pilot, server, "order-1", "WORKFLOW_EXECUTION_CANCEL_REQUESTED")
        assert event.workflow_execution_cancel_requested_event_attributes.cause == "too late"
        await choose(pilot, "t")
        await fill(pilot, **{"field-reason": "at once"})
        event = await until_event(pilot, server, "order-1", "WORKFLOW_EXECUTION_TERMINATED")
        assert event.workflow_execution_terminated_event_attributes.reason == "at once"
        await until_shown(pilot, "■ Terminated")
        await choose(pilot, "d")
        await fill(pilot)
        await until_shown(pilot, "that is not delete")
        await fill(pilot, **{"must-type": "delete"})
        await until_shown(pilot, "no workflows")


async def test_a_dialog_acts_on_the_run_that_was_selected_when_it_opened() -> None:
    async with in_process() as server, showing(served(server), idle_seconds=0.2) as (_, pilot):
        await server.start("first")
        await until_shown(pilot, "first")
        await choose(pilot, "t")
        await server.start("second")
        await fill(pilot)
        await until_event(pilot, server, "first", "WORKFLOW_EXECUTION_TERMINATED")
        assert [type_name(event) for event in await events_of(server, "second")][-1] == "WORKFLOW_TASK_SCHEDULED"


async def test_a_batch_says_how_many_and_wants_the_number_typed() -> None:
    async with in_process() as server, showing(served(server)) as (_, pilot):
        for number in range(3):
            await server.start(f"order-{number}")
        await pilot.press("f5")
        await until_shown(pilot, "Running 3")
        await pilot.press("asterisk")
        await choose(pilot, "t")
        assert "End 3 workflows at once" in screen_text(pilot.app)
        await fill(pilot, **{"must-type": "2"})
        await until_shown(pilot, "that is not 3")
        await fill(pilot, **{"must-type": "3"})
        for number in range(3):
            await until_event(pilot, server, f"order-{number}", "WORKFLOW_EXECUTION_TERMINATED")


async def test_a_workflow_is_started_and_started_again_with_the_same_input() -> None:
    async with in_process() as server, showing(served(server)) as (_, pilot):
        await until_shown(pilot, "no workflows")
        await pilot.press("n")
        await until_dialog(pilot)
        values = {"field-id": "new-1", "field-type": "T", "field-queue": "queue", "field-input": '1 "two"'}
        await fill(pilot, **values)
        await until_shown(pilot, "● Running 1")
        await choose(pilot, "a")
        await fill(pilot, **{"field-id": "new-2"})
        event = await until_event(pilot, server, "new-2", "WORKFLOW_EXECUTION_STARTED")
        started = event.workflow_execution_started_event_attributes
        assert [payload.data for payload in started.input.payloads] == [b"1", b'"two"']


async def test_a_reset_is_offered_at_the_workflow_task_before_the_cursor() -> None:
    async with in_process() as server, showing(served(server)) as (app, pilot):
        actor = Actor(server.workflows)
        await server.start("order-1")
        await actor.step(schedule_activity("1"))
        app.open_run(RunRef("order-1"))
        await until_shown(pilot, "A (id 1)")
        await choose(pilot, "r")
        assert app.screen.query_one("#field-event", Input).value == "4"
        first_run = await actor.run_id("order-1")
        await fill(pilot, **{"field-reason": "again"})

        async def is_reset() -> bool:
            return await actor.run_id("order-1") != first_run

        await until_shown(pilot, "the new run is")
        assert await is_reset()


async def test_an_activity_is_completed_and_failed_by_hand() -> None:
    async with in_process() as server, showing(served(server), idle_seconds=0.2) as (app, pilot):
        actor = Actor(server.workflows)
        await server.start("order-1")
        await actor.step(schedule_activity("1"))
        app.open_run(RunRef("order-1"))
        await until_shown(pilot, "A (id 1)")
        await pilot.press("4")
        await until_shown(pilot, "scheduled")
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, Menu))
        await pilot.press("p")
        await until_dialog(pilot)
        await fill(pilot)
        await until_shown(pilot, "paused")
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, Menu))
        await pilot.press("c")
        await until_dialog(pilot)
        await fill(pilot, **{"field-result": '"by hand"'})
        event = await until_event(pilot, server, "order-1", "ACTIVITY_TASK_COMPLETED")
        assert event.activity_task_completed_event_attributes.result.payloads[0].data == b'"by hand"'


async def test_read_only_does_nothing_and_says_so() -> None:
    async with in_process() as server, showing(served(server, read_only=True)) as (app, pilot):
        await server.start("order-1")
        await until_shown(pilot, "order-1")
        await pilot.press("a")
        await until_shown(pilot, "this is read-only")
        await pilot.press("n")
        await pilot.pause()
        assert not isinstance(app.screen, Dialog | Menu)
