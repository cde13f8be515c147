"""Names, payloads and failures that would drive the terminal if they could: they reach no screen and no dialog."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import Message
from textual.pilot import Pilot

from tests.support.histories import failed_order, shipped_order, waiting_order
from tests.support.inprocess import in_process
from tests.tui.conftest import recorded, screen_text, served, showing, until, until_dialog, until_shown
from tests.tui.recorded_server import RecordedServer
from wfctl.tui.feeds.nouns import RESOURCES
from wfctl.tui.models.run import RunRef
from wfctl.tui.screens.dialogs import Menu
from wfctl.tui.screens.resources import ResourceScreen
from wfctl.tui.widgets.grid import Grid

NASTY = "\x1b]0;pwned\x07\x1b[31m\u202egnp.exe\x9b2J[red]"
"""Changes the title, the colour and the direction of text, clears the screen, and tries Textual's own markup."""


def poison(message: Any) -> None:
    """Every text of a message gets the nasty one behind it; times, types and ids that are looked up stay."""
    for field, value in list(message.ListFields()):
        if field.name in ("run_id", "original_execution_run_id", "first_execution_run_id", "metadata", "data"):
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for inner in value.values():
                if isinstance(inner, Message):
                    poison(inner)
        elif field.message_type is not None:
            for inner in value if field.is_repeated else [value]:
                poison(inner)
        elif field.cpp_type == field.CPPTYPE_STRING and field.type == field.TYPE_STRING:
            if field.is_repeated:
                value[:] = [text + NASTY for text in value]
            else:
                setattr(message, field.name, value + NASTY)


def poisoned(events: list[Any]) -> list[Any]:
    for event in events:
        poison(event)
    return events


def unsafe(text: str) -> set[str]:
    return {
        char
        for char in text
        if (ord(char) < 32 and char != "\n") or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u2066\u2069"
    }


def check(pilot: Pilot[None]) -> None:
    """What is drawn, and what styles do not show: nothing acts on a terminal."""
    assert not unsafe(screen_text(pilot.app)), screen_text(pilot.app)


async def test_no_tab_of_a_workflow_lets_control_sequences_through() -> None:
    source = recorded(*(poisoned(events) for events in (shipped_order(), failed_order(), waiting_order())))
    async with showing(source, (160, 45)) as (app, pilot):
        await until_shown(pilot, "Completed 1")
        check(pilot)
        for run in source.runs:
            app.open_run(RunRef(run.description.workflow_execution_info.execution.workflow_id))
            await until_shown(pilot, "history")
            await pilot.pause()
            for key in ("enter", "2", "enter", "c", "end", "3", "4", "enter", "5", "6", "7", "8", "end"):
                await pilot.press(key)
                check(pilot)
            await pilot.press("w")
            check(pilot)
            for key in ("D", "E"):
                while len(app.screen_stack) > 3:
                    app.pop_screen()
                await pilot.press(key)
                await pilot.pause()
                check(pilot)
            while len(app.screen_stack) > 2:
                app.pop_screen()


class Poisoned(RecordedServer):
    def call(self, method: str, request: Any, timeout: float | None = None) -> Any:
        plain = type(request)()
        plain.ParseFromString(request.SerializeToString())
        heal(plain)
        answer = super().call(method, plain, timeout)
        poison(answer)
        return answer


def heal(message: Any) -> None:
    """The request as it was recorded."""
    for field, value in list(message.ListFields()):
        if field.message_type is not None and not field.is_repeated:
            heal(value)
        elif field.message_type is None and field.type == field.TYPE_STRING and not field.is_repeated:
            setattr(message, field.name, value.replace(NASTY, ""))


@pytest.mark.parametrize("noun", RESOURCES)
async def test_no_noun_lets_control_sequences_through(noun: str) -> None:
    async with showing(Poisoned(), (160, 45)) as (app, pilot):
        app.goto(noun)
        await until(pilot, lambda: isinstance(app.screen, ResourceScreen))
        await until(pilot, lambda: "looking" not in screen_text(app))
        await pilot.pause()
        check(pilot)
        screen = app.screen
        assert isinstance(screen, ResourceScreen)
        if not screen.query_one(Grid).rows:
            return
        for action in screen.resource.actions:
            await pilot.press("a")
            await until(pilot, lambda: isinstance(app.screen, Menu))
            check(pilot)
            await pilot.press(action.key)
            await until_dialog(pilot)
            check(pilot)
            await pilot.press("escape")
            await pilot.pause()
        if screen.resource.links(screen.query_one(Grid).current):
            await pilot.press("down", "o")
            await pilot.pause()
            check(pilot)


async def test_no_dialog_and_no_notice_lets_control_sequences_through() -> None:
    workflow_id = "order-\x1b[31m\u202e"
    async with in_process() as server, showing(served(server), idle_seconds=0.2) as (app, pilot):
        await server.start(workflow_id)
        await until_shown(pilot, "order-")
        for key in ("s", "Q", "t", "a", "d", "r"):
            await pilot.press("a")
            await until(pilot, lambda: isinstance(app.screen, Menu))
            check(pilot)
            await pilot.press(key)
            await until_dialog(pilot)
            check(pilot)
            await pilot.press("escape")
            await pilot.pause()
        await pilot.press("y")
        await until_shown(pilot, "copied")
        check(pilot)
        assert app.clipboard == workflow_id, "what is copied is what it is"
        await pilot.press("slash", *"WorkflowId = 'ord")
        await pilot.pause()
        check(pilot)
