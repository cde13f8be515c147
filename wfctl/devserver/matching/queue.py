"""One task queue: a backlog of tasks or a line of parked polls; both only while a rate limit holds tasks back.

Tasks are handed out by priority (1 first). Within a priority the fairness keys take turns: each task gets a *pass*, one
step of 1/weight behind the last task of its key, and the lowest pass goes first. So a key with a thousand tasks does not
hold up a key with one, and a key of weight 2 gets two turns for one; tasks of one key go in order of arrival. A task that
was handed to a poll whose client has gone returns to the head of the backlog.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from wfctl.devserver.matching.pollers import Pollers

HEAD = -1.0  # before every pass
# The rates that DescribeTaskQueue shows are means over this time.
RATE_WINDOW = timedelta(seconds=30)
RATE_BUCKETS = 6


@dataclass(frozen=True, slots=True)
class Task:
    """What a queue holds: a pointer to work in a run. The run decides whether it still stands."""

    run_key: int
    scheduled_event_id: int
    attempt: int
    priority_key: int
    added_at: datetime
    query_id: str = ""  # a direct query, not a workflow task
    stamp: int = 0  # of the activity, see there
    fairness_key: str = ""
    fairness_weight: float = 1.0


class Rate:
    """How many a second, lately."""

    __slots__ = ("_buckets",)

    def __init__(self) -> None:
        self._buckets: deque[list[float]] = deque(maxlen=RATE_BUCKETS)

    def count(self, now: datetime) -> None:
        width = RATE_WINDOW.total_seconds() / RATE_BUCKETS
        number = now.timestamp() // width
        if self._buckets and self._buckets[-1][0] == number:
            self._buckets[-1][1] += 1
        else:
            self._buckets.append([number, 1])

    def per_second(self, now: datetime) -> float:
        width = RATE_WINDOW.total_seconds() / RATE_BUCKETS
        oldest = now.timestamp() // width - RATE_BUCKETS
        return sum(amount for number, amount in self._buckets if number > oldest) / RATE_WINDOW.total_seconds()


class Bucket:
    """How fast tasks may leave: `rate` a second, after a pause up to a second's worth at once."""

    __slots__ = ("_tokens", "_updated", "rate")

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._tokens = self._most
        self._updated = now

    @property
    def _most(self) -> float:
        return max(1.0, self.rate) if self.rate else 0.0

    def wait_seconds(self, now: float) -> float:
        """Until the next task may leave; 0 when one may leave now."""
        self._tokens = min(self._most, self._tokens + (now - self._updated) * self.rate)
        self._updated = now
        if self._tokens >= 1.0:
            return 0.0
        return (1.0 - self._tokens) / self.rate if self.rate else float("inf")

    def spend(self) -> None:
        self._tokens -= 1.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits, as DescribeTaskQueue shows it."""

    count: int
    oldest_added_at: datetime | None


@dataclass(slots=True)
class _Kept:
    """The tasks of one priority in the backlog, so that to describe 100,000 of them is not to look at each."""

    count: int = 0
    oldest: datetime | None = None  # when it was added; None: to be found again

    def add(self, task: Task) -> None:
        if self.count == 0 or (self.oldest is not None and task.added_at < self.oldest):
            self.oldest = task.added_at
        self.count += 1

    def remove(self, task: Task) -> None:
        if task.added_at == self.oldest:
            self.oldest = None
        self.count -= 1


@dataclass(slots=True, eq=False)
class TaskQueue:
    namespace_id: str
    name: str
    pollers: Pollers = field(default_factory=Pollers)
    added: Rate = field(default_factory=Rate)
    dispatched: Rate = field(default_factory=Rate)
    weights: dict[str, float] = field(default_factory=dict)  # of fairness keys, over what the tasks say
    configured_limit: float | None = None  # tasks a second, set by an operator
    worker_limit: float | None = None  # the same, asked for by a worker
    _bucket: Bucket | None = None
    _drain_timer: asyncio.TimerHandle | None = None
    _backlog: list[tuple[int, float, int, Task]] = field(default_factory=list)
    _kept: dict[int, _Kept] = field(default_factory=dict)  # the backlog by priority
    _waiting: deque[tuple[str, asyncio.Future[Task | None]]] = field(default_factory=deque)
    _order: count[int] = field(default_factory=count)
    # Priority → the pass that was handed out last, and fairness key → the pass of its last task.
    _reached: dict[int, float] = field(default_factory=dict)
    _passes: dict[int, dict[str, float]] = field(default_factory=dict)

    @property
    def backlog_count(self) -> int:
        return len(self._backlog)

    @property
    def has_waiting_poll(self) -> bool:
        return any(not future.done() for _, future in self._waiting)

    def backlog(self) -> Backlog:
        parts = self.backlog_by_priority().values()
        oldest = min((part.oldest_added_at for part in parts if part.oldest_added_at), default=None)
        return Backlog(len(self._backlog), oldest)

    def backlog_by_priority(self) -> dict[int, Backlog]:
        """Only those priorities that something waits for."""
        for key, kept in self._kept.items():
            if kept.oldest is None:
                kept.oldest = min(task.added_at for priority_key, _, _, task in self._backlog if priority_key == key)
        return {key: Backlog(kept.count, kept.oldest) for key, kept in sorted(self._kept.items())}

    def set_limit(self, per_second: float | None) -> None:
        """An operator's limit goes before a worker's."""
        self.configured_limit = per_second
        self._limit()

    def set_worker_limit(self, per_second: float) -> None:
        if per_second != self.worker_limit:
            self.worker_limit = per_second
            self._limit()

    def _limit(self) -> None:
        rate = self.worker_limit if self.configured_limit is None else self.configured_limit
        self._bucket = None if rate is None else Bucket(rate, asyncio.get_running_loop().time())
        self._drain()

    def _wait_seconds(self) -> float:
        return 0.0 if self._bucket is None else self._bucket.wait_seconds(asyncio.get_running_loop().time())

    def add(self, task: Task) -> None:
        """Hand the task to a parked poll, or keep it."""
        self.added.count(task.added_at)
        if self._backlog or not self._hand_over(task):
            self._keep(task, self._pass(task))
            self._drain()

    def _keep(self, task: Task, turn: float) -> None:
        heapq.heappush(self._backlog, (task.priority_key, turn, next(self._order), task))
        self._kept.setdefault(task.priority_key, _Kept()).add(task)

    def _let_go(self, task: Task) -> None:
        """A task has left the backlog."""
        kept = self._kept[task.priority_key]
        kept.remove(task)
        if not kept.count:
            del self._kept[task.priority_key]

    def _hand_over(self, task: Task) -> bool:
        if not self._waiting or self._wait_seconds():
            return False
        while self._waiting:
            _, future = self._waiting.popleft()
            if not future.done():
                self._spend()
                future.set_result(task)
                return True
        return False

    def _spend(self) -> None:
        if self._bucket is not None:
            self._bucket.spend()

    def _drain(self) -> None:
        """Of a limited queue: hand over what may leave by now, and come back for the rest."""
        if self._drain_timer is not None:
            self._drain_timer.cancel()
            self._drain_timer = None
        while self._backlog and self._waiting:
            wait = self._wait_seconds()
            if wait:
                if wait < float("inf"):
                    self._drain_timer = asyncio.get_running_loop().call_later(wait, self._drain)
                return
            task = self._pop()
            if not self._hand_over(task):
                self._keep_first(task)

    def _pass(self, task: Task) -> float:
        passes = self._passes.setdefault(task.priority_key, {})
        reached = self._reached.get(task.priority_key, 0.0)
        turn = max(passes.get(task.fairness_key, reached), reached) + 1.0 / self.weights.get(
            task.fairness_key, task.fairness_weight
        )
        passes[task.fairness_key] = turn
        return turn

    def _pop(self) -> Task:
        priority_key, turn, _, task = heapq.heappop(self._backlog)
        self._let_go(task)
        if turn > HEAD:
            self._reached[priority_key] = turn
        if not self._backlog:
            self._reached.clear()
            self._passes.clear()
        return task

    async def take(self, worker: str, timeout_seconds: float) -> Task | None:
        """The next task for this worker (its instance key or identity); None if none came, or the poll was cut."""
        if self._backlog and not self._wait_seconds():
            self._spend()
            return self._pop()
        if timeout_seconds <= 0:
            return None
        future: asyncio.Future[Task | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((worker, future))
        timer = asyncio.get_running_loop().call_later(timeout_seconds, _expire, future)
        if self._backlog:
            self._drain()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and (task := future.result()) is not None:
                self._return(task)  # nobody has seen it
            else:
                future.cancel()
            raise
        finally:
            timer.cancel()

    def discard(self, task: Task) -> None:
        """Forget a task that waits in the backlog for nothing."""
        kept = [entry for entry in self._backlog if entry[3] is not task]
        if len(kept) < len(self._backlog):
            heapq.heapify(kept)
            self._backlog = kept
            self._let_go(task)

    def _return(self, task: Task) -> None:
        if not self._hand_over(task):
            self._keep_first(task)
            self._drain()

    def _keep_first(self, task: Task) -> None:
        self._keep(task, HEAD)

    def cut_polls(self, worker: str | None = None) -> None:
        """End parked polls with no task: all, or those of one worker."""
        for owner, future in self._waiting:
            if not future.done() and worker in (None, owner):
                future.set_result(None)
        self._waiting = deque(entry for entry in self._waiting if not entry[1].done())


def _expire(future: asyncio.Future[Task | None]) -> None:
    if not future.done():
        future.set_result(None)
