"""The screens beside workflows: how they look, what they say where a server lacks them, and what can be done there."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from tests.support.inprocess import in_process
from tests.tui.conftest import (
    SIZES,
    FixedApp,
    check_snapshot,
    screen_lines,
    screen_text,
    served,
    showing,
    until,
    until_shown,
)
from tests.tui.recorded_server import RecordedServer
from wfctl.tui.feeds.nouns import RESOURCES, parts, schedules
from wfctl.tui.screens.base import View
from wfctl.tui.screens.dialogs import Dialog, Menu
from wfctl.tui.screens.resources import ResourceScreen

_SHOWN = {
    "schedules": "every 10m",
    "batches": "2 of 2",
    "task-queues": "nobody polls",
    "workers": "instance",
    "deployments": "Routing",
    "namespaces": "retention",
    "search-attributes": "In a query",
}
_LISTS = (
    "ListSchedules", "ListBatchOperations", "ListWorkers", "ListWorkerDeployments", "ListNamespaces",
    "ListSearchAttributes", "ListNexusEndpoints",
)  # fmt: skip


@pytest.fixture
def recorded_server(monkeypatch: pytest.MonkeyPatch) -> RecordedServer:
    server = RecordedServer()
    monkeypatch.setattr(parts, "now", lambda: server.at)
    monkeypatch.setattr(schedules, "now", lambda: server.at)
    return server


async def go(pilot: Pilot[None], app: FixedApp, noun: str) -> None:
    app.goto(noun)
    await until(pilot, lambda: isinstance(app.screen, ResourceScreen) and app.screen.resource.noun == noun)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_noun_looks_as_it_did(size: tuple[int, int], recorded_server: RecordedServer) -> None:
    async with showing(recorded_server, size) as (app, pilot):
        for noun, shown in _SHOWN.items():
            await go(pilot, app, noun)
            await until(pilot, lambda: "● live" in screen_lines(app)[0])
            if not app.screen.has_class("wide"):
                await pilot.press("d")
            if noun == "task-queues":
                await pilot.press("down")
            await until_shown(pilot, shown)
            check_snapshot(app, f"noun-{noun}")


async def test_a_noun_is_reached_by_its_name_and_by_a_short_one(recorded_server: RecordedServer) -> None:
    async with showing(recorded_server) as (_, pilot):
        await pilot.press("colon", *"tq", "enter")
        await until_shown(pilot, "Wf pollers")
        await pilot.press("colon", *"workers", "enter")
        await until_shown(pilot, "Heartbeat")
        await pilot.press("escape")
        await until(pilot, lambda: len(pilot.app.screen_stack) == 2)


@pytest.mark.parametrize("noun", [noun for noun in RESOURCES if noun != "task-queues"])
async def test_what_a_server_lacks_the_screen_says_in_its_words(noun: str) -> None:
    lacking = RecordedServer(lacking=_LISTS)
    async with showing(lacking) as (app, pilot):
        await go(pilot, app, noun)
        await until_shown(pilot, "unknown method List")
        assert "looking" not in screen_text(app)


async def test_a_detail_that_the_server_lacks_leaves_the_list_standing() -> None:
    async with showing(RecordedServer(lacking=("DescribeSchedule",))) as (app, pilot):
        await go(pilot, app, "schedules")
        await until_shown(pilot, "unknown method DescribeSchedule")
        assert "nightly-report" in screen_text(app)


async def choose(pilot: Pilot[None], letter: str) -> None:
    await pilot.press("a")
    await until(pilot, lambda: isinstance(pilot.app.screen, Menu))
    await pilot.press(letter)
    await until(pilot, lambda: isinstance(pilot.app.screen, Dialog))
    await pilot.click("#agree")


@pytest.mark.parametrize(
    ("letter", "field"), [("t", "trigger_immediately"), ("p", "pause"), ("u", "unpause")], ids=("t", "p", "u")
)
async def test_a_schedule_is_triggered_paused_and_unpaused(
    letter: str, field: str, recorded_server: RecordedServer
) -> None:
    async with showing(recorded_server) as (app, pilot):
        await go(pilot, app, "schedules")
        await until_shown(pilot, "nightly-report")
        await choose(pilot, letter)
        await until(pilot, lambda: bool(recorded_server.changes))
    method, request = recorded_server.changes[0]
    assert (method, request.schedule_id, request.identity) == ("PatchSchedule", "cleanup", "tester")
    assert request.patch.HasField(field) if field.startswith("trigger") else getattr(request.patch, field)


async def test_a_batch_is_stopped_only_after_a_question(recorded_server: RecordedServer) -> None:
    async with showing(recorded_server) as (app, pilot):
        await go(pilot, app, "batches")
        await until_shown(pilot, "cancel-reports-march")
        await pilot.press("a", "s")
        await until_shown(pilot, "what it has done stays done")
        assert not recorded_server.changes
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ResourceScreen))
        assert not recorded_server.changes
        await choose(pilot, "s")
        await until(pilot, lambda: bool(recorded_server.changes))
    assert recorded_server.changes[0][1].job_id == "cancel-reports-march"


async def test_read_only_lets_nothing_be_done(recorded_server: RecordedServer) -> None:
    recorded_server.read_only = True
    async with showing(recorded_server) as (app, pilot):
        await go(pilot, app, "schedules")
        await until_shown(pilot, "nightly-report")
        await pilot.press("a")
        await until_shown(pilot, "this is read-only")
        assert not isinstance(app.screen, Menu)


async def test_another_namespace_is_gone_to_once_it_answers() -> None:
    async with in_process(namespaces=("default", "other")) as server, showing(served(server)) as (app, pilot):
        await server.start("there", namespace="other")
        await go(pilot, app, "namespaces")
        await until_shown(pilot, "other")
        await pilot.press("down", "enter")
        await until_shown(pilot, "there")
        assert app.source.namespace == "other"
        assert "other @" in screen_lines(app)[0]


async def test_task_queues_say_who_polls_what_waits_and_where_nobody_does() -> None:
    async with in_process() as server, showing(served(server)) as (app, pilot):
        await server.start("order-1")
        await go(pilot, app, "task-queues")
        await until_shown(pilot, "nobody polls")
        row = screen_lines(app)[2]
        assert "✗ queue" in row.replace("  ", " ")
        assert "never" in row


async def test_a_list_that_another_screen_hides_asks_for_nothing(recorded_server: RecordedServer) -> None:
    async with showing(recorded_server) as (app, pilot):
        list_screen = app.screen
        await go(pilot, app, "schedules")
        await until_shown(pilot, "nightly-report")
        assert isinstance(list_screen, View)
        assert not list_screen.is_in_view
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, Menu))
        below = app.screen_stack[-2]
        assert isinstance(below, View)
        assert below.is_in_view
