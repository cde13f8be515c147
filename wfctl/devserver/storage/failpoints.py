"""Faults at chosen moments of a commit, for the fault suite: `WFCTL_FAILPOINTS=before_commit:3:kill,after_commit:9:stop`.

Each rule is a point, which time it counts from the process's start (1 is the first), and what happens then:
`kill` (SIGKILL to this process), `stop` (SIGSTOP), `io` and `full` (SQLite's errors for a broken and a full disk).
Without the variable nothing of this runs.
"""

from __future__ import annotations

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping

VARIABLE = "WFCTL_FAILPOINTS"
# before_begin    a batch of writes is taken, nothing of it is in the database
# before_commit   its statements ran, its transaction is open
# after_commit    it is on disk, and nobody has been told
# after_answers   everybody who waited for it has been woken, and no answer has left yet
POINTS = ("before_begin", "before_commit", "after_commit", "after_answers")

Hit = Callable[[str], None]


class FaultInjected(sqlite3.OperationalError):
    """What SQLite would have raised."""


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def _io() -> None:
    raise FaultInjected("disk I/O error")


def _full() -> None:
    raise FaultInjected("database or disk is full")


ACTIONS: Mapping[str, Callable[[], None]] = {"kill": _kill, "stop": _stop, "io": _io, "full": _full}


def from_environment(environ: Mapping[str, str] = os.environ) -> Hit | None:
    """What the commit loop calls at each point; None, at no cost, when no fault was ordered."""
    ordered = environ.get(VARIABLE, "")
    return hits(ordered) if ordered else None


def hits(ordered: str) -> Hit:
    rules = {(point, int(count)): ACTIONS[action] for point, count, action in map(_fields, ordered.split(","))}
    unknown = {point for point, _ in rules} - set(POINTS)
    assert not unknown, f"{VARIABLE} names points that do not exist: {unknown}"
    seen: Counter[str] = Counter()

    def hit(point: str) -> None:
        seen[point] += 1
        action = rules.get((point, seen[point]))
        if action is not None:
            action()

    return hit


def _fields(rule: str) -> tuple[str, str, str]:
    point, count, action = rule.strip().split(":")
    return point, count, action
