"""Every screen as it looks, at three sizes, on recorded histories."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot

from tests.tui.conftest import SIZES, FixedApp, check_snapshot, recorded, screen_text, showing, until_shown
from wfctl.tui.models.run import RunRef
from wfctl.tui.widgets.palette import DARK, LIGHT


async def look_at(pilot: Pilot[None], app: FixedApp, workflow_id: str, shown: str) -> None:
    app.open_run(RunRef(workflow_id))
    await until_shown(pilot, shown)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_screen_looks_as_it_did(size: tuple[int, int]) -> None:
    async with showing(recorded(), size) as (app, pilot):
        await until_shown(pilot, "Completed 1")
        check_snapshot(app, "list")

        await look_at(pilot, app, "order-1041", "Completed after")
        check_snapshot(app, "timeline")
        await pilot.press("2", "down", "down")
        await until_shown(pilot, "charge")
        check_snapshot(app, "events")
        await pilot.press("3")
        await until_shown(pilot, '"shipped"')
        app.theme = LIGHT.name
        await pilot.pause()
        check_snapshot(app, "values-light")
        await pilot.press("escape")
        await until_shown(pilot, "Completed 1")
        check_snapshot(app, "list-light")
        app.theme = DARK.name

        await look_at(pilot, app, "order-1045", "wait_for_carrier")
        await pilot.press("4")
        await until_shown(pilot, "Attempt")
        check_snapshot(app, "pending")
        await pilot.press("5")
        await until_shown(pilot, "this run")
        check_snapshot(app, "relations")
        await pilot.press("escape")

        await look_at(pilot, app, "order-1043", "Failed after")
        await pilot.press("w")
        await until_shown(pilot, "╰ because")
        check_snapshot(app, "failure")
        assert "card declined" in screen_text(app)
        await pilot.press("question_mark")
        await until_shown(pilot, "Keys")
        check_snapshot(app, "keys")
