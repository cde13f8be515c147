"""Which runs stay in memory: the lately used ones, up to a bound in bytes; closed ones are the first to go."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

# What a run costs besides its events: its objects and dictionaries.
OVERHEAD_BYTES = 6 * 1024
# Closed runs are kept only for the reader that asks again at once.
CLOSED_SHARE = 16


class Weighed(Protocol):
    @property
    def size_bytes(self) -> int: ...

    @property
    def is_running(self) -> bool: ...

    @property
    def is_idle(self) -> bool:
        """Nobody waits for it and everything of it is on disk."""


Item = TypeVar("Item", bound=Weighed)


class Cache(Generic[Item]):
    """Items by key, in two lines (running and closed), least lately used first."""

    def __init__(self, limit_bytes: int, on_evicted: Callable[[Item], None]) -> None:
        self._limits = {True: limit_bytes, False: limit_bytes // CLOSED_SHARE}
        self._on_evicted = on_evicted
        self._lines: dict[bool, OrderedDict[int, Item]] = {True: OrderedDict(), False: OrderedDict()}
        self._sizes: dict[int, int] = {}
        self._totals = {True: 0, False: 0}

    def __len__(self) -> int:
        return len(self._sizes)

    def __iter__(self) -> Iterator[Item]:
        for line in self._lines.values():
            yield from line.values()

    def get(self, key: int) -> Item | None:
        return self._lines[True].get(key) or self._lines[False].get(key)

    def put(self, key: int, item: Item) -> None:
        """Add or re-weigh an item; others may have to leave."""
        running = item.is_running
        line, size = self._lines[running], item.size_bytes + OVERHEAD_BYTES
        if line.get(key) is item:
            line.move_to_end(key)
            self._totals[running] += size - self._sizes[key]
        else:
            self.remove(key)
            line[key] = item
            self._totals[running] += size
        self._sizes[key] = size
        if self._totals[running] > self._limits[running]:
            self._shrink(running)

    def remove(self, key: int) -> None:
        for running, line in self._lines.items():
            if line.pop(key, None) is not None:
                self._totals[running] -= self._sizes.pop(key)

    def _shrink(self, running: bool) -> None:
        limit, line = self._limits[running], self._lines[running]
        # A look at each item at most, but for the one just added: it and those in use stay, even over the limit.
        for _ in range(len(line) - 1):
            if self._totals[running] <= limit:
                return
            key, item = next(iter(line.items()))
            if item.is_idle:
                self.remove(key)
                self._on_evicted(item)
            else:
                line.move_to_end(key)
