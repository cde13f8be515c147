"""Two runs side by side on screen: how it looks, how one gets there and moves through it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToJson
from temporalio.api.history.v1 import History
from textual.pilot import Pilot

from tests.support.histories import failed_order, shipped_order
from tests.tui.conftest import recorded, screen_lines, showing, until, until_shown
from wfctl.commands.tui import read_histories
from wfctl.tui.models.compare import Row
from wfctl.tui.models.run import RunRef
from wfctl.tui.screens.comparison import ComparisonScreen


async def test_two_marked_workflows_are_compared_by_one_key() -> None:
    async with showing(recorded()) as (_, pilot):
        await until_shown(pilot, "Completed 1")
        await pilot.press("space", "space", "D")
        await until_shown(pilot, "They part")


async def test_the_other_side_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "same.json"
    path.write_text(MessageToJson(History(events=failed_order())), encoding="utf-8")
    async with showing(recorded(), read_file=read_histories) as (app, pilot):
        app.open_diff(RunRef("order-1043"), str(path))
        await until_shown(pilot, "Both did the same")
        await pilot.press("m")
        await until_shown(pilot, "no difference")


async def test_what_cannot_be_compared_is_said_in_place() -> None:
    async with showing(recorded()) as (app, pilot):
        app.open_diff(RunRef("order-1043"), "")
        await until_shown(pilot, "no run came before this one")
        await pilot.press("n", "m", "t", "x", "escape")
        app.open_diff(RunRef("order-1043"), "nobody")
        await until_shown(pilot, "no file has a workflow 'nobody'")


async def test_keys_go_from_difference_to_difference_hide_the_rest_and_swap() -> None:
    async with showing(recorded()) as (app, pilot):
        app.open_diff(RunRef("order-1043"), "order-1041")
        await until_shown(pilot, "They part")
        screen: Any = app.screen
        assert isinstance(screen, ComparisonScreen)
        assert screen.grid.current.is_first
        await pilot.press("home", "n")
        assert screen.grid.current.differs
        all_rows = len(rows(screen))
        await pilot_hides(pilot, screen, all_rows)
        left = screen_lines(app)[1].split()[1]
        await pilot.press("x")
        await until(pilot, lambda: screen_lines(app)[1].split()[1] != left)
        await pilot.press("t")
        await until(pilot, lambda: len(rows(screen)) > all_rows)
        await until_shown(pilot, "WorkflowTaskScheduled")


def rows(screen: ComparisonScreen) -> Sequence[Row]:
    return screen.comparison.rows if screen.comparison is not None else ()


async def pilot_hides(pilot: Pilot[None], screen: ComparisonScreen, all_rows: int) -> None:
    await pilot.press("m")
    await until(pilot, lambda: len(rows(screen)) < all_rows)
    assert all(row.differs for row in rows(screen))
    await pilot.press("m")


async def test_histories_of_one_side_only_are_all_difference() -> None:
    async with showing(recorded(shipped_order(), failed_order()[:1])) as (app, pilot):
        app.open_diff(RunRef("order-1041"), "order-1043")
        await until_shown(pilot, "has no more events")
