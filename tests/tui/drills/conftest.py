"""A server with an incident on it, the terminal UI on that, and a count of the keys."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.support.inprocess import InProcess
from tests.support.sdk_worker import sdk_worker
from tests.tui.conftest import FixedApp, served, showing, until_shown
from tests.tui.conftest import _plain_environment as _plain_environment
from tests.tui.looks import PICTURES, svg
from wfctl.tui.widgets.grid import Grid

ROOT = Path(__file__).parents[3]
MOST_KEYS = 3


def drill_worker(
    server: InProcess, queue: str = "orders", version: str = "before"
) -> AbstractAsyncContextManager[None]:
    return sdk_worker(server, Path(__file__).parent / "worker.py", queue, version)


@dataclass
class Drill:
    """Somebody on call: presses keys, at most three, and looks for the answer."""

    app: FixedApp
    pilot: Pilot[None]
    keys: int = 0

    async def press(self, key: str, shown: str) -> None:
        """A key, and what it brings."""
        self.keys += 1
        assert self.keys <= MOST_KEYS, "that is one key too many"
        await self.pilot.press(key)
        await self.sees(shown)

    async def sees(self, text: str) -> None:
        await until_shown(self.pilot, text)

    def picture(self, name: str) -> None:
        """`UPDATE_PICTURES=1` puts what is on screen into docs/tui.md."""
        if os.environ.get("UPDATE_PICTURES"):
            PICTURES.mkdir(exist_ok=True)
            (PICTURES / f"{name}.svg").write_text(svg(self.app, f"drill-{name}"), encoding="utf-8")


@asynccontextmanager
async def drill(server: InProcess, workflow_id: str) -> AsyncIterator[Drill]:
    """The list, with the cursor on the workflow that somebody was called for."""
    async with showing(served(server), (110, 30), idle_seconds=0.2) as (app, pilot):
        await until_shown(pilot, workflow_id)
        grid = app.screen.query_one(Grid)
        grid.cursor = next(at for at, row in enumerate(grid.rows) if row.workflow_id == workflow_id)
        await pilot.pause()
        yield Drill(app, pilot)


@pytest.fixture
def bystanders() -> tuple[str, ...]:
    """Workflows that are on the list, too, and have nothing to do with it."""
    return ("report-17", "report-18")
