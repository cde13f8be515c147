"""One history against new code, in the SDK's own replay worker, with everything it did written down.

The SDK's worker stays the judge of compatibility: this only looks over its shoulder. A `WorkflowRunner` of ours wraps
the one the code asks for (sandboxed or not) and keeps, per workflow task, the commands the code answered with, also
those of the task that the SDK then rejects. In a `located` replay the instance inside is ours too and notes the source
line of every command. That costs time, so a history is replayed plainly, and once more with lines only when something
has to be explained.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent, WorkflowTaskScheduledEventAttributes
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import WorkflowHistory
from temporalio.runtime import Runtime
from temporalio.worker import (
    Replayer,
    UnsandboxedWorkflowRunner,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowReplayResult,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import NondeterminismError

from wfctl.replay import alignment, hurry, locating, paging, speed
from wfctl.replay.events import Events
from wfctl.replay.model import Location
from wfctl.replay.trace import CodeLike, HistoryLike, Issued, TaskTrace, Trace

CLOSING = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    }
)
HANGING_SECONDS = 5.0
"""The SDK calls two seconds a deadlock and then waits for the thread without end; we do not."""
_STALLED_SECONDS = 20.0
"""A replay in pages that has come to a stop is given up, and the history replayed whole."""
_LOOK_SECONDS = 0.5
_TRIES = 3


class Recorder:
    """Replay workers that are started once and fed many histories, one at a time."""

    def __init__(self, code: CodeLike) -> None:
        self._code = code
        self._plain = _ReplayWorker(code)
        self._located: _ReplayWorker | None = None
        self._paged: _ReplayWorker | None = None
        self._idle: list[_ReplayWorker] = []
        for workflow in code.workflows:
            locating.trust(workflow)

    async def record(self, history: HistoryLike) -> Trace:
        """The trace of a history; with lines when there is something to explain."""
        if speed.pushes.is_installed and isinstance(history.events, Events) and paging.fits(history.events):
            trace = await self._in_pages(history)
            if trace.hanging or alignment.is_quiet(history.events, trace):
                return trace
        plain = await self._plain.replay(history)
        if plain.must_restart or plain.unusable or alignment.is_quiet(history.events, plain):
            return plain
        located = await self.located(history)
        for _ in range(_TRIES):
            if not located.accepted or plain.accepted:
                break
            located = await self.located(history)  # by chance it went well: the code is not deterministic
        located.first = plain
        if located.accepted and not plain.accepted:
            plain.first = located
            return plain
        return located

    async def at_once(self, history: HistoryLike) -> Trace | None:
        """The trace of a history that has nothing to explain; None when a closer look is needed. Several at a time."""
        worker = self._idle.pop() if self._idle else _ReplayWorker(self._code, at_once=True)
        trace = await worker.replay(history)
        if trace.must_restart or trace.unusable:
            return None
        self._idle.append(worker)
        return trace if alignment.is_quiet(history.events, trace) else None

    async def located(self, history: HistoryLike) -> Trace:
        """The trace of a history with the line of every command."""
        if self._located is None:
            self._located = _ReplayWorker(self._code, located=True)
        return await self._located.replay(history)

    async def _in_pages(self, history: HistoryLike) -> Trace:
        """For a long history: all the same when it fits, and of no account when it does not."""
        if self._paged is None:
            self._paged = _ReplayWorker(self._code, paged=True)
        trace = await self._paged.replay(history)
        if trace.broken:
            self._paged = None
        return trace

    async def close(self) -> None:
        for worker in (self._plain, self._located, self._paged, *self._idle):
            if worker is not None:
                await worker.close()


class _ReplayWorker:
    """The SDK's Replayer behind a queue, so that its core worker outlives one history."""

    def __init__(self, code: CodeLike, *, located: bool = False, paged: bool = False, at_once: bool = False) -> None:
        self._code = code
        self._located_runs = located
        self._is_paged = paged
        self._is_guarded = at_once
        """By another thread: code runs in this very one, and nothing here could tell that it hangs."""
        self._sink = _Sink()
        self._inbox: asyncio.Queue[WorkflowHistory | None] = asyncio.Queue()
        self._stack = contextlib.AsyncExitStack()
        self._results: AsyncIterator[Any] | None = None
        self._executor: Any = (
            hurry.InlineExecutor() if at_once else concurrent.futures.ThreadPoolExecutor(thread_name_prefix="replay")
        )

    async def replay(self, history: HistoryLike) -> Trace:
        events, continued = continued_history(history.events)
        trace = self._sink.begin(events[0], located=self._located_runs, continued=continued)
        try:
            results = self._results or await self._start()
        except RuntimeError as error:
            if error.__cause__ is None:
                raise
            # The SDK wraps what a workflow's module raises when it is imported in the sandbox.
            trace.unusable = "".join(traceback.format_exception(error.__cause__))
            return trace
        self._inbox.put_nowait(_to_push(history.workflow_id, events))
        try:
            judged = await anext(results) if self._is_guarded else await self._watched(anext(results), trace)
            if judged is not None:
                _note_failure(trace, judged.replay_failure)
        except Exception as error:
            trace.broken = str(error.__cause__ or error) or type(error).__name__
        return trace

    async def _watched(self, result: Awaitable[WorkflowReplayResult], trace: Trace) -> WorkflowReplayResult | None:
        """The result; None when the code hangs."""
        coming = asyncio.ensure_future(result)
        while not coming.done():
            await asyncio.wait([coming], timeout=_LOOK_SECONDS)
            if not coming.done() and self._sink.seconds() > HANGING_SECONDS:
                trace.hanging, trace.hanging_at = True, self._sink.place()
                coming.cancel()
                return None
            if self._is_paged and not coming.done() and self._sink.idle_seconds() > _STALLED_SECONDS:
                coming.cancel()
                raise RuntimeError("the core asks for nothing more")
        return coming.result()

    async def _start(self) -> AsyncIterator[Any]:
        # Without one the SDK reads the code of all modules from disk to make one up.
        options = {"build_id": "wfctl-replay", **self._code.options}
        sandboxed = options.pop("workflow_runner", None) or SandboxedWorkflowRunner()
        plain = options.pop("unsandboxed_workflow_runner", None) or UnsandboxedWorkflowRunner()
        if self._located_runs:
            sandboxed, plain = locating.locating(sandboxed), locating.locating(plain)
        replayer = Replayer(
            workflows=self._code.workflows,
            workflow_task_executor=self._executor,
            workflow_runner=_RecordingRunner(sandboxed, self._sink),
            unsandboxed_workflow_runner=_RecordingRunner(plain, self._sink),
            **options,
        )
        runtime = self._code.options.get("runtime") or Runtime.default()
        speed.pushes.make_worker = await paging.connect(runtime._core_runtime) if self._is_paged else None
        try:
            results = await self._stack.enter_async_context(replayer.workflow_replay_iterator(self._histories()))
        finally:
            speed.pushes.make_worker = None
        self._results = results
        return results

    async def _histories(self) -> AsyncIterator[WorkflowHistory]:
        while (history := await self._inbox.get()) is not None:
            yield history

    async def close(self) -> None:
        self._inbox.put_nowait(None)
        await self._stack.aclose()
        self._executor.shutdown(wait=False)


