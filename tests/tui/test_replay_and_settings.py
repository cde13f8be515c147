"""Replay to here, saved filters, columns, profiles, children under parents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from tests.support.acting import Actor, start_child
from tests.support.histories import BEGAN, shipped_order
from tests.support.inprocess import in_process
from tests.tui.conftest import agree, recorded, screen_text, served, showing, until, until_dialog, until_shown
from wfctl.commands._replay_here import replay_here
from wfctl.errors import CommandError
from wfctl.tui.feeds.settings import Settings, load_settings
from wfctl.tui.models.cells import cell
from wfctl.tui.models.listing import Listing
from wfctl.tui.models.run import RunRef
from wfctl.tui.models.verdict import ReplayVerdict
from wfctl.tui.screens.dialogs import Menu
from wfctl.tui.widgets.grid import Grid

CODE = """
from datetime import timedelta
from temporalio import workflow

@workflow.defn
class OrderWorkflow:
    @workflow.run
    async def run(self, order: dict) -> dict:
        await workflow.sleep(5)
        return {}
"""


def test_replay_names_the_event_that_new_code_breaks_at(tmp_path: Path) -> None:
    code = tmp_path / "orders.py"
    code.write_text(CODE)
    verdict = replay_here(str(code), shipped_order(), "order-1041", "order-1041-run")
    assert not verdict.passes
    assert verdict.event_id == 5
    assert "breaks: nondeterminism at event 5" in verdict.sentence
    assert any("reserve" in part.text for line in verdict.report for part in line)


def test_code_that_cannot_be_loaded_is_said(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        replay_here(str(tmp_path / "nowhere.py"), shipped_order(), "order-1041", "run")


async def test_the_broken_event_is_shown_beside_the_report() -> None:
    asked: list[tuple[str, str]] = []

    def replay(target: str, events: Sequence[Any], workflow_id: str, run_id: str) -> ReplayVerdict:
        asked.append((target, workflow_id))
        return ReplayVerdict(False, f"{target} breaks at event 5", 5, [cell("the report")])

    async with showing(recorded(shipped_order()), replay=replay) as (app, pilot):
        app.open_run(RunRef("order-1041"))
        await until_shown(pilot, "Completed after")
        await pilot.press("R")
        await until_dialog(pilot)
        app.screen.query_one("#field-target", Input).value = "orders.py"
        await agree(pilot)
        await until_shown(pilot, "orders.py breaks at event 5")
        assert "the report" in screen_text(app)
        assert "ActivityTaskScheduled" in screen_text(app)
        assert asked == [("orders.py", "order-1041")]


async def test_filters_are_saved_and_found_again(tmp_path: Path) -> None:
    path = tmp_path / "wfctl" / "tui.json"
    query = "WorkflowType = 'OrderWorkflow'"
    async with showing(recorded(), settings=Settings(path), filter=query) as (app, pilot):
        await until_shown(pilot, "order-1041")
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, Menu))
        await pilot.press("plus")
        await until_dialog(pilot)
        app.screen.query_one("#field-name", Input).value = "orders"
        await agree(pilot)
        await until(pilot, lambda: path.exists())
    assert load_settings(path).filters == {"orders": query}


def test_settings_that_cannot_be_read_are_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "tui.json"
    path.write_text("[broken")
    assert load_settings(path) == Settings(path)
    path.write_text('{"filters": 3, "columns": {}, "theme": []}')
    assert load_settings(path) == Settings(path)


async def test_columns_are_chosen_by_title_or_attribute() -> None:
    events = shipped_order()
    started = events[0].workflow_execution_started_event_attributes
    payload = started.search_attributes.indexed_fields["Customer"]
    payload.metadata["encoding"] = b"json/plain"
    payload.data = b'"ada"'
    async with showing(recorded(events), settings=Settings(columns=["Workflow ID", "Customer"])) as (app, pilot):
        await until_shown(pilot, "ada")
        assert "Started" not in screen_text(app)


def test_children_stand_under_their_parents_when_asked() -> None:
    listing = Listing()
    infos = [run.description.workflow_execution_info for run in recorded().runs]
    infos[0].parent_execution.workflow_id = infos[2].execution.workflow_id
    listing.take(infos, now=BEGAN, more=False)
    listing.is_tree = True
    assert [(row.workflow_id, row.depth) for row in listing.shown()] == [
        ("order-1043", 0),
        ("order-1041", 0),
        ("order-1045", 1),
    ]


def family() -> Listing:
    listing = Listing(is_tree=True)
    infos = [run.description.workflow_execution_info for run in recorded().runs]
    infos[0].parent_execution.workflow_id = infos[2].execution.workflow_id
    infos[1].parent_execution.workflow_id = infos[0].execution.workflow_id
    listing.take(infos, now=BEGAN, more=False)
    return listing


def test_children_are_folded_away_and_counted() -> None:
    listing = family()
    assert [(row.depth, row.hidden) for row in listing.shown()] == [(0, 0), (1, 0), (2, 0)]
    parent = listing.shown()[0].workflow_id
    listing.fold(parent)
    assert [(row.workflow_id, row.hidden) for row in listing.shown()] == [(parent, 2)]
    listing.fold(parent)
    assert len(listing.shown()) == 3


async def test_children_stay_under_their_parents_when_the_list_is_looked_at_again() -> None:
    async with in_process() as server, showing(served(server), idle_seconds=0.1) as (app, pilot):
        actor = Actor(server.workflows)
        await server.start("parent")
        await actor.step(start_child("child"))
        await until_shown(pilot, "child")
        await pilot.press("z")
        await until_shown(pilot, "╰ child")
        await server.start("another")
        await until_shown(pilot, "another")
        assert "╰ child" in screen_text(app)
        grid = app.screen.query_one(Grid)
        grid.cursor = next(at for at, row in enumerate(grid.rows) if row.workflow_id == "child")
        await pilot.press("Z")
        await until_shown(pilot, "parent  +1")
        assert "╰ child" not in screen_text(app)


async def test_a_profile_that_does_not_answer_leaves_the_old_one_in_place() -> None:
    async with in_process() as gone:
        dead = served(gone)
    async with in_process() as one, in_process() as other:
        await one.start("of-one")
        await other.start("of-other")
        profiles = {"dead": lambda: dead, "other": lambda: served(other)}
        async with showing(served(one), profiles=profiles) as (app, pilot):
            await until_shown(pilot, "of-one")
            app.switch_profile("dead")
            await until_shown(pilot, "profile dead")
            assert "of-one" in screen_text(app)
            app.switch_profile("other")
            await until_shown(pilot, "of-other")
            assert "of-one" not in screen_text(app)
