"""A real Chromium without a window, driven through its own protocol. It reaches nothing but this machine."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
WAIT_SECONDS = 30.0
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0", "--window-size=1200,800", "about:blank",
)  # fmt: skip
_KEYS = {"Enter": (13, "\r"), "Escape": (27, ""), "ArrowDown": (40, ""), "Tab": (9, "")}

# The page's script keeps its terminal to itself; what it assigns to while it makes one lets us see it.
_FIND_TERMINAL = """
Object.defineProperty(Object.prototype, "websocket_url", { configurable: true, set(value) {
  Object.defineProperty(this, "websocket_url", { value, writable: true });
  window.shown = this;
} });
"""
_READ_TERMINAL = """(() => {
  const buffer = window.shown?.terminal?.buffer.active;
  if (!buffer) return "";
  return Array.from({ length: window.shown.terminal.rows }, (_, row) =>
    buffer.getLine(row)?.translateToString(true) ?? "").join("\\n");
})()"""
_COUNT_COLOURS = """(async () => {
  const picture = await createImageBitmap(await (await fetch("data:image/png;base64,%s")).blob());
  const canvas = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  canvas.drawImage(picture, 0, 0);
  const points = new Uint32Array(canvas.getImageData(0, 0, picture.width, picture.height).data.buffer);
  const counts = new Map();
  for (const point of points) counts.set(point, (counts.get(point) ?? 0) + 1);
  return JSON.stringify(Object.fromEntries([...counts].map(([point, count]) =>
    ["#" + [point, point >> 8, point >> 16].map((part) => (part & 255).toString(16).padStart(2, "0")).join(""), count])));
})()"""


class Page:
    """One page of the browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.requests: list[str] = []
        """The addresses of all that it loaded or tried to."""
        self.complaints: list[str] = []
        """What went wrong in its scripts."""
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            if "id" in said and not self._answers[said["id"]].done():
                self._answers[said["id"]].set_result(said)
            elif said.get("method") == "Network.requestWillBeSent":
                self.requests.append(said["params"]["request"]["url"])
            elif said.get("method") == "Network.webSocketCreated":
                self.requests.append(said["params"]["url"])
            elif said.get("method") == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(said["params"]["exceptionDetails"]))

    async def ask(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        async with asyncio.timeout(WAIT_SECONDS):
            said = await answer
        assert "error" not in said, said
        return said["result"]

    async def open(self, address: str) -> None:
        for domain in ("Page", "Network", "Runtime"):
            await self.ask(f"{domain}.enable")
        await self.ask("Emulation.setFocusEmulationEnabled", enabled=True)
        await self.ask("Page.addScriptToEvaluateOnNewDocument", source=_FIND_TERMINAL)
        await self.ask("Page.navigate", url=address)

    async def run(self, script: str) -> Any:
        found = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        return found["result"].get("value")

    async def text(self) -> str:
        """What the terminal in the page shows."""
        return str(await self.run(_READ_TERMINAL) or "")

    async def press(self, key: str) -> None:
        code, text = _KEYS.get(key, (ord(key.upper()) if len(key) == 1 else 0, key))
        sent = {"key": key, "windowsVirtualKeyCode": code, "text": text}
        await self.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **sent)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", **sent)

    async def click(self, x: float, y: float) -> None:
        for type in ("mousePressed", "mouseReleased"):
            await self.ask("Input.dispatchMouseEvent", type=type, x=x, y=y, button="left", clickCount=1)

    async def resize(self, width: int, height: int) -> None:
        await self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def picture(self) -> bytes:
        return base64.b64decode((await self.ask("Page.captureScreenshot", format="png"))["data"])

    async def colours(self, picture: bytes) -> dict[str, int]:
        """How many points of a picture have which colour."""
        return dict(json.loads(await self.run(_COUNT_COLOURS % base64.b64encode(picture).decode())))

    async def until(self, wanted: str) -> str:
        """What the terminal shows, once the wanted is in it."""
        return await self._until(self.text, lambda seen: wanted in seen, wanted)

    async def until_drawn(self, is_drawn: Callable[[dict[str, int]], bool]) -> bytes:
        """A picture of the page, once its colours are as they are to be; the canvas is drawn after the text came."""
        picture = b""

        async def look() -> str:
            nonlocal picture
            picture = await self.picture()
            return json.dumps(await self.colours(picture))

        await self._until(look, lambda seen: is_drawn(json.loads(seen)), "the picture")
        return picture

    async def _until(self, look: Callable[[], Any], is_there: Callable[[str], bool], wanted: str) -> str:
        seen = ""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not is_there(seen := await look()):  # noqa: ASYNC110 (the page tells nobody when it has drawn)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"'{wanted}' did not come; the page shows:\n{seen}\n{self.complaints}") from None
        return seen


@asynccontextmanager
async def browsing(directory: Path) -> AsyncIterator[Page]:
    """A browser with one page; it and all that it wrote are gone afterwards."""
    profile = directory / "profile"
    with (directory / "browser.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", stdout=log, stderr=log, start_new_session=True
        )
    try:
        async with aiohttp.ClientSession() as session:
            address = await _page_address(session, profile / "DevToolsActivePort", process, directory / "browser.log")
            async with session.ws_connect(address, max_msg_size=0) as socket:
                page = Page(socket)
                try:
                    yield page
                finally:
                    page.reader.cancel()
                    with suppress(asyncio.CancelledError):
                        await page.reader
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """With all its children: some of them outlive it by a moment, and still write into its directory."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(10):
            await process.wait()
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _page_address(
    session: aiohttp.ClientSession, port_file: Path, process: asyncio.subprocess.Process, log: Path
) -> str:
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            assert process.returncode is None, f"the browser ended:\n{log.read_text(errors='replace')}"
            with suppress(OSError, ValueError, IndexError, aiohttp.ClientError):
                port = int(port_file.read_text().splitlines()[0])
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    pages = [target for target in await answer.json() if target["type"] == "page"]
                return str(pages[0]["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)
