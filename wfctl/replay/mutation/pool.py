"""Many trials, a few at a time, each with its clock watched."""

from __future__ import annotations

import os
import pickle
import select
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from wfctl.replay.mutation import trial
from wfctl.replay.mutation.trial import Outcome, Work


@dataclass(slots=True)
class _Running:
    number: int
    process: int
    deadline: float
    said: bytearray = field(default_factory=bytearray)


def outcomes(jobs: Iterable[Work], *, at_once: int, timeout_seconds: float) -> Iterator[tuple[int, Outcome]]:
    """The outcome of each job, by its number, as they come."""
    trial.preload()
    waiting = enumerate(jobs)
    running: dict[int, _Running] = {}
    try:
        while True:
            _fill(running, waiting, at_once, timeout_seconds)
            if not running:
                return
            patience = min(one.deadline for one in running.values()) - time.monotonic()
            ready, _, _ = select.select(list(running), [], [], max(0.0, patience))
            for pipe in ready:
                yield from _hear(running, pipe)
            yield from _expire(running)
    finally:
        for pipe, one in running.items():
            _end(pipe, one)


def _fill(running: dict[int, _Running], waiting: Iterator[tuple[int, Work]], at_once: int, seconds: float) -> None:
    while len(running) < at_once:
        following = next(waiting, None)
        if following is None:
            return
        number, job = following
        process, pipe = trial.start(job)
        running[pipe] = _Running(number, process, time.monotonic() + seconds)


def _hear(running: dict[int, _Running], pipe: int) -> Iterator[tuple[int, Outcome]]:
    one = running[pipe]
    piece = os.read(pipe, 1 << 16)
    if piece:
        one.said += piece
        return
    del running[pipe]
    _end(pipe, one)
    if one.said:
        outcome: Outcome = pickle.loads(bytes(one.said))
        yield one.number, outcome
    else:
        yield (
            one.number,
            Outcome(failure="the process ended without a word: the code calls os._exit, or crashed it", died=True),
        )


def _expire(running: dict[int, _Running]) -> Iterator[tuple[int, Outcome]]:
    now = time.monotonic()
    for pipe, one in [(pipe, one) for pipe, one in running.items() if one.deadline <= now]:
        del running[pipe]
        _end(pipe, one)
        yield one.number, Outcome(failure="not done in time: the code hangs", died=True)


def _end(pipe: int, one: _Running) -> None:
    os.close(pipe)
    try:
        os.kill(one.process, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.waitpid(one.process, 0)
