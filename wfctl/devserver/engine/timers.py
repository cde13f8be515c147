"""One timer for all runs: the earliest deadline of each, in a heap."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from datetime import datetime

from wfctl.devserver.clock import Clock


class Timers:
    """Calls `fire(key)` when a key's deadline has come. Setting a key's deadline replaces the one before."""

    def __init__(self, clock: Clock, fire: Callable[[int], None]) -> None:
        self._clock = clock
        self._fire = fire
        self._heap: list[tuple[datetime, int]] = []
        self._deadlines: dict[int, datetime] = {}
        self._handle: asyncio.TimerHandle | None = None
        self._handle_at: datetime | None = None

    def set(self, key: int, deadline: datetime | None) -> None:
        if deadline is None:
            self._deadlines.pop(key, None)
            return
        if self._deadlines.get(key) == deadline:
            return
        self._deadlines[key] = deadline
        heapq.heappush(self._heap, (deadline, key))
        if self._handle_at is None or deadline < self._handle_at:
            self._arm()
        if len(self._heap) > 64 and len(self._heap) > 4 * len(self._deadlines):
            self._heap = [(at, key) for key, at in self._deadlines.items()]
            heapq.heapify(self._heap)

    def fire_due(self) -> None:
        """Fire what has come due. Called by the event loop, or by whoever moved the clock."""
        now = self._clock.now()
        while self._heap and self._heap[0][0] <= now:
            deadline, key = heapq.heappop(self._heap)
            if self._deadlines.get(key) == deadline:
                del self._deadlines[key]
                self._fire(key)
        self._arm()

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._heap.clear()
        self._deadlines.clear()

    def _arm(self) -> None:
        while self._heap and self._deadlines.get(self._heap[0][1]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
            self._handle_at = None
        if self._heap:
            self._handle_at = self._heap[0][0]
            delay = max(0.0, (self._handle_at - self._clock.now()).total_seconds())
            # The loop must wake now and then even for far deadlines: the wall clock can jump.
            self._handle = asyncio.get_running_loop().call_later(min(delay, 60.0), self.fire_due)