def _to_push(workflow_id: str, events: Sequence[HistoryEvent]) -> WorkflowHistory:
    if isinstance(events, Events):
        return speed.pushes.history(workflow_id, events)
    return WorkflowHistory(workflow_id, events)


def _note_failure(trace: Trace, failure: Exception | None) -> None:
    if isinstance(failure, NondeterminismError):
        trace.nondeterminism = str(failure) or "nondeterminism"
    elif failure is not None:
        trace.failure = str(failure)


class _Sink:
    """Where the instances of one worker write: the trace of the history at hand."""

    def __init__(self) -> None:
        self.trace = Trace()
        self.task_queue = ""
        self._since = 0.0
        self._until = 0.0
        self._thread = 0

    def begin(self, first: HistoryEvent, *, located: bool, continued: bool) -> Trace:
        self.trace = Trace(located=located, continued=continued)
        self._until = time.monotonic()
        self.task_queue = first.workflow_execution_started_event_attributes.task_queue.name
        return self.trace

    def seconds(self) -> float:
        """How long workflow code has been running without a break."""
        return time.monotonic() - self._since if self._since else 0.0

    def idle_seconds(self) -> float:
        """How long no workflow code has run."""
        return 0.0 if self._since else time.monotonic() - self._until

    def place(self) -> Location | None:
        """The line that is running now."""
        return locating.of_frames(sys._current_frames().get(self._thread))

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        self._thread, self._since = threading.get_ident(), time.monotonic()
        try:
            yield
        finally:
            self._since, self._until = 0.0, time.monotonic()

    def add(self, activation: WorkflowActivation, completion: WorkflowActivationCompletion, at: locating.Notes) -> None:
        tasks = self.trace.tasks
        if not tasks or tasks[-1].started_event_id != activation.history_length:
            tasks.append(TaskTrace(activation.history_length, activation.is_replaying))
        task = tasks[-1]
        for job in activation.jobs:
            task.jobs.append(str(job.WhichOneof("variant")))
            if job.HasField("do_update"):
                task.updates[job.do_update.protocol_instance_id] = job.do_update.name
        if completion.HasField("failed"):
            task.failure = completion.failed.failure
            task.failed_at = at.raised
        else:
            made = completion.successful.commands
            places = at.commands if len(at.commands) == len(made) else [()] * len(made)
            task.commands.extend(map(Issued, made, places))
        task.waiting = tuple(at.waiting)
        self.trace.signals = at.signals


