"""The worker process: loads the code once, then judges the histories it is sent, one after another.

Started as `python -m wfctl.replay.worker FD TARGETS…`; speaks pickled tuples over the inherited socket. What workflow code
prints goes to the process's log file, never into the conversation. The process may be killed at any time.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import islice
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Protocol

from wfctl.replay import hurry, places, rules
from wfctl.replay.messages import Done, Follow, Job, Judged, LoadFailure, Ready, WorkerOptions
from wfctl.replay.model import Result, Verdict
from wfctl.replay.sources import StoredHistory

if TYPE_CHECKING:
    from wfctl.replay.diagnosis import Diagnosis
    from wfctl.replay.loader import Target
    from wfctl.replay.reading import ReadHistory
    from wfctl.replay.speed import PayloadWalks


def main(arguments: list[str]) -> None:
    connection = Connection(int(arguments[0]))
    options: WorkerOptions = pickle.loads(connection.recv_bytes())
    code = _loaded(connection, options)
    if code is not None:
        from wfctl.replay.loop import ThreadWokenLoop

        with asyncio.Runner(loop_factory=ThreadWokenLoop) as runner:
            runner.run(_serve(connection, options, code))
    os._exit(0)


class Code(Protocol):
    """The code under test, in whatever language: what it has, and what it makes of a history."""

    @property
    def types(self) -> Collection[str] | None:
        """The workflow types; None when that is not known beforehand."""

    @property
    def has_dynamic(self) -> bool: ...

    @property
    def failures(self) -> Sequence[LoadFailure]: ...

    def start(self) -> None:
        """Called in the event loop; and again to make use of a process that had better be left."""

    async def explain(self, history: ReadHistory) -> tuple[Diagnosis, bool]:
        """The verdict, and whether this process must not be used again."""


class PythonCode:
    """Workflow classes in this very process."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._walks: PayloadWalks | None = None
        self.types: Collection[str] | None = frozenset(target.types)
        self.has_dynamic = target.has_dynamic
        self.failures: Sequence[LoadFailure] = target.failures

    async def quickly(self, history: ReadHistory) -> Diagnosis | None:
        """For a history with nothing to explain, and several of them at once; None for any other."""
        from wfctl.replay import diagnosis

        assert self._walks is not None
        if self._walks.look_at(history.events):
            return None
        hurry.guard.start()
        trace = await self._recorder.at_once(history)
        return diagnosis.explain(history, trace, self._target) if trace is not None else None

    def start(self) -> None:
        from wfctl.replay import speed
        from wfctl.replay.recording import Recorder

        self._recorder = Recorder(self._target)
        if self._walks is None:
            self._walks = speed.install()

    async def explain(self, history: ReadHistory) -> tuple[Diagnosis, bool]:
        from wfctl.replay import diagnosis

        assert self._walks is not None
        self._walks.look_at(history.events)
        trace = await self._recorder.record(history)
        return diagnosis.explain(history, trace, self._target), trace.must_restart


def _loaded(connection: Connection, options: WorkerOptions) -> Code | None:
    """The code, imported where no event loop runs, as a worker would import it."""
    quiet_logs()
    try:
        code = _load(options)
    except LoadFailure as failure:
        connection.send(failure)
        return None
    connection.send(Ready(tuple(sorted(code.types or ())), tuple(one.sentence for one in code.failures)))
    return code


def _load(options: WorkerOptions) -> Code:
    if options.runner is not None:
        from wfctl.replay.runners.code import RunnerCode

        return RunnerCode(options.runner)
    from wfctl.replay import loader

    return PythonCode(loader.load(options.targets, options.search))


