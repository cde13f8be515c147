"""What one replay did, as plain values: written by the recording, read by alignment and diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from temporalio.api.history.v1 import HistoryEvent
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from wfctl.replay.model import Location


class HistoryLike(Protocol):
    """What is needed of a history: validated events, and the id that child ids are made from."""

    @property
    def workflow_id(self) -> str: ...

    @property
    def events(self) -> Sequence[HistoryEvent]: ...


class CodeLike(Protocol):
    """The code under test: its workflows, and the Replayer options that a worker factory gave."""

    @property
    def workflows(self) -> Sequence[type]: ...

    @property
    def options(self) -> Mapping[str, Any]: ...


@dataclass(slots=True)
class Issued:
    """One command the code gave the SDK, as the SDK got it."""

    command: WorkflowCommand
    places: tuple[Location, ...] = ()
    """The user's frames that were at work, the innermost first."""


@dataclass(slots=True)
class TaskTrace:
    """What the code did in one workflow task; `started_event_id` is the history's WorkflowTaskStarted event."""

    started_event_id: int
    replaying: bool
    commands: list[Issued] = field(default_factory=list)
    jobs: list[str] = field(default_factory=list)
    updates: dict[str, str] = field(default_factory=dict)
    """Names of the updates this task was given, by protocol instance id."""
    failure: Any = None
    """temporalio.api.failure.v1.Failure of a task that failed."""
    failed_at: Location | None = None
    waiting: tuple[tuple[Location, ...], ...] = ()
    """Where its coroutines wait, that of the run method first; the user's frames of each, the innermost first."""

    @property
    def waiting_at(self) -> tuple[Location, ...]:
        return tuple(frames[0] for frames in self.waiting if frames)


@dataclass(slots=True)
class Trace:
    """What one replay did and how the SDK judged it."""

    tasks: list[TaskTrace] = field(default_factory=list)
    nondeterminism: str = ""
    """The SDK's own message when it found the code not to fit the history."""
    failure: str = ""
    """The SDK's message for any other end."""
    unusable: str = ""
    """The worker would not take the code: the traceback."""
    hanging: bool = False
    """The code still runs, long after the SDK called it deadlocked."""
    hanging_at: Location | None = None
    broken: str = ""
    """The worker itself died."""
    running: int = 0
    """The WorkflowTaskStarted event of the task that ran last."""
    continued: bool = False
    """A workflow task was appended to an open history, so that its last commands are compared too."""
    signals: frozenset[str] | None = None
    """Signals the workflow has handlers for, at the end; None when it takes any, or nobody looked."""
    located: bool = False
    quiet_to: int | None = None
    """Code and history agree in everything, up to this event: there is nothing to explain."""
    first: Trace | None = None
    """The same history replayed before, without lines: where the two differ, the code is to blame."""

    @property
    def accepted(self) -> bool:
        """The SDK found nothing; it takes an exception in the task of an open end for success, so that is looked at here."""
        raised = any(task.failure is not None for task in self.tasks)
        return not (self.nondeterminism or self.failure or self.unusable or self.hanging or self.broken or raised)

    @property
    def must_restart(self) -> bool:
        """Workflow code is still running, or has broken the process in some other way: use it no more."""
        return self.hanging or bool(self.broken)
