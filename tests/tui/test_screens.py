"""Every screen as it looks, at three sizes, on recorded histories."""

from __future__ import annotations

import pytest

from tests.support.histories import failed_order, shipped_order, waiting_order
from tests.tui.conftest import SIZES, check_snapshot, recorded, screen_text, showing, until_shown
from wfctl.tui.models.run import RunRef

pytestmark = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
Size = tuple[int, int]


async def test_the_list_looks_as_it_did(size: Size) -> None:
    async with showing(recorded(), size) as (app, pilot):
        await until_shown(pilot, "Completed 1")
        check_snapshot(app, "list")


async def test_the_list_looks_as_it_did_in_light_colours(size: Size) -> None:
    async with showing(recorded(), size, theme="wfctl-light") as (app, pilot):
        await until_shown(pilot, "Completed 1")
        check_snapshot(app, "list-light")


async def test_a_timeline_looks_as_it_did(size: Size) -> None:
    async with showing(recorded(shipped_order()), size) as (app, pilot):
        app.open_run(RunRef("order-1041"))
        await until_shown(pilot, "Completed after")
        check_snapshot(app, "timeline")


async def test_events_look_as_they_did(size: Size) -> None:
    async with showing(recorded(shipped_order()), size) as (app, pilot):
        app.open_run(RunRef("order-1041"))
        await until_shown(pilot, "Completed after")
        await pilot.press("2", "down", "down")
        await until_shown(pilot, "charge")
        check_snapshot(app, "events")


async def test_pending_work_looks_as_it_did(size: Size) -> None:
    async with showing(recorded(waiting_order()), size) as (app, pilot):
        app.open_run(RunRef("order-1045"))
        await until_shown(pilot, "wait_for_carrier")
        await pilot.press("4")
        await until_shown(pilot, "Last failure" if size[0] > 100 else "Attempt")
        check_snapshot(app, "pending")


async def test_a_failure_looks_as_it_did(size: Size) -> None:
    async with showing(recorded(failed_order()), size) as (app, pilot):
        app.open_run(RunRef("order-1043"))
        await until_shown(pilot, "Failed after")
        await pilot.press("w")
        await until_shown(pilot, "╰ because")
        check_snapshot(app, "failure")
        assert "card declined" in screen_text(app)


async def test_input_and_result_look_as_they_did(size: Size) -> None:
    async with showing(recorded(shipped_order()), size, theme="wfctl-light") as (app, pilot):
        app.open_run(RunRef("order-1041"))
        await until_shown(pilot, "Completed after")
        await pilot.press("3")
        await until_shown(pilot, '"shipped"')
        check_snapshot(app, "values-light")