class _RecordingRunner(WorkflowRunner):
    """Wraps another runner; its instances report to the sink."""

    def __init__(self, inner: WorkflowRunner, sink: _Sink) -> None:
        self._inner = inner
        self._sink = sink

    def prepare_workflow(self, defn: Any) -> None:
        self._inner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        # The replayer has a task queue of its own; code that asks for the name must see the recorded one.
        info = dataclasses.replace(det.info, task_queue=self._sink.task_queue or det.info.task_queue)
        with self._sink.watching():
            return _RecordingInstance(self._inner.create_instance(dataclasses.replace(det, info=info)), self._sink)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        self._inner.set_worker_level_failure_exception_types(types)


class _RecordingInstance(WorkflowInstance):
    def __init__(self, inner: WorkflowInstance, sink: _Sink) -> None:
        self._inner = inner
        self._sink = sink
        self._trace = sink.trace

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        evicting = any(job.HasField("remove_from_cache") for job in act.jobs)
        if evicting or self._sink.trace is not self._trace:
            return self._inner.activate(act)
        self._trace.running = act.history_length
        notes = locating.Notes()
        with self._sink.watching(), locating.writing_to(notes if self._trace.located else None):
            completion = self._inner.activate(act)
        self._sink.add(act, completion, notes)
        return completion

    def get_serialization_context(self, command_info: Any) -> Any:
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        return self._inner.get_external_store_context(command_info)

    def get_info(self) -> Any:
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        return self._inner.get_thread_id()


def continued_history(events: Sequence[HistoryEvent]) -> tuple[Sequence[HistoryEvent], bool]:
    """An open history as the next worker of a live server would get it: ending in a started workflow task.

    Without that the SDK's replayer never compares the commands of the last completed task nor runs what came after.
    """
    if not events or events[-1].event_type in CLOSING:
        return events, False
    last = events[-1]
    if last.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED:
        return events, False
    tail: list[HistoryEvent] = []
    scheduled_id = last.event_id
    if last.event_type != EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
        scheduled_id += 1
        scheduled = HistoryEvent(
            event_id=scheduled_id,
            event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
            workflow_task_scheduled_event_attributes=WorkflowTaskScheduledEventAttributes(attempt=1),
        )
        scheduled.event_time.CopyFrom(last.event_time)
        tail.append(scheduled)
    started = HistoryEvent(event_id=scheduled_id + 1, event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED)
    started.workflow_task_started_event_attributes.scheduled_event_id = scheduled_id
    started.event_time.CopyFrom(last.event_time)
    if isinstance(events, Events):
        return events.followed_by(*tail, started), True
    return [*events, *tail, started], True
