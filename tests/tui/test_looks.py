"""How every screen, tab, dialog and complaint looks: at three sizes, in the dark and in the light.

`UPDATE_SNAPSHOTS=1` takes what is there as agreed; `WFCTL_PICTURES=DIRECTORY` draws all of it as SVG.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from textual._compositor import Compositor
from textual.pilot import Pilot
from textual.widgets import Input

from tests.tui.conftest import FixedApp, screen_lines, showing, until, until_dialog, until_shown
from tests.tui.looks import SIZES, SNAPSHOTS, check_look, wants_pictures
from tests.tui.recorded_server import RecordedServer
from tests.tui.staged import StagedServer
from wfctl.errors import ServerRefused, ServerUnreachable
from wfctl.tui.feeds.nouns import parts, schedules
from wfctl.tui.feeds.settings import Settings
from wfctl.tui.models.cells import cell
from wfctl.tui.models.run import RunModel, RunRef
from wfctl.tui.models.verdict import ReplayVerdict
from wfctl.tui.screens.dialogs import Menu
from wfctl.tui.screens.help import HelpScreen
from wfctl.tui.screens.nouns import LineBar
from wfctl.tui.screens.resources import ResourceScreen

Walk = Callable[["Stage"], Awaitable[None]]


@dataclass
class Stage:
    """The app with the staged server behind it, and what one does to get somewhere."""

    app: FixedApp
    pilot: Pilot[None]
    server: Any

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def shows(self, text: str) -> None:
        await until_shown(self.pilot, text)

    async def list(self) -> None:
        await self.shows("checkout-7781")
        await self.shows("All")

    async def run(self, workflow_id: str, shown: str) -> None:
        self.app.open_run(RunRef(workflow_id))
        await self.shows(shown)

    async def checkout(self, *keys: str, shown: str = "retry in 40s") -> None:
        await self.run("checkout-7781", "reserve_stock")
        await self.press(*keys)
        await self.shows(shown)

    async def menu(self, key: str = "a") -> None:
        await self.press(key)
        await until(self.pilot, lambda: isinstance(self.app.screen, Menu))
        await self.pilot.pause()

    async def dialog(self, *keys: str) -> None:
        await self.press(*keys)
        await until_dialog(self.pilot)

    async def noun(self, noun: str, shown: str) -> None:
        self.app.goto(noun)
        await until(
            self.pilot, lambda: isinstance(self.app.screen, ResourceScreen) and self.app.screen.resource.noun == noun
        )
        await until(self.pilot, lambda: "● live" in screen_lines(self.app)[0])
        if not self.app.screen.has_class("detailed"):
            await self.press("d")
        await self.shows(shown)


@dataclass(frozen=True)
class Scene:
    name: str
    walk: Walk
    server: Callable[[], Any] = StagedServer
    options: dict[str, Any] = field(default_factory=dict)
    sizes: tuple[tuple[int, int], ...] = SIZES


SCENES: list[Scene] = []


def scene(
    name: str, server: Callable[[], Any] = StagedServer, sizes: tuple[tuple[int, int], ...] = SIZES, **options: Any
) -> Callable[[Walk], Walk]:
    def keep(walk: Walk) -> Walk:
        SCENES.append(Scene(name, walk, server, options, sizes))
        return walk

    return keep


# The list.


@scene("list")
async def _(stage: Stage) -> None:
    await stage.list()


@scene("list-filter", filter="WorkflowType = 'OrderWorkflow'")
async def _(stage: Stage) -> None:
    await stage.shows("order-1043")
    await stage.press("slash")
    stage.app.screen.query_one("#filter", Input).value += " AND Cus"
    await until(stage.pilot, lambda: bool(stage.app.screen.query_one("#filter", Input)._suggestion))


@scene("list-status")
async def _(stage: Stage) -> None:
    await stage.list()
    await stage.press("right", "right")
    await stage.shows("order-1043")


@scene("list-marked")
async def _(stage: Stage) -> None:
    await stage.list()
    await stage.press("s", "s", "down", "space", "space", "down", "space")


@scene("list-tree")
async def _(stage: Stage) -> None:
    await stage.list()
    await stage.press("z")
    await stage.shows("╰ parcel-7781")


@scene("list-columns", settings=Settings(columns=["Status", "Workflow ID", "Customer", "Started"]))
async def _(stage: Stage) -> None:
    await stage.list()
    await stage.shows("grace")


@scene("list-empty", lambda: StagedServer(is_empty=True))
async def _(stage: Stage) -> None:
    await stage.shows("no workflows")


# One workflow.


@scene("timeline")
async def _(stage: Stage) -> None:
    await stage.checkout(shown="instructions")


@scene("timeline-of-a-failure")
async def _(stage: Stage) -> None:
    await stage.run("order-1043", "Failed after")


@scene("timeline-detail")
async def _(stage: Stage) -> None:
    await stage.checkout("down", "down", "enter", shown="InvoiceWorkflow")


@scene("timeline-zoomed")
async def _(stage: Stage) -> None:
    await stage.checkout("down", "down", "plus", "plus", shown="4×")


@scene("timeline-of-a-night")
async def _(stage: Stage) -> None:
    await stage.run("order-1041", "Completed after")


@scene("events")
async def _(stage: Stage) -> None:
    await stage.checkout("2", "down", "down", shown="change_address")


@scene("events-detail")
async def _(stage: Stage) -> None:
    await stage.run("order-1043", "Failed after")
    await stage.press("2", "G", "enter")
    await stage.shows("card declined")


@scene("events-raw")
async def _(stage: Stage) -> None:
    await stage.checkout("2", "c", "down", "down", shown="WorkflowTaskStarted")


@scene("events-filter")
async def _(stage: Stage) -> None:
    await stage.checkout("2", "slash", shown="instructions")
    stage.app.screen.query_one("#event-filter", Input).value = "kind:activity !pack"
    await stage.press("enter")


@scene("events-filter-wrong")
async def _(stage: Stage) -> None:
    await stage.checkout("2", "slash", shown="instructions")
    stage.app.screen.query_one("#event-filter", Input).value = "kind:acitvity"
    await stage.press("enter")
    await stage.shows("no kind")


@scene("values")
async def _(stage: Stage) -> None:
    await stage.run("order-1041", "Completed after")
    await stage.press("3")
    await stage.shows('"shipped"')


@scene("values-open")
async def _(stage: Stage) -> None:
    await stage.checkout("3", shown="express")


@scene("pending")
async def _(stage: Stage) -> None:
    await stage.checkout("4", shown="in 2d")


@scene("pending-detail")
async def _(stage: Stage) -> None:
    await stage.checkout("4", "enter", shown="connection reset by peer")


@scene("relations")
async def _(stage: Stage) -> None:
    await stage.checkout("5", shown="this run")


@scene("queries")
async def _(stage: Stage) -> None:
    await stage.checkout("6", shown="change_address")


@scene("queries-ask")
async def _(stage: Stage) -> None:
    await stage.checkout("6", shown="change_address")
    await stage.dialog("enter")


@scene("queries-answer")
async def _(stage: Stage) -> None:
    await stage.checkout("6", shown="change_address")
    await stage.dialog("enter")
    await stage.press("enter")
    await stage.shows('"charging"')


@scene("queries-nobody-answers")
async def _(stage: Stage) -> None:
    await stage.run("order-1045", "wait_for_carrier")
    await stage.press("6")
    await stage.shows("worker may be down")


@scene("stack")
async def _(stage: Stage) -> None:
    await stage.checkout("7", shown="wait_for_parcel")


@scene("metadata")
async def _(stage: Stage) -> None:
    await stage.checkout("8", shown="ada@example.com")


@scene("failure")
async def _(stage: Stage) -> None:
    await stage.run("order-1043", "Failed after")
    await stage.press("w")
    await stage.shows("╰ because")


@scene("failure-of-attempts")
async def _(stage: Stage) -> None:
    await stage.checkout("w", shown="╰ because")


@scene("diff")
async def _(stage: Stage) -> None:
    stage.app.open_diff(RunRef("order-1043"), "order-1041")
    await stage.shows("They part")


def _verdict(target: str, *_: Any) -> ReplayVerdict:
    report = [
        cell("rule NDE001: the code wants something else than the history has", "bad"),
        cell("  history   activity reserve (id 1)"),
        cell("  code      timer 1 (5s)"),
        cell(f"  at        {target}:9  await workflow.sleep(5)", "dim"),
    ]
    return ReplayVerdict(False, f"{target} breaks: nondeterminism at event 5, ActivityTaskScheduled", 5, report)


@scene("replay", replay=_verdict)
async def _(stage: Stage) -> None:
    await stage.run("order-1041", "Completed after")
    await stage.dialog("R")
    stage.app.screen.query_one("#field-target", Input).value = "orders.py"
    await stage.press("enter")
    await stage.shows("orders.py breaks")


# What is done to it.


@scene("actions")
async def _(stage: Stage) -> None:
    await stage.checkout(shown="instructions")
    await stage.menu()


@scene("signal")
async def _(stage: Stage) -> None:
    await stage.checkout(shown="instructions")
    await stage.menu()
    await stage.dialog("s")


@scene("signal-without-a-name")
async def _(stage: Stage) -> None:
    await stage.checkout(shown="instructions")
    await stage.menu()
    await stage.dialog("s")
    await stage.press("tab", "enter")
    await stage.shows("Signal is needed")


@scene("terminate")
async def _(stage: Stage) -> None:
    await stage.checkout(shown="instructions")
    await stage.menu()
    await stage.dialog("t")


@scene("reset")
async def _(stage: Stage) -> None:
    await stage.checkout("down", shown="instructions")
    await stage.menu()
    await stage.dialog("r")


@scene("delete")
async def _(stage: Stage) -> None:
    await stage.checkout(shown="instructions")
    await stage.menu()
    await stage.dialog("d")


@scene("batch")
async def _(stage: Stage) -> None:
    await stage.list()
    await stage.press("space", "space", "space")
    await stage.menu()
    await stage.dialog("t")


@scene("start")
async def _(stage: Stage) -> None:
    await stage.list()
    await stage.dialog("n")


@scene("activity")
async def _(stage: Stage) -> None:
    await stage.checkout("4", shown="in 2d")
    await stage.menu("m")


@scene("export")
async def _(stage: Stage) -> None:
    await stage.checkout(shown="instructions")
    await stage.dialog("E")


@scene("columns")
async def _(stage: Stage) -> None:
    await stage.list()
    await stage.dialog("C")


@scene(
    "saved-filters",
    settings=Settings(
        filters={"mine": "Customer = 'ada'", "failed today": "ExecutionStatus = 'Failed' AND StartTime > '2026-03-01'"}
    ),
)
async def _(stage: Stage) -> None:
    await stage.list()
    await stage.menu("F")


# Around it.


@scene("keys")
async def _(stage: Stage) -> None:
    await stage.list()
    await stage.press("question_mark")
    await until(stage.pilot, lambda: isinstance(stage.app.screen, HelpScreen))
    await stage.shows("Saved filters")


@scene("keys-of-a-workflow")
async def _(stage: Stage) -> None:
    await stage.checkout(shown="charge")
    await stage.press("question_mark")
    await stage.shows("Keys")


@scene("palette")
async def _(stage: Stage) -> None:
    await stage.list()
    await stage.press("ctrl+p")
    await stage.shows("Dark or light")


@scene("noun-bar")
async def _(stage: Stage) -> None:
    await stage.list()
    await stage.press("colon")
    await until(stage.pilot, lambda: isinstance(stage.app.screen, LineBar))
    await stage.press(*"sch")
    await until(stage.pilot, lambda: bool(stage.app.screen.query_one(Input)._suggestion))


_NOUNS = {
    "schedules": "every 10m",
    "batches": "2 of 2",
    "workers": "instance",
    "deployments": "Routing",
    "namespaces": "retention",
    "search-attributes": "In a query",
}


def _noun(noun: str, shown: str) -> Walk:
    async def walk(stage: Stage) -> None:
        await stage.noun(noun, shown)

    return walk


for _name, _shown in _NOUNS.items():
    scene(f"noun-{_name}", RecordedServer)(_noun(_name, _shown))


@scene("noun-task-queues")
async def _(stage: Stage) -> None:
    await stage.noun("task-queues", "worker-7@orders")
    await stage.press("down")
    await stage.shows("nobody polls")


@scene("noun-nexus")
async def _(stage: Stage) -> None:
    await stage.noun("nexus", "fraud-checks")


@scene("schedule-actions", RecordedServer)
async def _(stage: Stage) -> None:
    await stage.noun("schedules", "every 10m")
    await stage.menu()


# What goes wrong.


_GONE = ServerUnreachable(
    "no server listens at 127.0.0.1:7233", hint="start one with `wfctl server start-dev`, or give --address"
)


def _failing(error: Any) -> StagedServer:
    server = StagedServer()
    server.failing = error
    return server


@scene("server-not-there", lambda: _failing(_GONE))
async def _(stage: Stage) -> None:
    await stage.shows("reconnecting")


@scene("server-gone", idle_seconds=0.01)
async def _(stage: Stage) -> None:
    await stage.list()
    stage.server.failing = _GONE
    await stage.shows("reconnecting, as of ")


@scene("workflow-gone", idle_seconds=0.01)
async def _(stage: Stage) -> None:
    await stage.checkout(shown="instructions")
    stage.server.failing = ServerRefused("workflow not found for ID: checkout-7781", code="NOT_FOUND")
    await stage.shows("it is gone")


@scene("workflow-not-there")
async def _(stage: Stage) -> None:
    stage.app.open_run(RunRef("nowhere"))
    await stage.shows("is the id right")


@scene("not-allowed", lambda: _failing(ServerRefused("Request unauthorized.", code="PERMISSION_DENIED")))
async def _(stage: Stage) -> None:
    await stage.shows("Request unauthorized.")


@scene("noun-lacking", lambda: RecordedServer(lacking=("ListSchedules",)))
async def _(stage: Stage) -> None:
    stage.app.goto("schedules")
    await stage.shows("unknown method ListSchedules")


@scene("diff-without-another")
async def _(stage: Stage) -> None:
    stage.app.open_diff(RunRef("order-1043"), "")
    await stage.shows("no run came before this one")


_TINY = ((40, 12), (20, 5))


@scene("tiny-list", sizes=_TINY)
async def _(stage: Stage) -> None:
    await stage.list()


@scene("tiny-workflow", sizes=_TINY)
async def _(stage: Stage) -> None:
    await stage.run("checkout-7781", "Why")


@scene("tiny-dialog", sizes=_TINY)
async def _(stage: Stage) -> None:
    await stage.list()
    await stage.menu()
    await stage.dialog("t")


@pytest.mark.parametrize("one", SCENES, ids=lambda one: one.name)
async def test_it_looks_as_agreed(one: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    if not wants_pictures():
        # Nothing is drawn on the way; what there is to see is asked for in the end.
        monkeypatch.setattr(Compositor, "render_update", lambda compositor, **_: compositor._dirty_regions.clear())
    server = one.server()
    for module in (parts, schedules):
        monkeypatch.setattr(module, "now", lambda: server.at)
    monkeypatch.setattr(RunModel, "now", lambda model: server.at)
    async with showing(server, one.sizes[0], **one.options) as (app, pilot):
        await one.walk(Stage(app, pilot, server))
        await check_look(pilot, one.name, one.sizes)


def test_no_look_is_kept_of_what_is_not_there_any_more() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*")} == {one.name for one in SCENES}
