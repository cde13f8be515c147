"""The event loop of a worker process: woken by threads, not by sockets.

Everything that wakes this loop is a thread of the same process: the SDK's core, the thread that workflow code runs in, the one that
listens to the parent. asyncio's own loop is woken through a socket (one call into the system to write, one to wait, one
to read), some fifteen times for a small history, also when it is awake. Here a thread opens a lock, and only when the loop sleeps.

The first file descriptor, subprocess or signal that somebody asks this loop to watch (a codec that talks to a key server, say) makes
it the ordinary loop that it inherits from, for good.
"""

from __future__ import annotations

import asyncio
import heapq
import threading
from typing import Any

from wfctl.replay.hurry import InlineExecutor

_MOST_CANCELLED = 100
_LONGEST_SLEEP = 3600.0


class ThreadWokenLoop(asyncio.SelectorEventLoop):
    # asyncio's own, which its stubs do not tell.
    _ready: Any
    _scheduled: Any
    _stopping: bool
    _timer_cancelled_count: int
    _clock_resolution: float

    def __init__(self) -> None:
        self._is_ordinary = True  # until the base class has registered the socket of its own
        self._is_asleep = False
        self._door = threading.Lock()
        self._door.acquire()
        super().__init__()
        self._is_ordinary = not all(hasattr(self, name) for name in ThreadWokenLoop.__annotations__)

    # Woken by threads.

    def _write_to_self(self) -> None:
        """Called after a callback was put into the loop by another thread."""
        if self._is_ordinary:
            super()._write_to_self()  # type: ignore[misc]
        elif self._is_asleep:
            self._is_asleep = False
            try:
                self._door.release()
            except RuntimeError:
                pass  # another thread was as quick

    def _sleep(self, seconds: float) -> None:
        self._is_asleep = True
        if not self._ready:  # what comes from now on opens the door
            self._door.acquire(timeout=seconds)
        self._is_asleep = False

    def _run_once(self) -> None:
        if self._is_ordinary:
            super()._run_once()  # type: ignore[misc]
            return
        ready, scheduled = self._ready, self._scheduled
        if self._timer_cancelled_count > _MOST_CANCELLED:
            self._forget_cancelled()
        while scheduled and scheduled[0]._cancelled:
            self._timer_cancelled_count -= 1
            heapq.heappop(scheduled)._scheduled = False
        if not ready and not self._stopping:
            until = scheduled[0]._when - self.time() if scheduled else _LONGEST_SLEEP
            if until > 0:
                self._sleep(min(until, _LONGEST_SLEEP))
        if scheduled:
            now = self.time() + self._clock_resolution
            while scheduled and scheduled[0]._when < now:
                handle = heapq.heappop(scheduled)
                handle._scheduled = False
                ready.append(handle)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _forget_cancelled(self) -> None:
        kept = []
        for handle in self._scheduled:
            if handle._cancelled:
                handle._scheduled = False
            else:
                kept.append(handle)
        heapq.heapify(kept)
        self._scheduled[:] = kept
        self._timer_cancelled_count = 0

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        if isinstance(executor, InlineExecutor):
            return executor.run(self, func, *args)
        return super().run_in_executor(executor, func, *args)

    # Watching what is no thread.

    def _become_ordinary(self) -> None:
        self._is_ordinary = True

    def _add_reader(self, *arguments: Any) -> Any:
        self._become_ordinary()
        return super()._add_reader(*arguments)  # type: ignore[misc]

    def _add_writer(self, *arguments: Any) -> Any:
        self._become_ordinary()
        return super()._add_writer(*arguments)  # type: ignore[misc]

    def add_signal_handler(self, *arguments: Any) -> None:  # type: ignore[override]
        self._become_ordinary()
        super().add_signal_handler(*arguments)
