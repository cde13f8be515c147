"""What goes wrong is shown in its place, and nothing crashes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest

from tests.support.acting import Actor
from tests.support.histories import long_history, shipped_order, waiting_order
from tests.support.inprocess import in_process
from tests.tui.conftest import recorded, screen_lines, screen_text, served, showing, until, until_shown
from wfctl.commands._database_source import open_database_source
from wfctl.commands.tui import read_histories
from wfctl.errors import ServerRefused
from wfctl.tui.feeds.files import FilesSource, read_files
from wfctl.tui.feeds.nouns import RESOURCES
from wfctl.tui.models.run import RunRef
from wfctl.tui.widgets.grid import Grid


async def test_no_server_is_said_with_what_to_do() -> None:
    async with in_process() as server:
        source = served(server)
    async with showing(source) as (_, pilot):
        await until_shown(pilot, "no server listens at")
        await until_shown(pilot, "reconnecting")


async def test_a_server_that_goes_away_leaves_the_last_good_data_marked_as_old(tmp_path: Path) -> None:
    options: dict[str, Any] = {"db_path": tmp_path / "dev.db"}
    async with in_process(**options) as server:
        await server.start("order-1")
        source = served(server)
        async with showing(source, idle_seconds=0.1) as (_, pilot):
            await until_shown(pilot, "● live")
            await server.server.rpc.stop()
            await until_shown(pilot, "reconnecting, as of ")
            assert "order-1" in screen_text(pilot.app)


async def test_a_workflow_deleted_while_it_is_open_is_said_in_place() -> None:
    async with in_process() as server, showing(served(server), idle_seconds=0.1) as (app, pilot):
        await server.start("order-1")
        app.open_run(RunRef("order-1"))
        await until_shown(pilot, "Workflow task waiting")
        request = DeleteWorkflowExecutionRequest(namespace="default")
        request.workflow_execution.workflow_id = "order-1"
        await server.workflows.DeleteWorkflowExecution(request)
        await until_shown(pilot, "it is gone: deleted, or past its retention")
        assert "order-1" in screen_text(app)


async def test_a_workflow_that_is_not_there_is_said_in_place() -> None:
    async with in_process() as server, showing(served(server)) as (app, pilot):
        app.open_run(RunRef("nowhere"))
        await until_shown(pilot, "is the id right")


async def test_a_missing_worker_is_the_answer_on_the_first_screen() -> None:
    async with in_process() as server, showing(served(server)) as (app, pilot):
        await server.start("order-1")
        app.open_run(RunRef("order-1"))
        await until_shown(pilot, "no worker polls task queue 'queue'")


async def test_what_a_server_does_not_offer_is_said_by_its_screen() -> None:
    source = _Refusing("ListSchedules", "UNIMPLEMENTED", "ListSchedules is not implemented")
    async with showing(source) as (app, pilot):
        app.goto("schedules")
        await until_shown(pilot, "ListSchedules is not implemented")


async def test_what_one_may_not_see_is_said_by_its_screen() -> None:
    source = _Refusing("ListWorkflowExecutions", "PERMISSION_DENIED", "Request unauthorized.")
    async with showing(source) as (_, pilot):
        await until_shown(pilot, "Request unauthorized.")


class _Refusing(FilesSource):
    """A source that says no to one method."""

    def __init__(self, method: str, code: str, message: str) -> None:
        base = recorded()
        super().__init__(base.runs)
        self._method, self._code, self._message = method, code, message

    def call(self, method: str, request: Any, timeout: float | None = None) -> Any:
        if method == self._method:
            raise ServerRefused(self._message, code=self._code)
        return super().call(method, request, timeout)


@pytest.mark.parametrize(
    ("method", "key", "said"),
    [
        ("QueryWorkflow", "6", "Request unauthorized."),
        ("QueryWorkflow", "7", "Request unauthorized."),
        ("DescribeTaskQueue", "1", "Workflow task waiting"),
        ("CountWorkflowExecutions", "1", "Workflow task waiting"),
    ],
)
async def test_a_panel_that_may_not_ask_leaves_the_others_standing(method: str, key: str, said: str) -> None:
    async with in_process() as server:
        await server.start("order-1")
        source = Scripted(served(server), {method: lambda number: _denied()})
        async with showing(source, idle_seconds=0.2) as (app, pilot):
            await until_shown(pilot, "order-1")
            await pilot.press("enter")
            await until_shown(pilot, "Workflow task waiting")
            await pilot.press(key)
            await until_shown(pilot, said)
            assert "● live" in screen_lines(app)[0]
            assert "order-1" in screen_lines(app)[1]


async def test_a_deadline_half_way_through_a_history_costs_nothing_that_was_read() -> None:
    def late(number: int) -> None:
        if number in (2, 3, 5):
            raise ServerRefused("Deadline Exceeded", code="DEADLINE_EXCEEDED", hint="try again")

    source = Scripted(recorded(long_history(6000)), {"GetWorkflowExecutionHistory": late})
    async with showing(source, idle_seconds=0.3) as (app, pilot):
        app.open_run(RunRef("long"))
        await until_shown(pilot, "Deadline Exceeded — try again")
        await until_shown(pilot, "no answer, as of")
        assert "OrderWorkflow" in screen_text(app)
        await until(pilot, lambda: "Deadline" not in screen_text(app) and "reading" not in screen_text(app))
        await pilot.press("2", "c")
        grid = app.screen.query_one("#event-grid", Grid)
        assert [item.row.event_id for item in grid.rows] == list(range(1, len(grid.rows) + 1))
        assert len(grid.rows) > 5900


async def test_keys_are_answered_while_a_server_hangs() -> None:
    released, asked = threading.Event(), threading.Event()

    def hang(number: int) -> None:
        if number > 1:
            asked.set()
            assert released.wait(60)

    async with in_process() as server:
        await server.start("order-1")
        await server.start("order-2")
        source = Scripted(served(server), {"ListWorkflowExecutions": hang})
        async with showing(source, idle_seconds=0.1) as (app, pilot):
            await until_shown(pilot, "order-1")
            await until(pilot, asked.is_set)
            await pilot.press("down")
            assert app.screen.query_one(Grid).cursor == 1
            await pilot.press("enter")
            await until_shown(pilot, "Workflow task waiting")
            released.set()


async def test_late_answers_of_what_was_left_are_dropped() -> None:
    released, asked = threading.Event(), threading.Event()

    def hang(number: int) -> None:
        if number > 1:
            asked.set()
            assert released.wait(60)

    async with in_process() as one, in_process() as other:
        await one.start("of-one")
        await other.start("of-other")
        source = Scripted(served(one), {"ListWorkflowExecutions": hang})
        profiles = {"other": lambda: served(other)}
        async with showing(source, idle_seconds=0.1, profiles=profiles) as (app, pilot):
            await until_shown(pilot, "of-one")
            await until(pilot, asked.is_set)
            app.switch_profile("other")
            await until_shown(pilot, "of-other")
            released.set()
            await pilot.pause(0.3)
            assert "of-one" not in screen_text(app)


async def test_a_payload_of_an_encoding_that_nobody_knows_is_shown_as_bytes() -> None:
    events = shipped_order()
    payload = events[-1].workflow_execution_completed_event_attributes.result.payloads[0]
    payload.metadata["encoding"] = b"binary/of-mars"
    payload.data = b"\x00\x1b[31mred\xff"
    async with showing(recorded(events)) as (app, pilot):
        app.open_run(RunRef("order-1041"))
        await until_shown(pilot, "took 8h")
        await pilot.press("3")
        await until_shown(pilot, "binary/of-mars, 10 bytes")
        assert "00 1b 5b 33 31 6d 72 65 64 ff" in screen_text(app)


def _denied() -> None:
    raise ServerRefused("Request unauthorized.", code="PERMISSION_DENIED")


class Scripted:
    """A source, and what happens when a method of it is called for the first, second, third … time."""

    def __init__(self, source: Any, script: dict[str, Callable[[int], None]]) -> None:
        self._source, self._script = source, script
        self._calls = Counter[str]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def call(self, method: str, request: Any, timeout: float | None = None) -> Any:
        self._calls[method] += 1
        if method in self._script:
            self._script[method](self._calls[method])
        return self._source.call(method, request, timeout)


async def test_every_noun_has_a_screen_that_survives_a_source_without_it() -> None:
    async with showing(recorded()) as (app, pilot):
        for noun, resource in RESOURCES.items():
            app.goto(noun)
            await until_shown(pilot, resource.title)
            await until(pilot, lambda: "looking" not in screen_text(app))


async def test_a_broken_file_is_named_and_the_others_are_shown(tmp_path: Path) -> None:
    from google.protobuf.json_format import MessageToJson
    from temporalio.api.history.v1 import History

    (tmp_path / "good.json").write_text(MessageToJson(History(events=shipped_order())))
    (tmp_path / "broken.json").write_text('{"events": [{"eventId": ')
    (tmp_path / "empty.json").write_text("")
    async with showing(read_files([tmp_path], read_histories)) as (_, pilot):
        await until_shown(pilot, "order-1041")
        assert "broken.json: it is broken" in screen_text(pilot.app)
        assert "(and 1 more)" in screen_text(pilot.app)


async def test_events_of_a_type_that_nobody_knows_are_shown_as_such() -> None:
    events = shipped_order()
    unknown = HistoryEvent(event_id=len(events) + 1, event_type=999)  # type: ignore[arg-type]
    unknown.event_time.CopyFrom(events[-1].event_time)
    async with showing(recorded([*events[:-1], unknown]), (160, 40)) as (app, pilot):
        app.open_run(RunRef("order-1041"))
        await until_shown(pilot, "ship")
        await pilot.press("2", "c", "G")
        await until_shown(pilot, "that wfctl does not know")


async def test_control_sequences_in_payloads_never_reach_the_terminal() -> None:
    async with showing(recorded(waiting_order()), (160, 40)) as (app, pilot):
        app.open_run(RunRef("order-1045"))
        await until_shown(pilot, "wait_for_carrier")
        await pilot.press("2", "G")
        await until_shown(pilot, "signal note")
        text = "".join(screen_lines(app))
        assert r"\u001b[31mred" in text or r"\x1b[31mred" in text
        assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char == "\u202e" for char in text)


async def test_a_terminal_of_twenty_by_five_shows_what_it_can() -> None:
    async with showing(recorded(waiting_order()), (20, 5)) as (app, pilot):
        await until_shown(pilot, "order-1045")
        await pilot.press("enter")
        await until_shown(pilot, "wfctl")
        for key in ("1", "2", "enter", "3", "4", "5", "6", "7", "8", "question_mark", "escape", "a", "escape"):
            await pilot.press(key)
        assert app.is_running


async def test_a_long_history_is_read_in_pages_and_scrolls_to_its_end() -> None:
    async with showing(recorded(long_history(6000)), idle_seconds=0.1) as (app, pilot):
        app.open_run(RunRef("long"))
        await until_shown(pilot, "Completed after")
        await pilot.press("2", "c", "G")
        await until_shown(pilot, "WorkflowExecutionCompleted")
        grid = app.screen.query_one("#event-grid", Grid)
        assert len(grid.rows) > 5900
        assert grid.cursor == len(grid.rows) - 1


async def test_a_database_is_read_while_its_server_runs_and_after(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    async with in_process(db_path=path) as server:
        await server.start("order-1")
        await Actor(server.workflows).step()
    source = open_database_source(path)
    async with showing(source) as (app, pilot):
        await until_shown(pilot, "order-1")
        app.open_run(RunRef("order-1"))
        await until_shown(pilot, "Nothing is scheduled")
        await pilot.press("7")
        await until_shown(pilot, "a database does not answer QueryWorkflow")


async def test_a_database_is_followed_while_its_server_runs(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    async with in_process(db_path=path) as server:
        await server.start("order-1")
        source = open_database_source(path)
        async with showing(source, idle_seconds=0.2) as (app, pilot):
            await until_shown(pilot, "order-1")
            await until_shown(pilot, "● live")
            await server.start("order-2")
            await until_shown(pilot, "order-2")
            app.open_run(RunRef("order-1"))
            await until_shown(pilot, "history 2 events")
            await server.signal("order-1")
            await until_shown(pilot, "history 3 events")
            assert "signal s" in screen_text(app)
            await server.server.stop()
            await until_shown(pilot, "○ recorded")
            assert "signal s" in screen_text(app)


async def test_a_database_that_goes_away_leaves_what_was_read_marked_as_old(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    async with in_process(db_path=path) as server:
        await server.start("order-1")
    async with showing(open_database_source(path), idle_seconds=0.2) as (app, pilot):
        await until_shown(pilot, "order-1")
        path.unlink()
        await until_shown(pilot, "does not exist")
        await until_shown(pilot, "no answer, as of")
        assert "order-1" in screen_text(app)


async def test_another_namespace_of_a_database_is_gone_to_and_back(tmp_path: Path) -> None:
    path = tmp_path / "dev.db"
    async with in_process(db_path=path, namespaces=("default", "other")) as server:
        await server.start("here")
        await server.start("there", namespace="other")
    async with showing(open_database_source(path), idle_seconds=0.2) as (app, pilot):
        await until_shown(pilot, "here")
        for namespace, shown in (("other", "there"), ("default", "here")):
            app.goto("namespaces")
            await until_shown(pilot, "other")
            grid = app.screen.query_one(Grid)
            grid.cursor = next(at for at, row in enumerate(grid.rows) if row.key == namespace)
            await pilot.press("enter")
            await until_shown(pilot, f" {shown} ")
            assert app.source.namespace == namespace