async def _serve(connection: Connection, options: WorkerOptions, code: Code) -> None:
    code.start()
    outbox = Outbox(connection)
    judge = Judge(outbox, options, code)
    inbox: asyncio.Queue[Job] = asyncio.Queue()
    threading.Thread(target=_listen, args=(connection, asyncio.get_running_loop(), inbox), daemon=True).start()
    at_once: set[asyncio.Task[None]] = set()
    while True:
        job = await inbox.get()
        if not job.alone and isinstance(code, PythonCode):
            if len(at_once) >= hurry.AT_ONCE:
                await asyncio.wait(at_once, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.create_task(_hurry(job, judge, inbox))
            at_once.add(task)
            task.add_done_callback(at_once.discard)
            continue
        if at_once:
            await asyncio.wait(at_once)
        await judge.take(job.number, job.stored)
        outbox.send(Done(job.number, judge.must_leave))
        outbox.flush()
        if judge.must_leave:
            os._exit(0)


async def _hurry(job: Job, judge: Judge, inbox: asyncio.Queue[Job]) -> None:
    """One of several at once; it comes back as one to judge alone when there is anything to tell."""
    if await judge.quickly(job.number, job.stored):
        judge.outlet.send(Done(job.number))
        judge.outlet.flush()
    else:
        inbox.put_nowait(replace(job, alone=True))


def _listen(connection: Connection, loop: asyncio.AbstractEventLoop, inbox: asyncio.Queue[Job]) -> None:
    """Always listening, so that this process ends when its parent does, whatever workflow code is up to."""
    while True:
        try:
            job = connection.recv()
        except (EOFError, OSError):
            os._exit(0)
        loop.call_soon_threadsafe(inbox.put_nowait, job)


def quiet_logs() -> None:
    """The SDK writes each failing task to the log, tracebacks and all; the report says it better."""
    import logging

    from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

    logging.disable(logging.ERROR)
    Runtime.set_default(
        Runtime(
            telemetry=TelemetryConfig(
                logging=LoggingConfig(filter=TelemetryFilter(core_level="OFF", other_level="OFF"))
            )
        )
    )


class Outlet(Protocol):
    """Where what was judged goes to."""

    def send(self, message: Judged | Done) -> None: ...

    def flush(self) -> None:
        """Called before code is run again, which may end the process."""


class Outbox:
    """Sends what belongs together at once: each message wakes the parent."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: list[Judged | Done] = []

    def send(self, message: Judged | Done) -> None:
        self._waiting.append(message)

    def flush(self) -> None:
        if self._waiting:
            self._connection.send_bytes(pickle.dumps(self._waiting))
            self._waiting = []


class Judge:
    def __init__(self, outlet: Outlet, options: WorkerOptions, code: Code) -> None:
        self.outlet, self.options, self.code = outlet, options, code
        self.must_leave = False

    async def take(self, number: int, stored: StoredHistory) -> None:
        from wfctl.replay import reading

        began = time.perf_counter()
        if stored.failure or stored.missing:
            verdict = Verdict.INFRASTRUCTURE if stored.failure else Verdict.SKIPPED
            self.outlet.send(Judged(number, _of(stored, verdict, stored.failure or stored.missing)))
            return
        for position, history in enumerate(reading.read(stored), start=1):
            origin = stored.origin if position == 1 else f"{stored.origin}#{position}"
            self.outlet.flush()
            if isinstance(history, reading.BadHistory):
                judged = Judged(number, refused(stored, origin, history))
            else:
                judged = await self._judge(number, origin, history)
            self.outlet.send(
                replace(judged, result=replace(judged.result, seconds=round(time.perf_counter() - began, 4)))
            )
            if self.must_leave:
                return
            began = time.perf_counter()

    async def quickly(self, number: int, stored: StoredHistory) -> bool:
        """Judge a stored thing with one history that is compatible in every respect; false, and nothing said, otherwise."""
        from wfctl.replay import reading

        if stored.failure or stored.missing or not isinstance(self.code, PythonCode):
            return False
        began = time.perf_counter()
        found = list(islice(reading.read(stored), 2))
        if len(found) != 1 or isinstance(found[0], reading.BadHistory):
            return False
        history = found[0]
        if self._is_unwanted(history.workflow_type) or self._lacks(history.workflow_type):
            return False
        try:
            judged = await self.code.quickly(history)
        except Exception:
            return False
        if judged is None:
            return False
        result = replace(
            _result(stored.origin, history),
            verdict=judged.verdict,
            judged_to_event_id=judged.judged_to_event_id,
            seconds=round(time.perf_counter() - began, 4),
        )
        self.outlet.send(Judged(number, result, self._follow(history)))
        return True

    async def _judge(self, number: int, origin: str, history: Any) -> Judged:
        result = _result(origin, history)
        kind = history.workflow_type
        if self._is_unwanted(kind):
            return Judged(number, replace(result, detail=f"not a workflow of type {', '.join(self.options.types)}"))
        if self._lacks(kind):
            return Judged(number, self._unregistered(result))
        follow = self._follow(history)
        try:
            found, self.must_leave = await self.code.explain(history)
        except Exception as error:
            self.must_leave = True
            detail = f"the replay itself failed: {type(error).__name__}: {error}"
            finding = rules.finding(rules.INFRASTRUCTURE, detail)
            result = replace(result, verdict=Verdict.INFRASTRUCTURE, detail=detail, findings=(finding,))
            return Judged(number, result, follow)
        if found.verdict is Verdict.UNREGISTERED and self.options.skip_unregistered:
            return Judged(number, replace(result, detail=found.detail))
        return Judged(
            number,
            replace(
                result,
                verdict=found.verdict,
                detail=found.detail,
                findings=tuple(map(places.in_finding, found.findings)),
                judged_to_event_id=found.judged_to_event_id,
            ),
            follow,
        )

    def _follow(self, history: ReadHistory) -> tuple[Follow, ...]:
        from wfctl.replay import reading

        return tuple(reading.references(history.events)) if self.options.chain else ()

    def _is_unwanted(self, kind: str) -> bool:
        return bool(self.options.types) and kind not in self.options.types

    def _lacks(self, kind: str) -> bool:
        return self.code.types is not None and kind not in self.code.types and not self.code.has_dynamic

    def _unregistered(self, result: Result) -> Result:
        if self.options.skip_unregistered:
            return replace(result, detail=f"the code has no workflow type '{result.workflow_type}'")
        known = ", ".join(sorted(self.code.types or ()))
        detail = f"the code has no workflow type '{result.workflow_type}'; it has: {known}"
        lost = [one for one in self.code.failures if result.workflow_type in one.reason] or self.code.failures
        if lost:
            detail += f"\nit may be in a module that could not be loaded: {lost[0].sentence}"
        place = lost[0].location if lost else None
        finding = rules.finding(rules.UNREGISTERED, detail, 1, "WorkflowExecutionStarted", place)
        if self.options.runner is not None:
            from wfctl.replay.runners import judging

            finding = replace(finding, fix=judging.fix(rules.UNREGISTERED))
        return replace(result, verdict=Verdict.UNREGISTERED, detail=detail, findings=(finding,))


def _result(origin: str, history: ReadHistory) -> Result:
    """Not judged yet."""
    return Result(
        origin,
        history.workflow_id,
        history.run_id,
        history.workflow_type,
        Verdict.SKIPPED,
        events=len(history.events),
    )


def _of(stored: StoredHistory, verdict: Verdict, detail: str) -> Result:
    findings = () if verdict is Verdict.SKIPPED else (rules.finding(rules.INFRASTRUCTURE, detail),)
    return Result(stored.origin, stored.workflow_id, stored.run_id, stored.workflow_type, verdict, detail, findings)


def refused(stored: StoredHistory, origin: str, bad: Any) -> Result:
    """The result of a history that cannot be judged."""
    result = Result(origin, stored.workflow_id, stored.run_id, stored.workflow_type, Verdict.BAD_HISTORY, bad.reason)
    if bad.no_history and stored.found_by_search:
        return replace(result, verdict=Verdict.SKIPPED, detail=f"not a history: {bad.reason}")
    finding = rules.finding(rules.BAD_HISTORY, bad.reason, bad.event_id, bad.event_type)
    return replace(result, findings=(finding,))


if __name__ == "__main__":
    main(sys.argv[1:])
