"""The screens beside workflows: how they look, what they say where a server lacks them, and what can be done there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.support.inprocess import in_process
from tests.tui.conftest import (
    FixedApp,
    agree,
    screen_lines,
    screen_text,
    served,
    showing,
    until,
    until_dialog,
    until_shown,
)
from tests.tui.recorded_server import RecordedServer
from wfctl.errors import CommandError
from wfctl.tui.feeds.actions import ACTIONS
from wfctl.tui.feeds.nouns import RESOURCES, parts, schedules
from wfctl.tui.models.run import RunRef
from wfctl.tui.screens.base import View
from wfctl.tui.screens.dialogs import Menu
from wfctl.tui.screens.resources import ResourceScreen
from wfctl.tui.screens.workflow import WorkflowScreen
from wfctl.tui.screens.workflows import WorkflowsScreen
from wfctl.tui.widgets.grid import Grid

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


async def choose(pilot: Pilot[None], letter: str, key: str = "a") -> None:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, Menu))
    await pilot.press(letter)
    await until_dialog(pilot)


def written(pilot: Pilot[None], **values: str) -> None:
    for name, value in values.items():
        pilot.app.screen.query_one(f"#field-{name}", Input).value = value


def _is_triggered(request: Any) -> bool:
    return bool(request.schedule_id == "cleanup" and request.patch.HasField("trigger_immediately"))


def _is_changed(request: Any) -> bool:
    """The interval is another; the note and what the form does not show have stayed."""
    schedule = request.schedule
    return (
        [interval.interval.seconds for interval in schedule.spec.interval] == [5400]
        and schedule.action.start_workflow.workflow_type.name == "Cleanup"
        and bool(request.conflict_token)
        and schedule.HasField("policies")
    )


NOUN_ROWS: tuple[tuple[str, str, dict[str, str], str, Callable[[Any], bool]], ...] = (
    ("schedules", "Trigger", {}, "PatchSchedule", _is_triggered),
    (
        "schedules",
        "Pause",
        {"reason": "stock-taking"},
        "PatchSchedule",
        lambda asked: asked.patch.pause == "stock-taking",
    ),
    ("schedules", "Unpause", {}, "PatchSchedule", lambda asked: bool(asked.patch.unpause)),
    ("schedules", "Edit", {"every": "1h30m"}, "UpdateSchedule", _is_changed),
    ("schedules", "Delete", {}, "DeleteSchedule", lambda asked: asked.schedule_id == "cleanup"),
    ("batches", "Stop", {"reason": "enough"}, "StopBatchOperation", lambda asked: asked.reason == "enough"),
)


def test_no_action_of_a_noun_is_without_a_row() -> None:
    there = [(noun, action.name) for noun, resource in RESOURCES.items() for action in resource.actions]
    assert [row[:2] for row in NOUN_ROWS] == there
    assert [noun for noun, resource in RESOURCES.items() if resource.create] == ["schedules"]


@pytest.mark.parametrize("row", NOUN_ROWS, ids=lambda row: "-".join(row[:2]))
async def test_an_action_asks_the_server_for_what_it_says(row: Any, recorded_server: RecordedServer) -> None:
    noun, name, typed, method, is_meant = row
    action = next(action for action in RESOURCES[noun].actions if action.name == name)
    async with showing(recorded_server) as (app, pilot):
        await go(pilot, app, noun)
        await until(pilot, lambda: bool(app.screen.query_one(Grid).rows))
        await choose(pilot, action.key)
        assert not recorded_server.changes
        written(pilot, **typed)
        await agree(pilot)
        await until(pilot, lambda: bool(recorded_server.changes))
    (asked,) = recorded_server.changes
    assert asked[0] == method
    assert is_meant(asked[1])
    assert asked[1].identity == "tester"


def test_an_edit_of_what_was_changed_meanwhile_is_refused(recorded_server: RecordedServer) -> None:
    edit = next(action for action in RESOURCES["schedules"].actions if action.name == "Edit")
    source = cast(Any, recorded_server)
    assert edit.prefill is not None
    before = edit.prefill(source, "cleanup")
    with pytest.raises(CommandError, match="was changed meanwhile"):
        edit.run(source, "cleanup", {**before, "token": "00ff"})
    assert not recorded_server.changes


async def test_a_schedule_is_made(recorded_server: RecordedServer) -> None:
    async with showing(recorded_server) as (app, pilot):
        await go(pilot, app, "schedules")
        await until_shown(pilot, "nightly-report")
        await pilot.press("n")
        await until_dialog(pilot)
        written(pilot, schedule="hourly", type="Report", queue="reports", input='{"day": 1}')
        await agree(pilot)
        await until(pilot, lambda: any("neither how often" in notice.message for notice in app._notifications))
        assert not recorded_server.changes
        await pilot.press("n")
        await until_dialog(pilot)
        written(pilot, schedule="hourly", type="Report", queue="reports", every="1h/5m, 2d", cron="0 9 * * 1")
        written(pilot, overlap="BufferOne", note="for ada", input='{"day": 1}')
        await agree(pilot)
        await until(pilot, lambda: bool(recorded_server.changes))
    method, asked = recorded_server.changes[0]
    assert (method, asked.schedule_id) == ("CreateSchedule", "hourly")
    spec, start = asked.schedule.spec, asked.schedule.action.start_workflow
    assert [(one.interval.seconds, one.phase.seconds) for one in spec.interval] == [(3600, 300), (172800, 0)]
    assert list(spec.cron_string) == ["0 9 * * 1"]
    assert (start.workflow_id, start.workflow_type.name, start.task_queue.name) == ("hourly", "Report", "reports")
    assert start.input.payloads[0].data == b'{"day": 1}'
    assert (asked.schedule.policies.overlap_policy, asked.schedule.state.notes) == (2, "for ada")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"every": "often"}, "is not an interval"),
        ({"every": "1h", "overlap": "Maybe"}, "'Maybe' is not one of"),
        ({"every": "1h", "input": "{oops"}, "is not JSON"),
    ],
    ids=("interval", "overlap", "input"),
)
async def test_a_schedule_that_makes_no_sense_is_refused_before_anything_is_sent(
    typed: dict[str, str], said: str, recorded_server: RecordedServer
) -> None:
    async with showing(recorded_server) as (app, pilot):
        await go(pilot, app, "schedules")
        await until_shown(pilot, "nightly-report")
        await pilot.press("n")
        await until_dialog(pilot)
        written(pilot, schedule="hourly", type="Report", queue="reports", **typed)
        await agree(pilot)
        await until(pilot, lambda: any(said in notice.message for notice in app._notifications))
    assert not recorded_server.changes


async def test_a_schedule_leads_to_its_runs(recorded_server: RecordedServer) -> None:
    async with showing(recorded_server) as (app, pilot):
        await go(pilot, app, "schedules")
        await until_shown(pilot, "nightly-report")
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, WorkflowsScreen))
        assert app.screen.query_one("#filter", Input).value == "TemporalScheduledById = 'cleanup'"
        await go(pilot, app, "schedules")
        await until_shown(pilot, "nightly-report")
        await pilot.press("down", "o")
        await until(pilot, lambda: isinstance(app.screen, Menu))
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, WorkflowScreen))
        assert isinstance(app.screen, WorkflowScreen)
        assert app.screen.model.ref.workflow_id.startswith("every-5s-run-")
        assert app.screen.model.ref.run_id


async def test_a_task_queue_leads_to_what_runs_on_it() -> None:
    async with in_process() as server, showing(served(server)) as (app, pilot):
        await server.start("order-1")
        await go(pilot, app, "task-queues")
        await until_shown(pilot, "nobody polls")
        await pilot.press("o")
        await until(pilot, lambda: isinstance(app.screen, Menu))
        await pilot.press("1")
        await until_shown(pilot, "● Running         order-1")
        assert app.screen.query_one("#filter", Input).value == "TaskQueue = 'queue' AND ExecutionStatus = 'Running'"


@pytest.mark.parametrize("name", ["Pause", "Unpause"])
def test_a_workflow_is_paused_where_a_server_can(name: str, recorded_server: RecordedServer) -> None:
    action = next(action for action in ACTIONS if action.name == name)
    done = action.run(cast(Any, recorded_server), RunRef("order-1", "run-1"), {"reason": "stock-taking"})
    ((method, asked),) = recorded_server.changes
    assert method == f"{name}WorkflowExecution"
    assert (asked.workflow_id, asked.run_id, asked.reason) == ("order-1", "run-1", "stock-taking")
    assert asked.request_id
    assert done.said


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
