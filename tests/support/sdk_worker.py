"""A worker of the Python SDK beside an in-process server."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.inprocess import InProcess

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def sdk_worker(server: InProcess, script: Path, queue: str, *arguments: str) -> AsyncIterator[None]:
    """In a process of its own: the SDK's native threads are no part of what is tested. `script ADDRESS QUEUE …`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        f"127.0.0.1:{server.server.port}",
        queue,
        *arguments,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        # What comes now must not be handed to a poll of the dead.
        await server.until(lambda: not server.has_waiting_poll(queue))
