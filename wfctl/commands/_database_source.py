"""A dev server's database as a source of the terminal UI: a copy of one moment, answered by the server's own code.

Here, among the commands, because the terminal UI and the dev server know nothing of one another.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from wfctl.errors import CommandError, ServerRefused

Result = TypeVar("Result")


class DatabaseSource:
    read_only = True
    is_live = False
    identity = ""

    def __init__(self, backend: Any, thread: _LoopThread, copy: tempfile.TemporaryDirectory[str], path: Path) -> None:
        self._backend, self._thread, self._copy, self._path = backend, thread, copy, path
        self.namespace = "default"
        files = [path, path.with_name(path.name + "-wal")]
        self.as_of = datetime.fromtimestamp(max(file.stat().st_mtime for file in files if file.exists()), UTC)

    @property
    def title(self) -> str:
        return str(self._path)

    def call(self, method: str, request: Any, timeout: float | None = None) -> Any:
        from wfctl.devserver.core.errors import ServiceError
        from wfctl.devserver.rpc.reading import answer
        from wfctl.devserver.rpc.status import code_of

        try:
            return self._thread.run(answer(self._backend, method, request))
        except ServiceError as error:
            raise ServerRefused(error.message, code=code_of(error).name) from error

    def in_namespace(self, namespace: str) -> DatabaseSource:
        other = DatabaseSource(self._backend, self._thread, self._copy, self._path)
        other.namespace = namespace
        return other

    def close(self) -> None:
        if self._thread.is_running:
            self._thread.run(_close(self._backend))
            self._thread.stop()
            self._copy.cleanup()


async def _close(backend: Any) -> None:
    await backend.runs.stop()
    await backend.database.close()


class _LoopThread:
    """The server's code lives on one event loop; this is a thread with one."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="database", daemon=True)
        self._thread.start()
        self.is_running = True

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        if not self.is_running:
            work.close()
            raise ServerRefused("the database was closed", code="CANCELLED")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        self.is_running = False
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def open_database_source(path: Path, namespace: str = "default") -> DatabaseSource:
    """Copy the file as it is now, also while a server writes to it, and open the copy. Raises CommandError."""
    from wfctl.devserver.app import open_to_read
    from wfctl.devserver.storage.file_check import CannotOpen
    from wfctl.devserver.storage.inspection import back_up

    copy = tempfile.TemporaryDirectory(prefix="wfctl-tui-")
    thread = _LoopThread()
    try:
        target = Path(copy.name) / "copy.db"
        back_up(path, target, lambda done, total: None)
        source = DatabaseSource(thread.run(open_to_read(target)), thread, copy, path)
    except BaseException as error:
        thread.stop()
        copy.cleanup()
        if isinstance(error, CannotOpen):
            raise CommandError(str(error), hint=getattr(error, "hint", None)) from error
        if isinstance(error, OSError):
            raise CommandError(f"cannot copy {path} to look at it: {error.strerror}") from error
        raise
    source.namespace = namespace
    return source
