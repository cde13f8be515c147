"""Who waits for an update, and what an update that leaves no event has to tell them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from wfctl.devserver.core.effects import UpdateEnded
from wfctl.devserver.engine.runs import Run, Runs


@dataclass(slots=True, eq=False)
class Waiter:
    """One client's wait. `ended` is set if the update was rejected or given up meanwhile."""

    ended: UpdateEnded | None = None


@dataclass(slots=True)
class UpdateWaiters:
    """Registers itself as the handler of `UpdateEnded`. A waiter must also wait for the run's commit (`Runs.wait`)."""

    runs: Runs
    waiters: dict[tuple[int, str], set[Waiter]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.runs.handlers[UpdateEnded] = self._on_ended

    @contextmanager
    def waiting(self, run: Run, update_id: str) -> Iterator[Waiter]:
        waiter, key = Waiter(), (run.key, update_id)
        self.waiters.setdefault(key, set()).add(waiter)
        try:
            yield waiter
        finally:
            waiters = self.waiters.get(key, set())
            waiters.discard(waiter)
            if not waiters:
                self.waiters.pop(key, None)

    def _on_ended(self, run: Run, effect: UpdateEnded) -> None:
        for waiter in self.waiters.pop((run.key, effect.update_id), ()):
            waiter.ended = effect
