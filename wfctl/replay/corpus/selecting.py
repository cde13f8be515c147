"""Which of many runs to keep: one for each path, few for each type, and those first that show something new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from wfctl.replay.corpus.shape import Shape

T = TypeVar("T")


@dataclass(slots=True)
class Candidate(Generic[T]):
    """A run that may be kept, for itself and for those that went the same way."""

    shape: Shape
    run: T
    stands_for: int = 1


@dataclass(slots=True)
class Pool(Generic[T]):
    """Runs seen so far, one for each path: the shortest, and of equals the newest."""

    by_path: dict[str, Candidate[T]] = field(default_factory=dict)
    seen: int = 0

    def add(self, shape: Shape, run: T) -> None:
        self.seen += 1
        known = self.by_path.get(shape.key)
        if known is None:
            self.by_path[shape.key] = Candidate(shape, run)
            return
        known.stands_for += 1
        if (shape.events, known.shape.started) < (known.shape.events, shape.started):
            known.shape, known.run = shape, run

    def chosen(self, per_type: int) -> tuple[list[Candidate[T]], list[Candidate[T]]]:
        """Those to keep, and those that are left out for there are too many of their type."""
        kept: list[Candidate[T]] = []
        left: list[Candidate[T]] = []
        for name in sorted({one.shape.workflow_type for one in self.by_path.values()}):
            of_type = [one for one in self.by_path.values() if one.shape.workflow_type == name]
            taken = _most_telling(of_type, per_type)
            kept += taken
            left += [one for one in of_type if all(one is not other for other in taken)]
        return kept, left


def _most_telling(candidates: Sequence[Candidate[T]], most: int) -> list[Candidate[T]]:
    """Greedy: each outcome first, then whatever shows most that is not shown yet; common paths before rare ones."""
    waiting = sorted(candidates, key=lambda one: (-one.stands_for, one.shape.events, one.shape.key))
    if not most or len(waiting) <= most:
        return waiting
    taken: list[Candidate[T]] = []
    shown: set[str] = set()
    while waiting and len(taken) < most:
        outcomes = {one.shape.outcome for one in taken}
        best = max(waiting, key=lambda one: (one.shape.outcome not in outcomes, len(one.shape.features - shown)))
        waiting.remove(best)
        taken.append(best)
        shown |= best.shape.features
    return taken
