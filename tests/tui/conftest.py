"""The app on recorded histories or on a server within the test, and patience with neither."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button

from tests.support.histories import BEGAN, failed_order, shipped_order, waiting_order
from tests.support.inprocess import InProcess
from wfctl.client import Client
from wfctl.config import Connection
from wfctl.tui.app import WfctlApp
from wfctl.tui.feeds.files import FileRun, FilesSource
from wfctl.tui.feeds.source import ServerSource
from wfctl.tui.screens.dialogs import Dialog
from wfctl.view.described import description_from

WAIT_SECONDS = 30.0


class FixedApp(WfctlApp):
    """A day after the recorded histories; of a staged server, its own moment."""

    looked_at = ""

    def clock(self) -> datetime:
        if not self.source.is_live:
            return BEGAN + timedelta(days=1)
        moment: datetime | None = getattr(self.source, "at", None)
        return moment or super().clock()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("COLORFGBG", raising=False)
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


def recorded(*histories: Any) -> FilesSource:
    chosen = histories or (waiting_order(), failed_order(), shipped_order())
    return FilesSource([FileRun("orders.json", events, description_from(events)) for events in chosen])


@asynccontextmanager
async def showing(
    source: Any, size: tuple[int, int] = (120, 40), theme: str = "", **options: Any
) -> AsyncIterator[tuple[FixedApp, Pilot[None]]]:
    app = FixedApp(source, theme=theme, **options)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: len(app.screen_stack) > 1 and bool(app.screen.query("*")))
        yield app, pilot


def served(server: InProcess, *, read_only: bool = False) -> ServerSource:
    connection = Connection(address=f"127.0.0.1:{server.server.port}")
    return ServerSource(Client(connection, identity="tester", patience_seconds=0), read_only=read_only)


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait for what must come to be on screen; say what was there if it does not."""
    said: dict[str, None] = {}
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while not condition():
                said.update(dict.fromkeys(notice.message for notice in pilot.app._notifications))
                await pilot.pause(0.02)
    except TimeoutError:
        shown = [screen_text(pilot.app), *said]
        raise AssertionError("it did not come; the screen shows:\n" + "\n".join(shown)) from None
    await pilot.pause()


async def until_shown(pilot: Pilot[None], text: str) -> None:
    await until(pilot, lambda: text in screen_text(pilot.app))


async def until_dialog(pilot: Pilot[None]) -> None:
    """A dialog is open, and all of it is there."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Dialog) and bool(pilot.app.screen.query("#agree")))


async def agree(pilot: Pilot[None]) -> None:
    """Press the dialog's button, wherever it is."""
    pilot.app.screen.query_one("#agree", Button).press()
    await pilot.pause()


def screen_lines(app: Any) -> list[str]:
    height = app.size.height
    lines = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in lines][:height]


def screen_text(app: Any) -> str:
    return "\n".join(screen_lines(app))
