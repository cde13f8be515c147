"""The composition root: the only file that knows every floor. Puts a server together, runs it, takes it apart."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from wfctl.devserver.clock import Clock, SystemClock
from wfctl.devserver.core.errors import Unavailable
from wfctl.devserver.engine.runs import Runs
from wfctl.devserver.matching.queues import Queues
from wfctl.devserver.options import ServerOptions
from wfctl.devserver.rpc.backend import Backend
from wfctl.devserver.rpc.server import RpcServer
from wfctl.devserver.services import deletion
from wfctl.devserver.services.effects import Effects
from wfctl.devserver.services.namespaces import Namespaces
from wfctl.devserver.services.task_queues import TaskQueues
from wfctl.devserver.settings import Settings
from wfctl.devserver.storage.database import Database
from wfctl.devserver.storage.file_check import refuse_corrupt
from wfctl.devserver.storage.open import open_database


@dataclass(slots=True)
class Server:
    """A running server: where it listens, what it found, and how to stop it."""

    backend: Backend
    rpc: RpcServer
    port: int
    recovered: int

    @property
    def database(self) -> Database:
        return self.backend.database

    async def stop(self) -> None:
        """Cut the polls, finish the commits that were promised, close the file."""
        self.backend.queues.cut_all_polls()
        await self.rpc.stop()
        await self.backend.runs.stop()
        await self.database.close()


async def start(options: ServerOptions, clock: Clock | None = None) -> Server:
    """Raises `CannotOpen` (the database), `PortNotBound` (the address)."""
    clock = clock or SystemClock()
    database = await open_database(options.db_path, options.durability, options.sqlite_pragmas)
    try:
        database.start()
        namespaces = Namespaces(database, options.settings)
        await namespaces.load()
        await namespaces.ensure(options.namespaces, options.search_attributes, options.retention_seconds)
        await namespaces.reconcile(options.declared)
        backend = await _assemble(database, namespaces, options.settings, clock)
        rpc = RpcServer(backend)
        port = rpc.listen(options.ip, options.port)
        recovered = await backend.runs.recover()
        deletion.start(backend.runs, namespaces)
        await rpc.start()
    except BaseException as error:
        await database.close()
        if isinstance(error, Unavailable):
            raise refuse_corrupt(database.path, error) from error
        raise
    return Server(backend, rpc, port, recovered)


async def _assemble(database: Database, namespaces: Namespaces, settings: Settings, clock: Clock) -> Backend:
    queues = Queues(clock.now)
    task_queues = TaskQueues(database, queues)
    await task_queues.load()
    runs = Runs(
        database,
        clock,
        settings,
        lambda namespace_id: namespaces.by_id(namespace_id).name,
        namespaces.resolve,
    )
    Effects(runs, queues, namespaces)
    return Backend(settings, clock, database, namespaces, runs, queues, task_queues)


async def open_to_read(path: Path) -> Backend:
    """The floors over a database of which nothing is taken up: no timer fires and no task is handed out.

    The file is opened as a server opens it, migrations included, so give it a copy. Raises `CannotOpen`.
    """
    database = await open_database(path)
    try:
        database.start()
        settings = Settings()
        namespaces = Namespaces(database, settings)
        await namespaces.load()
        return await _assemble(database, namespaces, settings, SystemClock())
    except BaseException:
        await database.close()
        raise


async def serve(options: ServerOptions, on_ready: Callable[[Server], None], stop: asyncio.Event) -> None:
    """Run a server until `stop` is set."""
    server = await start(options)
    # What start-up made stays for good; and protobuf messages make few cycles, so the collector need not look so often.
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    try:
        on_ready(server)
        await stop.wait()
    finally:
        await server.stop()
