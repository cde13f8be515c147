"""Between the sources and the processes: reads histories ahead in a thread, and puts results back into order."""

from __future__ import annotations

import os
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from wfctl.replay.messages import Follow, Job
from wfctl.replay.model import Result
from wfctl.replay.sources import StoredHistory

READ_AHEAD = 4
Chaser = Callable[[StoredHistory, Follow], StoredHistory]
"""Finds the history of a run that another one leads to; what cannot be found comes back with its `failure` set."""


class Feed:
    """Reads the source in a thread, a few ahead; `bell` becomes readable when there is something new.

    When the source is exhausted the same thread finds the runs that `--chain` asks for.
    """

    def __init__(
        self,
        histories: Iterable[StoredHistory],
        chaser: Chaser | None = None,
        is_for_one: Callable[[StoredHistory], bool] = lambda stored: True,
    ) -> None:
        self.ahead: deque[Job] = deque()
        self._is_for_one = is_for_one
        self.is_exhausted = False
        self._numbers = 0
        self._chaser = chaser
        self._wanted: queue.Queue[tuple[StoredHistory, Follow] | None] = queue.Queue()
        self._outstanding = 0
        self._is_short = True
        """The checker would take more: ring for it."""
        self._queue: queue.Queue[StoredHistory | BaseException | None] = queue.Queue(READ_AHEAD)
        self.bell, self._cord = os.pipe()
        self._stopping = False
        self._source_ended = False
        self._thread = threading.Thread(target=self._read, args=(histories,), daemon=True)
        self._thread.start()

    # In the thread.

    def _read(self, histories: Iterable[StoredHistory]) -> None:
        try:
            for stored in histories:
                if not self._put(stored):
                    return
            self._put(None)
            while self._chaser is not None:
                wanted = self._wanted.get()
                if wanted is None:
                    return
                self._put(self._chaser(*wanted))
        except BaseException as error:
            self._put(error)

    def _put(self, item: StoredHistory | BaseException | None) -> bool:
        while not self._stopping:
            try:
                self._queue.put(item, timeout=0.2)
            except queue.Full:
                continue
            if self._is_short:
                self._is_short = False
                self.ring()
            return True
        return False

    # In the checker.

    def ring(self) -> None:
        """Make `bell` readable."""
        os.write(self._cord, b".")

    def fill(self) -> None:
        """Take what the thread has ready; what it failed with is raised here."""
        while len(self.ahead) < READ_AHEAD:
            try:
                item = self._next()
            except queue.Empty:
                break
            if isinstance(item, BaseException):
                raise item
            if item is None:
                self._source_ended = True
                continue
            if self._source_ended:
                self._outstanding -= 1
            self._append(item)
        self.is_exhausted = self._source_ended and not self.ahead and not self._outstanding

    def _next(self) -> StoredHistory | BaseException | None:
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            self._is_short = True  # and once more, for what came before the thread could know
            return self._queue.get_nowait()

    def _append(self, stored: StoredHistory) -> None:
        self.ahead.append(Job(self._numbers, stored, self._is_for_one(stored)))
        self._numbers += 1

    def give_back(self, jobs: Iterable[Job]) -> None:
        """What was handed out and not judged comes first again."""
        self.ahead.extendleft(reversed(list(jobs)))

    def chase(self, wanted: Iterable[tuple[StoredHistory, Follow]]) -> None:
        """Have these runs found; they come as further histories."""
        for one in wanted:
            self._outstanding += 1
            self._wanted.put(one)
        self.is_exhausted = self._source_ended and not self.ahead and not self._outstanding

    def hush(self) -> None:
        os.read(self.bell, 4096)

    def stop(self) -> None:
        self._stopping = True
        self._wanted.put(None)

    def waiting(self) -> list[Job]:
        """What was read and not handed out."""
        while True:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return list(self.ahead)
            if isinstance(item, StoredHistory):
                self._append(item)


class InOrder:
    """Puts results back into the order of the histories, holding no more than what came too early."""

    def __init__(self) -> None:
        self._next = 0
        self._early: dict[int, list[Result]] = {}
        self._begun = -1
        """Of this one some results were handed out; others may come."""
        self._ended: set[int] = set()

    def take(self, number: int, result: Result | None) -> Iterator[Result]:
        if result is None:
            self._ended.add(number)
        else:
            self.add(number, result)
        if self._next in self._early:
            self._begun = self._next
        yield from self._early.pop(self._next, ())
        while self._next in self._ended:
            self._ended.remove(self._next)
            self._next += 1
            yield from self._early.pop(self._next, ())

    def add(self, number: int, result: Result) -> None:
        self._early.setdefault(number, []).append(result)

    def has(self, number: int) -> bool:
        return number in self._early or number < self._next or number == self._begun

    def rest(self) -> Iterator[Result]:
        for number in sorted(self._early):
            yield from self._early[number]
