"""A dev server's database as a source of the terminal UI: a copy of one moment, answered by the server's own code.

While a server runs on the file, the copy is made anew whenever something was written, as often as its size allows.
Here, among the commands, because the terminal UI and the dev server know nothing of one another.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

from wfctl.errors import CommandError, ServerRefused

Result = TypeVar("Result")

_LOOK_SECONDS = 0.5
"""How often the file is looked at for changes."""
_COPY_SHARE = 20
"""A copy may take a twentieth of the time."""


class DatabaseSource:
    """Of one namespace; those of other namespaces share the copy."""

    read_only = True
    is_live = True
    identity = ""
    warning = ""

    def __init__(self, copies: _Copies, namespace: str) -> None:
        self._copies, self.namespace = copies, namespace
        copies.users += 1
        self._is_closed = False

    @property
    def title(self) -> str:
        return str(self._copies.path)

    @property
    def as_of(self) -> datetime | None:
        """Without a server, time stands still at the last write."""
        return None if self._copies.is_served else self._copies.written_at

    def call(self, method: str, request: Any, timeout: float | None = None) -> Any:
        from wfctl.devserver.core.errors import ServiceError
        from wfctl.devserver.rpc.status import code_of

        try:
            return self._copies.answer(method, request)
        except ServiceError as error:
            raise ServerRefused(error.message, code=code_of(error).name) from error

    def in_namespace(self, namespace: str) -> DatabaseSource:
        return DatabaseSource(self._copies, namespace)

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._copies.let_go()


@dataclass(frozen=True, slots=True)
class _Copy:
    backend: Any
    directory: tempfile.TemporaryDirectory[str]
    signature: tuple[object, ...]


class _Copies:
    """The newest copy of a file, and when to make another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.users = 0
        self.is_served = False
        self._thread = _LoopThread()
        self._lock = threading.Lock()
        self._looked_at = 0.0
        self._next_copy_at = 0.0
        self._copy: _Copy | None = None
        self.written_at: datetime | None = None

    def answer(self, method: str, request: Any) -> Any:
        from wfctl.devserver.rpc.reading import answer

        with self._lock:
            self.keep_up()
            if self._copy is None:
                raise ServerRefused("the database was closed", code="CANCELLED")
            return self._thread.run(answer(self._copy.backend, method, request))

    def keep_up(self) -> None:
        """Raises CommandError, and leaves the copy that there is."""
        now = monotonic()
        if not self._thread.is_running or now < max(self._looked_at + _LOOK_SECONDS, self._next_copy_at):
            return
        signature = self._signature()
        if self._copy is None or signature != self._copy.signature:
            fresh = self._fresh(signature)
            self._drop()
            self._copy = fresh
            self._next_copy_at = monotonic() + _COPY_SHARE * (monotonic() - now)
        self._looked_at = monotonic()

    def let_go(self) -> None:
        self.users -= 1
        if self.users == 0:
            with self._lock:
                self._drop()
                self._thread.stop()

    def _files(self) -> list[Path]:
        return [self.path, self.path.with_name(self.path.name + "-wal")]

    def _signature(self) -> tuple[object, ...]:
        """Another one after every write."""
        from wfctl.devserver.storage.lock import holder_of

        self.is_served = holder_of(Path(f"{self.path}.lock")) is not None
        stats = [file.stat() for file in self._files() if file.exists()]
        self.written_at = datetime.fromtimestamp(max((stat.st_mtime for stat in stats), default=0.0), UTC)
        return tuple((stat.st_mtime_ns, stat.st_size) for stat in stats)

    def _fresh(self, signature: tuple[object, ...]) -> _Copy:
        """Copied as the file is now, also while a server writes to it."""
        from wfctl.devserver.app import open_to_read
        from wfctl.devserver.storage.file_check import CannotOpen
        from wfctl.devserver.storage.inspection import back_up

        directory = tempfile.TemporaryDirectory(prefix="wfctl-tui-")
        try:
            target = Path(directory.name) / "copy.db"
            back_up(self.path, target, lambda done, total: None)
            return _Copy(self._thread.run(open_to_read(target)), directory, signature)
        except BaseException as error:
            directory.cleanup()
            if isinstance(error, CannotOpen):
                raise CommandError(str(error), hint=getattr(error, "hint", None)) from error
            if isinstance(error, OSError):
                raise CommandError(f"cannot copy {self.path} to look at it: {error.strerror}") from error
            raise

    def _drop(self) -> None:
        if self._copy is not None:
            self._thread.run(_close(self._copy.backend))
            self._copy.directory.cleanup()
            self._copy = None


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
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def stop(self) -> None:
        self.is_running = False
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def open_database_source(path: Path, namespace: str = "default") -> DatabaseSource:
    """Raises CommandError."""
    copies = _Copies(path)
    source = DatabaseSource(copies, namespace)
    try:
        copies.keep_up()
    except BaseException:
        source.close()
        raise
    return source
