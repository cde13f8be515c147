"""Rows of runs, read from disk: all that are asked for in one turn of the loop share one hop to the reader's thread."""

from __future__ import annotations

import asyncio

from wfctl.devserver.core.errors import Unavailable
from wfctl.devserver.storage import executions as storage
from wfctl.devserver.storage.database import Database


class Loader:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._wanted: dict[int, asyncio.Future[storage.StoredRun | None]] = {}
        self._reading: set[asyncio.Task[None]] = set()

    async def row(self, key: int) -> storage.StoredRun | None:
        """Raises `Unavailable` when the file cannot be read."""
        found = self._wanted.get(key)
        if found is None:
            loop = asyncio.get_running_loop()
            if not self._wanted:
                loop.call_soon(self._flush)
            found = self._wanted[key] = loop.create_future()
        return await asyncio.shield(found)

    def _flush(self) -> None:
        wanted, self._wanted = self._wanted, {}
        reading = asyncio.ensure_future(self._read(wanted))
        self._reading.add(reading)
        reading.add_done_callback(self._reading.discard)

    async def _read(self, wanted: dict[int, asyncio.Future[storage.StoredRun | None]]) -> None:
        try:
            rows = await self._database.read(lambda connection: [storage.load(connection, key) for key in wanted])
            for future, row in zip(wanted.values(), rows, strict=True):
                future.set_result(row)
        except Unavailable as error:
            for future in wanted.values():
                future.set_exception(error)
                future.exception()  # whoever asked may be gone
