"""One history against new code, in the SDK's own replay worker, with everything it did written down.

The SDK's worker stays the judge of compatibility: this only looks over its shoulder. A `WorkflowRunner` of ours wraps
the one the code asks for (sandboxed or not) and keeps, per workflow task, the commands the code answered with, also
those of the task that the SDK then rejects. In a `located` recording the instance inside is ours too and notes the
source line of every command; that costs time, so a check records plainly first and again located when something is
to be explained.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent, WorkflowTaskScheduledEventAttributes
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.client import WorkflowHistory
from temporalio.converter import DataConverter
from temporalio.worker import (
    Interceptor,
    Plugin,
    Replayer,
    UnsandboxedWorkflowRunner,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner
from temporalio.workflow import NondeterminismError

from wfctl.replay import locating
from wfctl.replay.model import Location

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
_REASON = re.compile(r"^(\d+): ")


class HistoryLike(Protocol):
    """What a recording needs of a history: validated events, and the id that child ids are made from."""

    @property
    def workflow_id(self) -> str: ...

    @property
    def events(self) -> Sequence[HistoryEvent]: ...


@dataclass(frozen=True)
class Options:
    """How the code wants to be run: what a worker factory gave, or the SDK's defaults."""

    data_converter: DataConverter = DataConverter.default
    interceptors: Sequence[Interceptor] = ()
    plugins: Sequence[Plugin] = ()
    workflow_runner: WorkflowRunner = field(default_factory=SandboxedWorkflowRunner)
    unsandboxed_workflow_runner: WorkflowRunner = field(default_factory=UnsandboxedWorkflowRunner)
    workflow_failure_exception_types: Sequence[type[BaseException]] = ()
    namespace: str = "default"
    timeout_seconds: float = 30.0


@dataclass(slots=True)
class Issued:
    """One command the code gave the SDK, as the SDK got it."""

    command: WorkflowCommand
    location: Location | None = None


@dataclass(slots=True)
class TaskTrace:
    """What the code did in one workflow task; `started_event_id` is the history's WorkflowTaskStarted event."""

    started_event_id: int
    replaying: bool
    commands: list[Issued] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    updates: dict[str, str] = field(default_factory=dict)
    """Names of the updates this task was given, by protocol instance id."""
    failure: Any = None  # temporalio.api.failure.v1.Failure of a task that failed
    failed_at: Location | None = None
    waiting_at: tuple[Location, ...] = ()


@dataclass(slots=True)
class Trace:
    """What one replay did and how the SDK judged it."""

    tasks: list[TaskTrace] = field(default_factory=list)
    nondeterminism: str = ""
    """The SDK's own message when it found the code not to fit the history."""
    failure: str = ""
    """The SDK's message for any other end."""
    timed_out: bool = False
    broken: str = ""
    """The worker itself died; the recorder must be made anew."""
    continued: bool = False
    """A workflow task was appended to an open history, so that its last commands are compared too."""
    located: bool = False

    @property
    def accepted(self) -> bool:
        return not (self.nondeterminism or self.failure or self.timed_out or self.broken)


class _Sink:
    """Where the instances of one worker write: the trace of the history at hand."""

    def __init__(self) -> None:
        self.trace = Trace()

    def begin(self, located: bool) -> None:
        self.trace = Trace(located=located)

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
            commands = completion.successful.commands
            places = at.commands if len(at.commands) == len(commands) else [None] * len(commands)
            task.commands.extend(map(Issued, commands, places))
        task.waiting_at = tuple(at.waiting)


class _RecordingRunner(WorkflowRunner):
    """Wraps another runner; its instances report to the sink."""

    def __init__(self, inner: WorkflowRunner, sink: _Sink) -> None:
        self._inner = inner
        self._sink = sink

    def prepare_workflow(self, defn: Any) -> None:
        self._inner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _RecordingInstance(self._inner.create_instance(det), self._sink)

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
        notes = locating.Notes()
        with locating.writing_to(notes if self._trace.located else None):
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


class Recorder:
    """A replay worker that is started once and fed many histories, one at a time.

    `async with Recorder(workflows, options) as recorder: trace = await recorder.record(history)`
    """

    def __init__(self, workflows: Sequence[type], options: Options | None = None, *, located: bool = False) -> None:
        self._options = options or Options()
        self._located = located
        self._sink = _Sink()
        self._executor = concurrent.futures.ThreadPoolExecutor(thread_name_prefix="replay")
        for workflow in workflows:
            locating.trust(workflow)
        self._replayer = self._make_replayer(workflows)
        self._histories: asyncio.Queue[WorkflowHistory | None] = asyncio.Queue()
        self._stack = contextlib.AsyncExitStack()
        self._results: AsyncIterator[Any] | None = None

    def _make_replayer(self, workflows: Sequence[type]) -> Replayer:
        options = self._options
        sandboxed, plain = options.workflow_runner, options.unsandboxed_workflow_runner
        if self._located:
            sandboxed, plain = locating.locating(sandboxed), locating.locating(plain)
        return Replayer(
            workflows=workflows,
            workflow_task_executor=self._executor,
            workflow_runner=_RecordingRunner(sandboxed, self._sink),
            unsandboxed_workflow_runner=_RecordingRunner(plain, self._sink),
            namespace=options.namespace,
            data_converter=options.data_converter,
            interceptors=options.interceptors,
            plugins=options.plugins,
            workflow_failure_exception_types=options.workflow_failure_exception_types,
        )

    async def __aenter__(self) -> Recorder:
        self._results = await self._stack.enter_async_context(self._replayer.workflow_replay_iterator(self._feed()))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._histories.put_nowait(None)
        await self._stack.aclose()
        self._executor.shutdown(wait=False)

    async def _feed(self) -> AsyncIterator[WorkflowHistory]:
        while (history := await self._histories.get()) is not None:
            yield history

    async def record(self, history: HistoryLike) -> Trace:
        """Replays one history. After a trace that is `timed_out` or `broken` the recorder is of no further use."""
        assert self._results is not None, "enter the recorder first"
        self._sink.begin(self._located)
        events, continued = continued_history(history.events)
        trace = self._sink.trace
        trace.continued = continued
        self._histories.put_nowait(WorkflowHistory(history.workflow_id, events))
        try:
            result = await asyncio.wait_for(anext(self._results), self._options.timeout_seconds)
        except asyncio.TimeoutError:
            trace.timed_out = True
        except Exception as error:
            trace.broken = str(error.__cause__ or error)
        else:
            _note_failure(trace, result.replay_failure)
        return trace


def _note_failure(trace: Trace, failure: Exception | None) -> None:
    if isinstance(failure, NondeterminismError):
        trace.nondeterminism = str(failure) or "nondeterminism"
    elif failure is not None:
        trace.failure = str(failure)


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
    return [*events, *tail, started], True


async def record(history: HistoryLike, workflows: Sequence[type], options: Options | None = None) -> Trace:
    """One located recording of one history with a worker of its own."""
    async with Recorder(workflows, options, located=True) as recorder:
        return await recorder.record(history)
