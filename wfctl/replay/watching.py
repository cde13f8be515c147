"""`--watch`: on every save, replay again what the change can touch.

Starting Python, importing the SDK and this package takes longer than replaying a small corpus. So a process that has
all of that imported, and none of the user's code, is kept waiting: it is forked before this one has any threads, and forks
again for each round. A round's process imports the user's code afresh, replays and ends.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from wfctl.replay.messages import Done, Judged, LoadFailure, WorkerOptions
from wfctl.replay.model import Result
from wfctl.replay.mutation import pool, trial
from wfctl.replay.mutation.trial import Outcome
from wfctl.replay.sources import StoredHistory

_ENOUGH_FOR_A_PROCESS = 24


@dataclass(slots=True)
class Round:
    """Some histories, replayed on the code as it is now."""

    options: WorkerOptions
    histories: list[tuple[int, StoredHistory]]

    def do(self) -> Outcome:
        from wfctl.replay import loader, worker

        outcome = Outcome()
        os.environ["TOKIO_WORKER_THREADS"] = "1"
        sys.dont_write_bytecode = True  # two saves within a second may look alike to the cache
        worker.quiet_logs()
        try:
            target = loader.load(self.options.targets, self.options.search)
        except LoadFailure as failure:
            outcome.failure = failure.sentence
            return outcome
        collected = _Collected()
        asyncio.run(self._judge(target, collected))
        outcome.results = [judged.result for judged in sorted(collected.judged, key=lambda one: one.number)]
        outcome.types = tuple(sorted(target.types))
        return outcome

    async def _judge(self, target: Any, collected: Any) -> None:
        from wfctl.replay.worker import Judge, PythonCode

        code = PythonCode(target)
        code.start()
        judge = Judge(collected, self.options, code)
        for number, stored in self.histories:
            await judge.take(number, stored)
            if judge.must_leave:
                code.start()
                judge.must_leave = False


class _Collected:
    """In place of the connection to a checker."""

    def __init__(self) -> None:
        self.judged: list[Judged] = []

    def send(self, message: Judged | Done) -> None:
        if isinstance(message, Judged):
            self.judged.append(message)

    def flush(self) -> None: ...


class Nursery:
    """The process that waits with everything imported."""

    def __init__(self, at_once: int, timeout_seconds: float) -> None:
        self._at_once, self._timeout_seconds = at_once, timeout_seconds
        ours, theirs = socket.socketpair()
        self._process = os.fork()
        if not self._process:
            ours.close()
            _wait_for_rounds(Connection(theirs.detach()), at_once, timeout_seconds)
        theirs.close()
        self._link = Connection(ours.detach())

    def results(
        self, options: WorkerOptions, histories: Sequence[StoredHistory]
    ) -> tuple[list[Result], Outcome | None]:
        """The results; the outcome of a process that has none, for the code cannot be loaded, or it died."""
        numbered = list(enumerate(histories))
        processes = max(1, min(self._at_once, len(numbered) // _ENOUGH_FOR_A_PROCESS))
        self._link.send([Round(options, numbered[index::processes]) for index in range(processes)])
        outcomes: list[Outcome] = self._link.recv()
        failure = next((one for one in outcomes if one.failure), None)
        order = {stored.origin: number for number, stored in numbered}
        results = [result for one in outcomes for result in one.results]
        return sorted(results, key=lambda one: order.get(one.history.partition("#")[0], 0)), failure

    def close(self) -> None:
        self._link.close()
        os.waitpid(self._process, 0)


def _wait_for_rounds(link: Connection, at_once: int, timeout_seconds: float) -> None:
    """In the nursery: never returns."""
    try:
        os.setsid()  # ctrl-c is for the one who watches
        trial.preload()
        while True:
            rounds = link.recv()
            found = sorted(
                pool.outcomes(rounds, at_once=at_once, timeout_seconds=timeout_seconds), key=lambda pair: pair[0]
            )  # fmt: skip
            link.send([outcome for _, outcome in found])
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)
