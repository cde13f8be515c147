"""The terminal UI: how soon it shows something, how soon it answers a key, what it costs.

Each figure is taken by Textual's pilot in a process of its own, which tells its findings as JSON on stdout:
`python -m bench.tui first|long|idle ADDRESS BEGAN`.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from bench.sizes import Tell
    from wfctl.tui.app import WfctlApp
    from wfctl.tui.widgets.grid import Cursored

FIRST_SCREEN_REPEATS = 5
IDLE_SECONDS = 6.0
LONG_WORKFLOW = "long"
SIZE = (120, 40)
_WAIT_SECONDS = 20.0
KEYS_AFTER = 100


def measure(command: str, workflows: int, events: int, tell: Tell) -> dict[str, float]:
    """All figures, against the server that this command starts."""
    from bench import fixtures
    from bench.sizes import served

    found: dict[str, float] = {"workflows": workflows, "events": events}
    tell(f"the terminal UI on {workflows:,} workflows")
    with served(command, lambda path: fixtures.build(path, 100, workflows)) as (server, _):
        seconds = [_child("first", server.address)["first_screen_seconds"] for _ in range(FIRST_SCREEN_REPEATS)]
        found["first_screen_seconds"] = statistics.median(seconds)
        found["first_screen_worst_seconds"] = max(seconds)
        found["idle_rpcs_per_second"] = _child("idle", server.address)["idle_rpcs_per_second"]
    tell(f"the terminal UI on a history of {events:,} events")
    with served(command, lambda path: fixtures.build_long_history(path, events)) as (server, _):
        found |= _child("long", server.address)
    return found


def _child(what: str, address: str) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.tui", what, address, repr(time.time())]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    value: dict[str, float] = json.loads(done.stdout)
    return value


# In the child.


class CountingCalls:
    """The source with every call counted."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def call(self, method: str, request: Any, timeout: float | None = None) -> Any:
        self.calls[method] += 1
        return self._source.call(method, request, timeout)


def _app(address: str) -> tuple[WfctlApp, CountingCalls]:
    from wfctl.client import Client
    from wfctl.config import Connection
    from wfctl.tui.app import WfctlApp
    from wfctl.tui.feeds.source import ServerSource

    source = CountingCalls(ServerSource(Client(Connection(address=address), patience_seconds=0)))
    return WfctlApp(source), source


async def _until_rows(app: WfctlApp, pilot: Pilot[None]) -> None:
    from wfctl.tui.widgets.grid import Grid

    async with asyncio.timeout(_WAIT_SECONDS):
        while len(app.screen_stack) < 2 or not app.screen.query(Grid) or not app.screen.query_one(Grid).rows:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    # What is known is also drawn.
    await pilot.pause()


async def first(address: str, began: float) -> dict[str, float]:
    """From the start of the process to the first workflows on screen."""
    app, _ = _app(address)
    async with app.run_test(size=SIZE) as pilot:
        await _until_rows(app, pilot)
        return {"first_screen_seconds": time.time() - began}


async def idle(address: str, began: float) -> dict[str, float]:
    """The list with nobody at the keys."""
    app, source = _app(address)
    async with app.run_test(size=SIZE) as pilot:
        await _until_rows(app, pilot)
        before = source.calls.total()
        await asyncio.sleep(IDLE_SECONDS)
        return {"idle_rpcs_per_second": (source.calls.total() - before) / IDLE_SECONDS}


async def long(address: str, began: float) -> dict[str, float]:
    """Keys while a long history is read, and what it takes once it is there."""
    from wfctl.tui.models.run import RunRef
    from wfctl.tui.screens.workflow import WorkflowScreen
    from wfctl.tui.widgets.grid import Grid

    app, source = _app(address)
    async with app.run_test(size=SIZE) as pilot:
        await _until_rows(app, pilot)
        app.open_run(RunRef(LONG_WORKFLOW))
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, WorkflowScreen)
        model = screen.model
        screen.action_tab("events")
        rows = screen.query_one("#event-grid", Grid)
        opened = time.perf_counter()
        loading: list[float] = []
        while model.description is None or model.loaded < model.total:
            if rows.has_focus and rows.row_count > 1:
                loading.append(await _answered(app, rows))
            await asyncio.sleep(0.01)
            if time.perf_counter() - opened > _WAIT_SECONDS:
                raise TimeoutError(f"{model.loaded} of {model.total} events after {_WAIT_SECONDS} s")
        took = time.perf_counter() - opened
        await pilot.pause()
        after = []
        for _ in range(KEYS_AFTER):
            after.append(await _answered(app, rows))
            await asyncio.sleep(0.02)
        before = source.calls.total()
        await asyncio.sleep(IDLE_SECONDS)
        return {
            "load_seconds": took,
            "keys_while_loading": len(loading),
            **_spread("key_while_loading", loading),
            **_spread("key", after),
            "memory_mib": _memory_mib(),
            "open_run_rpcs_per_second": (source.calls.total() - before) / IDLE_SECONDS,
        }


def _spread(name: str, seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds) or [float("nan")]
    return {
        f"{name}_p50_ms": 1000 * statistics.median(ordered),
        f"{name}_p95_ms": 1000 * ordered[int(len(ordered) * 0.95)],
        f"{name}_worst_ms": 1000 * ordered[-1],
    }


async def _answered(app: WfctlApp, rows: Cursored) -> float:
    """From a key's arrival to the screen with the cursor moved: what somebody at the keyboard waits for.

    `pilot.press` would also wait for whatever else the app is busy with.
    """
    from textual import events

    where = rows.cursor
    key = "up" if where else "down"
    drawn = asyncio.Event()
    began = time.perf_counter()
    event = events.Key(key, None)
    event.set_sender(app)
    driver = app._driver
    assert driver is not None
    driver.send_message(event)
    async with asyncio.timeout(_WAIT_SECONDS):
        while rows.cursor == where:  # noqa: ASYNC110 (what is measured has no event of its own)
            await asyncio.sleep(0.0005)
        rows.call_after_refresh(drawn.set)
        await drawn.wait()
    return time.perf_counter() - began


def _memory_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


_MEASURES = {"first": first, "idle": idle, "long": long}


def main(what: str, address: str, began: str) -> None:
    os.environ["TEXTUAL_ANIMATIONS"] = "none"
    print(json.dumps(asyncio.run(_MEASURES[what](address, float(began)))))


if __name__ == "__main__":
    main(*sys.argv[1:])
