"""One task queue: a backlog of tasks or a line of parked polls, never both.

Tasks are handed out by priority, then in order of arrival. A task that was handed to a poll whose client has gone
returns to the head of the backlog.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from wfctl.devserver.matching.pollers import Pollers


@dataclass(frozen=True, slots=True)
class Task:
    """What a queue holds: a pointer to work in a run. The run decides whether it still stands."""

    run_key: int
    scheduled_event_id: int
    attempt: int
    priority_key: int
    added_at: datetime
    query_id: str = ""  # a direct query, not a workflow task


@dataclass(slots=True, eq=False)
class TaskQueue:
    namespace_id: str
    name: str
    pollers: Pollers = field(default_factory=Pollers)
    added: int = 0
    dispatched: int = 0
    _backlog: list[tuple[int, int, Task]] = field(default_factory=list)
    _waiting: deque[tuple[str, asyncio.Future[Task | None]]] = field(default_factory=deque)
    _order: count[int] = field(default_factory=count)

    @property
    def backlog_count(self) -> int:
        return len(self._backlog)

    @property
    def has_waiting_poll(self) -> bool:
        return any(not future.done() for _, future in self._waiting)

    def oldest_task_added_at(self) -> datetime | None:
        return min((task.added_at for _, _, task in self._backlog), default=None)

    def add(self, task: Task) -> None:
        """Hand the task to a parked poll, or keep it."""
        self.added += 1
        self._offer(task, next(self._order))

    def _offer(self, task: Task, order: int) -> None:
        while self._waiting:
            _, future = self._waiting.popleft()
            if not future.done():
                self.dispatched += 1
                future.set_result(task)
                return
        heapq.heappush(self._backlog, (task.priority_key, order, task))

    async def take(self, worker: str, timeout_seconds: float) -> Task | None:
        """The next task, for this worker (its instance key or identity); None when none came in time, or the poll was cut."""
        if self._backlog:
            self.dispatched += 1
            return heapq.heappop(self._backlog)[2]
        if timeout_seconds <= 0:
            return None
        future: asyncio.Future[Task | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((worker, future))
        timer = asyncio.get_running_loop().call_later(timeout_seconds, _expire, future)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and (task := future.result()) is not None:
                self.dispatched -= 1
                self._offer(task, -1)  # nobody has seen it: back to the head
            else:
                future.cancel()
            raise
        finally:
            timer.cancel()

    def discard(self, task: Task) -> None:
        """Forget a task that waits in the backlog for nothing."""
        kept = [entry for entry in self._backlog if entry[2] is not task]
        if len(kept) < len(self._backlog):
            heapq.heapify(kept)
            self._backlog = kept

    def cut_polls(self, worker: str | None = None) -> None:
        """End parked polls with no task: all, or those of one worker."""
        for owner, future in self._waiting:
            if not future.done() and worker in (None, owner):
                future.set_result(None)
        self._waiting = deque(entry for entry in self._waiting if not entry[1].done())


def _expire(future: asyncio.Future[Task | None]) -> None:
    if not future.done():
        future.set_result(None)
