"""The parent of the worker processes: feeds them histories, watches their clocks, survives their deaths.

Theory. Each worker process loads the code once and is fed histories. One that is judged alone belongs to exactly one
process meanwhile; if that process dies or outlives the time limit, the history gets the verdict and a new process takes the
next one. Small histories are first judged several at once (see hurry.py): if the process dies then, nobody knows which was to
blame, and each of them is judged again, alone. The parent never parses a history and holds no more of them than the processes
have, plus a few read ahead, so memory does not depend on how many there are.

Only this thread talks to the processes. Histories come from a thread of their own, because a server may be slow to
hand them over while time limits have to be watched.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing import connection
from typing import IO

from wfctl.replay import hurry, rules
from wfctl.replay.feed import Chaser, Feed, InOrder
from wfctl.replay.messages import Done, Follow, Job, Judged, LoadFailure, Ready, WorkerOptions
from wfctl.replay.model import Result, Verdict
from wfctl.replay.sources import StoredHistory

_MOST_ACCIDENTS = 3
"""Processes that ended while several histories were judged: after so many of them each history is judged alone."""
_LOAD_SECONDS = 60.0
_AT_HAND = hurry.AT_ONCE + 2
"""So many small histories does a process have that has judged one: those it judges at once, and the next ones."""
_SMALL_BYTES = 100_000
_AT_ONCE_SECONDS = 30.0
"""Several small histories are judged one by one when none of them is done by then."""


@dataclass(frozen=True, slots=True)
class CheckOptions:
    worker: WorkerOptions
    jobs: int = 0
    timeout_seconds: float = 120.0
    fail_fast: bool = False


@dataclass(slots=True, eq=False)
class _Process:
    """One worker process and what it is busy with."""

    popen: subprocess.Popen[bytes]
    link: connection.Connection
    log: IO[bytes]
    ready: bool = False
    jobs: dict[int, Job] = field(default_factory=dict)
    """What it judges or will judge next: one alone, or several at once."""
    deadline: float = 0.0
    has_judged: bool = False
    begun: int = -1
    """The number of a job with some results, and more to come: it is judged alone, for it was not as simple as it seemed."""

    def takes(self, job: Job) -> bool:
        if not self.ready:
            return False
        if not self.jobs:
            return True
        return self.has_judged and not job.alone and not any(other.alone for other in self.jobs.values())

    def give(self, job: Job, seconds: float) -> None:
        self.jobs[job.number] = job
        if len(self.jobs) == 1:
            self.start_clock(seconds)
        with contextlib.suppress(OSError):  # it has died; the wait will say so
            self.link.send_bytes(pickle.dumps(job))

    def start_clock(self, seconds: float) -> None:
        alone = any(job.alone for job in self.jobs.values())
        self.deadline = time.monotonic() + (seconds if alone else min(seconds, _AT_ONCE_SECONDS))


@dataclass(slots=True)
class Checker:
    """Runs one check. Iterate over `results(…)`; `types` is filled as soon as the code is loaded."""

    options: CheckOptions
    chaser: Chaser | None = None
    types: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    stopped: str = ""
    """Why not everything was judged: `--fail-fast`, or ctrl-c."""
    _ring: Callable[[], None] = lambda: None
    _give_back: Callable[[Iterable[Job]], None] = lambda jobs: None
    _processes: list[_Process] = field(default_factory=list)
    _accidents: int = 0
    _runs_seen: set[str] = field(default_factory=set)
    _leads: list[tuple[StoredHistory, Follow]] = field(default_factory=list)
    """Runs that judged ones lead to; followed when everything else is done, for they may be among it."""

    def results(self, histories: Iterable[StoredHistory]) -> Iterator[Result]:
        """Each result, in the order of the histories; when the check is stopped, the rest as skipped."""
        feed = Feed(histories, self.chaser, self._is_for_one)
        order = InOrder()
        self._ring, self._give_back = feed.ring, feed.give_back
        try:
            for number, result in self._run(feed):
                yield from order.take(number, result)
        finally:
            feed.stop()
            left = [job for process in self._processes for job in process.jobs.values()] + feed.waiting()
            self._kill_all()
        for job in left:
            if not order.has(job.number):
                order.add(job.number, _unjudged(job.stored, self.stopped))
        yield from order.rest()

    def _is_for_one(self, stored: StoredHistory) -> bool:
        """Judged alone from the first: by a runner of another language, or too long to be replayed twice."""
        if self.options.worker.runner is not None or self._accidents >= _MOST_ACCIDENTS:
            return True
        return not _is_small(stored)

    def interrupt(self) -> None:
        """End the check, from a signal handler; what is judged so far is reported."""
        self.stopped = "interrupted"
        self._ring()

    def _run(self, feed: Feed) -> Iterator[tuple[int, Result | None]]:
        """Results as they come; None says that a stored thing has no more of them."""
        wanted = self.options.jobs or max(1, len(os.sched_getaffinity(0)))
        self._start()
        while not self.stopped:
            self._hand_out(feed, wanted)
            if feed.is_exhausted and not self._busy() and not self._chase(feed):
                return
            for process in self._wait(feed):
                for number, result in self._hear(process):
                    yield number, result
                    if self.options.fail_fast and result is not None and not result.verdict.passes:
                        self.stopped = "--fail-fast"
                        return
            yield from self._expire()

    def _hand_out(self, feed: Feed, wanted: int) -> None:
        feed.fill()
        while len(self._processes) < min(wanted, max(1, self._busy() + len(feed.ahead))):
            self._start()
        for at_hand in range(_AT_HAND):
            for process in self._processes:
                if feed.ahead and len(process.jobs) == at_hand and process.takes(feed.ahead[0]):
                    process.give(feed.ahead.popleft(), self.options.timeout_seconds)
                    feed.fill()

    def _chase(self, feed: Feed) -> bool:
        """Send for the runs that judged ones lead to; false when there are none left."""
        fresh = [lead for lead in self._leads if lead[1].run_id not in self._runs_seen]
        unique = {follow.run_id: (stored, follow) for stored, follow in fresh}
        self._leads.clear()
        self._runs_seen.update(unique)
        feed.chase(unique.values())
        return bool(unique)

    def _busy(self) -> int:
        return sum(1 for process in self._processes if process.jobs)

    def _wait(self, feed: Feed) -> list[_Process]:
        deadlines = [process.deadline for process in self._processes if process.jobs or not process.ready]
        patience = max(0.0, min(deadlines, default=time.monotonic() + 1) - time.monotonic())
        links = {process.link: process for process in self._processes}
        heard = connection.wait([*links, feed.bell], timeout=patience)
        if feed.bell in heard:
            feed.hush()
        return [links[link] for link in heard if isinstance(link, connection.Connection)]

    def _hear(self, process: _Process) -> Iterator[tuple[int, Result | None]]:
        """What a process has to say; its death is a verdict too."""
        try:
            messages = pickle.loads(process.link.recv_bytes())
        except (EOFError, OSError):
            yield from self._died(process)
            return
        for message in messages if isinstance(messages, list) else [messages]:
            yield from self._take(process, message)

    def _take(self, process: _Process, message: object) -> Iterator[tuple[int, Result | None]]:
        if isinstance(message, Ready):
            process.ready = True
            self.types, self.problems = message.types, message.problems
        elif isinstance(message, LoadFailure):
            raise message
        elif isinstance(message, Judged):
            self._runs_seen.add(message.result.run_id)
            process.has_judged, process.begun = True, message.number
            if self.chaser is not None:
                self._leads += [(process.jobs[message.number].stored, follow) for follow in message.follow]
            process.start_clock(self.options.timeout_seconds)
            yield message.number, message.result
        elif isinstance(message, Done):
            del process.jobs[message.number]
            process.begun = -1
            yield message.number, None
            if message.leaving:
                self._remove(process)

    def _died(self, process: _Process) -> Iterator[tuple[int, Result | None]]:
        code = process.popen.wait()
        said = _said(process)
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        alone = self._remove(process)
        if alone is None:
            if process.ready:
                return
            raise LoadFailure(
                ", ".join(self.options.worker.targets),
                f"the process {how} while the code was imported{said}",
                hint="importing the code must not end the process: does it call os._exit, or crash the interpreter?",
            )
        verdict = Verdict.INFRASTRUCTURE if code in (-signal.SIGKILL, -signal.SIGTERM) else Verdict.WORKFLOW_ERROR
        detail = f"the process {how} while this history was replayed: does the code call os._exit?{said}"
        if verdict is Verdict.INFRASTRUCTURE:
            detail = f"the process {how} while this history was replayed: out of memory?{said}"
        yield alone.number, _of_process(alone.stored, verdict, rules.EXITED, detail)
        yield alone.number, None

    def _expire(self) -> Iterator[tuple[int, Result | None]]:
        now = time.monotonic()
        for process in [one for one in self._processes if one.deadline <= now and (one.jobs or not one.ready)]:
            alone = self._remove(process)
            if alone is None and process.ready:
                continue
            if alone is None:
                raise LoadFailure(
                    ", ".join(self.options.worker.targets),
                    f"its import was not done after {_LOAD_SECONDS:.0f} s",
                    hint="does the module run its worker? then put that under `if __name__ == '__main__':`",
                )
            detail = f"not done after {self.options.timeout_seconds:g} s: the code hangs, or the history is very long (--timeout)"
            yield alone.number, _of_process(alone.stored, Verdict.TIMEOUT, rules.TIMEOUT, detail)
            yield alone.number, None

    # Processes.

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        log = tempfile.TemporaryFile()  # noqa: SIM115 -- lives as long as the process
        with theirs:
            popen = subprocess.Popen(
                [sys.executable, "-m", "wfctl.replay.worker", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # ctrl-c is for the parent, which reports what there is
                env=_environment(),
            )
        link = connection.Connection(ours.detach())
        link.send_bytes(pickle.dumps(self.options.worker))
        self._processes.append(_Process(popen, link, log, deadline=time.monotonic() + _LOAD_SECONDS))

    def _remove(self, process: _Process) -> Job | None:
        """End a process. What it judged alone is returned; any others are given back, each to be judged alone."""
        self._processes.remove(process)
        _kill(process)
        _bury(process)
        alone = next((job for job in process.jobs.values() if job.alone or job.number == process.begun), None)
        self._accidents += any(not job.alone for job in process.jobs.values())
        self._give_back(replace(job, alone=True) for job in process.jobs.values() if job is not alone)
        return alone

    def _kill_all(self) -> None:
        for process in self._processes:
            _kill(process)
        for process in self._processes:
            _bury(process)
        self._processes.clear()


def _is_small(stored: StoredHistory) -> bool:
    if stored.path:
        try:
            return os.stat(stored.path).st_size <= _SMALL_BYTES
        except OSError:
            return True
    return not stored.database and len(stored.text) + len(stored.proto) <= _SMALL_BYTES


def _environment() -> dict[str, str]:
    """Ours, with this very package importable even when it is run from a checkout."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    path = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": root + (os.pathsep + path if path else ""), "TOKIO_WORKER_THREADS": "1"}


def _kill(process: _Process) -> None:
    # With the runner it may have started, which may outlive it: each worker process leads a group of its own.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.popen.pid, signal.SIGKILL)


def _bury(process: _Process) -> None:
    process.link.close()
    process.popen.wait()
    process.log.close()


def _said(process: _Process) -> str:
    """The last line the process printed, for one that died."""
    try:
        size = process.log.seek(0, os.SEEK_END)
        process.log.seek(max(0, size - 2000))
        lines = process.log.read().decode(errors="replace").strip().splitlines()
    except (OSError, ValueError):
        return ""
    return f"; its last words: {lines[-1].strip()[:300]}" if lines else ""


def _of_process(stored: StoredHistory, verdict: Verdict, rule: str, detail: str) -> Result:
    finding = rules.finding(rule, detail)
    return Result(stored.origin, stored.workflow_id, stored.run_id, stored.workflow_type, verdict, detail, (finding,))


def _unjudged(stored: StoredHistory, why: str) -> Result:
    return Result(
        stored.origin, stored.workflow_id, stored.run_id, stored.workflow_type, Verdict.SKIPPED, f"not judged: {why}"
    )
