"""Payloads as trees that fold, and finding something in a text."""

from __future__ import annotations

import json

from textual.pilot import Pilot

from tests.support.histories import shipped_order
from tests.tui.conftest import recorded, screen_text, showing, until, until_shown
from wfctl.tui.models.cells import cell
from wfctl.tui.models.folding import around, folds_of, holder, visible
from wfctl.tui.models.run import RunRef
from wfctl.tui.models.values import json_lines, plain
from wfctl.tui.widgets.lines import Lines

VALUE = {"order": {"id": 7, "lines": [{"sku": "ink"}, {"sku": "pens"}]}, "empty": {}, "note": "a { b ["}


def test_what_opens_is_folded_with_what_closes_it() -> None:
    lines = json_lines(VALUE, 2)
    folds = folds_of(lines)
    opened = {plain([lines[start]]).strip(): plain([lines[end]]).strip() for start, end in folds.items()}
    assert opened == {"{": "}", '"order": {': "},", '"lines": [': "]"} or set(opened) == {
        "{",
        '"order": {',
        '"lines": [',
    }
    order = next(start for start in folds if '"order"' in plain([lines[start]]))
    shown = plain([line for _, line in visible(lines, folds, {order})])
    assert "ink" not in shown
    assert '"order": { 9 lines },' in shown
    assert '"note"' in shown


def test_a_line_knows_what_it_is_in() -> None:
    lines = json_lines(VALUE)
    folds = folds_of(lines)
    ink = next(index for index, line in enumerate(lines) if "ink" in plain([line]))
    names = [plain([lines[start]]).strip() for start in sorted(around(folds, ink))]
    assert names == ["{", '"order": {', '"lines": [', "{"]
    assert holder(folds, ink) == ink - 1
    assert holder(folds, ink - 1) == ink - 1


def test_text_that_only_looks_like_json_folds_nothing() -> None:
    assert folds_of([cell("why {"), cell("  because ["), cell("nothing closes"), cell("")]) == {}


async def test_a_result_is_folded_searched_and_copied_in_part() -> None:
    events = shipped_order()
    payload = events[-1].workflow_execution_completed_event_attributes.result.payloads[0]
    payload.data = json.dumps(VALUE).encode()
    async with showing(recorded(events)) as (app, pilot):
        app.open_run(RunRef("order-1041"))
        await until_shown(pilot, "Completed after")
        await pilot.press("3")
        await until_shown(pilot, '"sku": "pens"')
        await pilot.press("minus")
        await until(pilot, lambda: '"sku": "pens"' not in screen_text(app))
        assert '"order": {' in screen_text(app)
        await find(pilot, "PENS")
        await until_shown(pilot, '"sku": "pens"')
        lines = app.screen.query_one("#values-lines", Lines)
        assert lines.cursor is not None
        assert "pens" in plain([lines.lines[lines.cursor]])
        await pilot.press("Y")
        assert json.loads(app.clipboard.strip()) == {"sku": "pens"}
        await pilot.press("left")
        await until(pilot, lambda: '"sku": "pens"' not in screen_text(app))
        await pilot.press("right")
        await until_shown(pilot, '"sku": "pens"')
        await pilot.press("enter")
        await until(pilot, lambda: '"sku": "pens"' not in screen_text(app))
        await pilot.press("plus")
        await until_shown(pilot, '"sku": "pens"')
        await pilot.press("y")
        assert '"ink"' in app.clipboard


async def test_what_is_found_is_gone_through_round_and_round() -> None:
    events = shipped_order()
    events[-1].workflow_execution_completed_event_attributes.result.payloads[0].data = json.dumps(VALUE).encode()
    async with showing(recorded(events)) as (app, pilot):
        app.open_run(RunRef("order-1041"))
        await until_shown(pilot, "Completed after")
        await pilot.press("3")
        await until_shown(pilot, '"sku": "pens"')
        lines = app.screen.query_one("#values-lines", Lines)
        await find(pilot, "sku")
        found = [lines.cursor]
        for key in ("n", "n", "N"):
            await pilot.press(key)
            found.append(lines.cursor)
        assert found[0] == found[2] != found[1] == found[3]
        await find(pilot, "nowhere to be found")
        await until_shown(pilot, "not found")
        await find(pilot, "[")
        await until(pilot, lambda: "[" in plain([lines.lines[lines.cursor or 0]]))


async def test_the_text_beside_a_table_is_gone_to_and_left() -> None:
    async with showing(recorded()) as (app, pilot):
        app.open_run(RunRef("order-1041"))
        await until_shown(pilot, "Completed after")
        await pilot.press("2", "v")
        await until(pilot, lambda: isinstance(app.focused, Lines))
        await find(pilot, "eventTime|activityId|workflowType")
        await pilot.press("escape")
        await until(pilot, lambda: app.focused is not None and not isinstance(app.focused, Lines))
        assert "Events" in screen_text(app)


async def find(pilot: Pilot[None], text: str) -> None:
    await pilot.press("slash")
    await until(pilot, lambda: bool(pilot.app.screen.query("LineBar Input, Input")))
    from textual.widgets import Input

    pilot.app.screen.query_one(Input).value = text
    await pilot.press("enter")
    await pilot.pause()
