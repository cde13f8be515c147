"""The terminal UI in a browser: what `wfctl tui --serve` answers, and what a real Chromium makes of it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToJson
from temporalio.api.history.v1 import History

from tests.support.histories import failed_order, shipped_order, waiting_order
from tests.support.server import free_port
from wfctl.tui.widgets.palette import DARK

aiohttp = pytest.importorskip("aiohttp", reason="textual-serve is not installed: pip install 'wfctl[serve]'")

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 30.0
UNTIL = "new Promise((come) => { const look = () => (%s) ? come() : setTimeout(look, 20); look(); })"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where `wfctl tui --serve` serves three histories."""
    for events in (waiting_order(), failed_order(), shipped_order()):
        path = tmp_path / f"{events[0].workflow_execution_started_event_attributes.workflow_id}.json"
        path.write_text(MessageToJson(History(events=events)), encoding="utf-8")
    port = free_port()
    command = [sys.executable, "-m", "wfctl", "tui", str(tmp_path), "--serve", "--serve-port", str(port)]
    process = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT), "XDG_CONFIG_HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        assert f"wfctl tui at http://localhost:{port}" in process.stderr.readline().decode()
        yield f"http://localhost:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=WAIT_SECONDS)


def listening(port: int) -> list[str]:
    """The addresses on which somebody listens at a port, as the kernel tells."""
    wanted = f"{port:04X}"
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_ = line.split()
            place, _, number = local.partition(":")
            if number == wanted and state == "0A":
                found.append(place)
    return found


async def test_it_is_served_on_loopback_only_and_from_this_machine_only(address: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(address) as answer:
            page = await answer.text()
        assert "https:" not in page.replace('"https:"', "")
        elsewhere = {"Origin": "https://elsewhere.example"}
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{address.replace('http', 'ws')}/ws", headers=elsewhere)
        assert refused.value.status == 403
    if Path("/proc/net/tcp").exists():
        addresses = listening(int(address.rpartition(":")[2]))
        assert addresses
        assert set(addresses) <= {"0100007F", "00000000000000000000000001000000"}


async def test_a_page_that_connects_gets_the_screen(address: str) -> None:
    """As the page's script does it: a websocket, whose messages carry what the terminal would get."""
    seen = b""

    async def until(socket: Any, wanted: bytes) -> None:
        nonlocal seen
        while wanted not in seen:
            message = await socket.receive()
            assert message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY), message
            seen += message.data if isinstance(message.data, bytes) else message.data.encode()

    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{address.replace('http', 'ws')}/ws?width=100&height=30") as socket,
        asyncio.timeout(WAIT_SECONDS),
    ):
        await socket.send_json(["resize", {"width": 100, "height": 30}])
        await until(socket, b"order-1043")
        await socket.send_json(["stdin", "j\r"])
        await until(socket, b"Failed after")


@pytest.mark.needs_chromium
async def test_a_real_browser_draws_it_and_its_keys_and_clicks_arrive(address: str, tmp_path: Path) -> None:
    from tests.support.browser import browsing

    async with browsing(tmp_path) as page:
        await page.open(address)
        shown = await page.until("order-1043")
        assert "● Running 1" in shown
        await page.until("⏎ Open")
        assert "order-1041" in shown
        assert await page.run("document.fonts.check('16px \"Roboto Mono\"')"), "its font is not loaded"
        # What the canvas shows is not in the page's text: the dark ground, and the colours of words on it.
        dark = await page.until_drawn(lambda colours: colours.get(str(DARK.background), 0) > 100_000)
        colours = await page.colours(dark)
        assert colours.get(str(DARK.error), 0) > 10
        assert colours.get(str(DARK.success), 0) > 10

        await page.press("ArrowDown")
        await page.press("Enter")
        await page.until("Failed after")
        await page.press("w")
        assert "card declined" in await page.until("╰ because")
        await page.press("Escape")
        await page.until("Input/Result")
        lines = (await page.text()).split("\n")
        row = next(index for index, line in enumerate(lines) if "Input/Result" in line)
        cell = await page.run("[innerWidth / window.shown.terminal.cols, innerHeight / window.shown.terminal.rows]")
        await page.click((lines[row].index("Events") + 1) * cell[0] + 4, (row + 0.5) * cell[1] + 4)
        await page.until("charge")

        await page.resize(700, 500)
        await page.run(UNTIL % "window.shown.terminal.cols < 80")
        await page.until("Failed after")
        await page.press("Escape")
        await page.until("order-1041")
        await page.press("q")
        await page.run(UNTIL % "document.activeElement.textContent === 'Open it again'")
        assert not page.complaints
        own = (address, address.replace("http", "ws"), "data:")
        assert [url for url in page.requests if not url.startswith(own)] == []
