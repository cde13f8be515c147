"""Which way a run went: the same for two runs that replay through the same code.

A path is the run's commands and what happened to it, in order, with repetitions folded: a loop that ran five times and one
that ran seven are the same path, one that ran once is another. Ids, values and times do not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from wfctl.replay import commands
from wfctl.replay.model import Command

_LONGEST_REPEATED = 12
_ENDS = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED: "Completed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED: "Failed",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT: "TimedOut",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED: "Canceled",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED: "Terminated",
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: "ContinuedAsNew",
}
# What went otherwise than well, by the event that tells it; it refers to the event that began it.
_TROUBLE: dict[int, tuple[str, str]] = {
    EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED: ("scheduled_event_id", "failed"),
    EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT: ("scheduled_event_id", "timed out"),
    EventType.EVENT_TYPE_ACTIVITY_TASK_CANCELED: ("scheduled_event_id", "canceled"),
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED: ("initiated_event_id", "failed"),
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT: ("initiated_event_id", "timed out"),
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED: ("initiated_event_id", "canceled"),
    EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED: ("initiated_event_id", "terminated"),
    EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED: ("initiated_event_id", "not started"),
    EventType.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: ("initiated_event_id", "failed"),
    EventType.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED: ("initiated_event_id", "failed"),
    EventType.EVENT_TYPE_NEXUS_OPERATION_FAILED: ("scheduled_event_id", "failed"),
    EventType.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT: ("scheduled_event_id", "timed out"),
    EventType.EVENT_TYPE_NEXUS_OPERATION_CANCELED: ("scheduled_event_id", "canceled"),
    EventType.EVENT_TYPE_TIMER_FIRED: ("started_event_id", "fired"),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """A run as a path through the code."""

    workflow_type: str
    outcome: str
    path: tuple[str, ...]
    patches: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    updates: tuple[str, ...] = ()
    retried: tuple[str, ...] = ()
    events: int = 0
    sdk: str = ""
    started: str = ""

    @property
    def key(self) -> str:
        """The same for runs of one type that went the same way."""
        text = "\n".join((self.workflow_type, self.outcome, *self.path))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def features(self) -> frozenset[str]:
        """What this path shows: each step, and each pair of steps that follow one another."""
        steps = (f"outcome {self.outcome}", *self.path)
        return frozenset(steps) | {f"{one} → {other}" for one, other in pairwise(steps)}


def shape_of(events: Iterable[HistoryEvent]) -> Shape:
    """The shape of a validated history."""
    reader = _Reader()
    for event in events:
        reader.take(event)
    return reader.shape()


class _Reader:
    def __init__(self) -> None:
        self.names = commands.Names()
        self.steps: list[str] = []
        self.began: dict[int, str] = {}
        self.kinds: dict[str, list[str]] = {"patch": [], "signal": [], "update": [], "retry": []}
        self.workflow_type = self.started = self.sdk = ""
        self.outcome = "Running"
        self.count = 0

    def take(self, event: HistoryEvent) -> None:
        self.count += 1
        kind = event.event_type
        self.outcome = _ENDS.get(kind, self.outcome)
        command = commands.recorded(event, self.names)
        if command is not None:
            self._command(event, command)
        elif kind in _TROUBLE:
            field, how = _TROUBLE[kind]
            attributes: Any = getattr(event, str(event.WhichOneof("attributes")))
            self._step(f"{self.began.get(getattr(attributes, field), '?')} {how}")
        else:
            self._happened(event)

    def _command(self, event: HistoryEvent, command: Command) -> None:
        name = command.name if command.kind != commands.TIMER else ""
        step = f"{command.kind} {name}".rstrip()
        self.began[event.event_id] = step
        self._step(step)
        if command.kind == commands.PATCH:
            self._note("patch", command.name)
        elif command.kind == commands.ACCEPT_UPDATE:
            self._note("update", command.name)

    def _happened(self, event: HistoryEvent) -> None:
        match event.WhichOneof("attributes"):
            case "workflow_execution_started_event_attributes":
                begun = event.workflow_execution_started_event_attributes
                self.workflow_type = begun.workflow_type.name
                self.started = event.event_time.ToDatetime().isoformat(timespec="seconds") + "Z"
            case "workflow_task_completed_event_attributes":
                sdk = event.workflow_task_completed_event_attributes.sdk_metadata
                if sdk.sdk_version:
                    self.sdk = f"{sdk.sdk_name} {sdk.sdk_version}".strip()
            case "workflow_execution_signaled_event_attributes":
                name = event.workflow_execution_signaled_event_attributes.signal_name
                self._note("signal", name)
                self._step(f"signal {name}")
            case "workflow_execution_cancel_requested_event_attributes":
                self._step("cancel requested")
            case "activity_task_started_event_attributes":
                started = event.activity_task_started_event_attributes
                if started.attempt > 1:
                    step = self.began.get(started.scheduled_event_id, "?")
                    self._note("retry", step.partition(" ")[2])
                    self._step(f"{step} retried")
            case "workflow_task_failed_event_attributes":
                self._step("workflow task failed")
            case _:
                pass

    def _step(self, step: str) -> None:
        self.steps.append(step)

    def _note(self, kind: str, name: str) -> None:
        if name not in self.kinds[kind]:
            self.kinds[kind].append(name)

    def shape(self) -> Shape:
        return Shape(
            self.workflow_type,
            self.outcome,
            tuple(folded(self.steps)),
            tuple(self.kinds["patch"]),
            tuple(self.kinds["signal"]),
            tuple(self.kinds["update"]),
            tuple(self.kinds["retry"]),
            self.count,
            self.sdk,
            self.started,
        )


def folded(steps: Sequence[str]) -> list[str]:
    """The steps with what repeats written once, in brackets."""
    result: list[str] = []
    position = 0
    while position < len(steps):
        size = _repeated(steps, position)
        if size == 0:
            result.append(steps[position])
            position += 1
            continue
        block = steps[position : position + size]
        while steps[position : position + size] == block:
            position += size
        result.append(f"({', '.join(block)})+")
    return result


def _repeated(steps: Sequence[str], position: int) -> int:
    """The length of the shortest block that stands here twice in a row; 0 when there is none."""
    for size in range(1, _LONGEST_REPEATED + 1):
        middle, end = position + size, position + 2 * size
        if end > len(steps):
            return 0
        if steps[position] == steps[middle] and steps[position:middle] == steps[middle:end]:
            return size
    return 0
