"""History's commands against the code's, workflow task by workflow task.

The SDK's core decides whether code fits a history; it says so late and rarely says where. This walks the same
sequence: the commands of one workflow task must turn into the command events between that task's WorkflowTaskStarted
and the next task's, in order. The first pair that does not match is where the two parted. Pure.
"""

from __future__ import annotations

import difflib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.bridge.proto.workflow_commands import WorkflowCommand

from wfctl.replay import codebase, commands
from wfctl.replay.commands import Names
from wfctl.replay.model import Aligned, Command
from wfctl.replay.trace import TaskTrace, Trace

_CONTEXT = 3
_ALWAYS_COMPARED = frozenset({"arguments", "result", "failure", "outcome"})
_MOVE_TERMINAL = 3  # sdk-core's flag of that name, as histories carry it
_TASK_EVENTS = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
    }
)
# The SDK's core compares only the kind of these; what they say is an attribute.
_BY_KIND = frozenset({*commands.ENDS, commands.UPSERT, commands.MEMO, commands.MARKER, commands.CANCEL_NEXUS})


@dataclass(slots=True)
class Segment:
    """One workflow task: what history holds for it and what the code did in it."""

    task: TaskTrace
    completed_event_id: int
    """Its WorkflowTaskCompleted; 0 when history has none, so that there is nothing to compare with."""
    recorded: list[Command]
    produced: list[Command]

    @property
    def compared(self) -> bool:
        return self.completed_event_id > 0


@dataclass(slots=True)
class Divergence:
    """The first place where history and code part; one side may be missing."""

    segment: Segment
    recorded: Command | None
    produced: Command | None
    index: int
    at_event_id: int
    event_type: str
    open_end: bool = False
    """The code went on where history, so far, stops: a live server would take these commands."""


@dataclass(slots=True)
class Alignment:
    segments: list[Segment]
    divergence: Divergence | None = None
    pairs: list[tuple[Command, Command]] = field(default_factory=list)
    """Commands that match, for a look at their attributes."""
    early: list[tuple[Command, Command]] = field(default_factory=list)
    """Those among them that the code makes in an earlier task than the history."""
    judged_to_event_id: int = 0
    limit: str = ""
    """The run's timeout: the server cuts longer timeouts of commands down to it."""

    def before(self, segment: Segment) -> list[Command]:
        """The code's commands of earlier tasks, latest last."""
        earlier: list[Command] = []
        for one in self.segments:
            if one is segment:
                break
            earlier.extend(one.produced)
        return earlier

    def recorded_after(self, event_id: int, events: Sequence[HistoryEvent]) -> list[Command]:
        """History's commands after an event, to its end."""
        names = Names()
        made = [commands.recorded(event, names) for event in events]
        return [one for one in made if one is not None and one.event_id > event_id]

    def recorded_from(self, first: Command, events: Sequence[HistoryEvent]) -> list[Command]:
        return self.recorded_after(first.event_id - 1, events)


def align(events: Sequence[HistoryEvent], trace: Trace) -> Alignment:
    segments = _segments(events, trace)
    alignment = Alignment(segments, limit=_limit(events))
    waiting: deque[_Waiting] = deque()
    for segment in segments:
        alignment.divergence = _compare(segment, waiting, alignment)
        if alignment.divergence is not None:
            break
    if alignment.divergence is None and waiting:
        alignment.divergence = _too_many(waiting[0])
        alignment.divergence.open_end = _nothing_follows(events, end_of(waiting[0][0]))
    alignment.judged_to_event_id = _judged_to(events, alignment, trace)
    return alignment


def _limit(events: Sequence[HistoryEvent]) -> str:
    started = events[0].workflow_execution_started_event_attributes
    return commands.duration_text(started.workflow_run_timeout) if started.HasField("workflow_run_timeout") else ""


def _segments(events: Sequence[HistoryEvent], trace: Trace) -> list[Segment]:
    history_names, code_names = Names(), Names()
    segments: list[Segment] = []
    starts = [task.started_event_id for task in trace.tasks]
    flags: set[int] = set()
    for task, following in zip_longest(trace.tasks, starts[1:]):
        end = following or _end_of_last(events, task.started_event_id)
        completed = 0
        made: list[Command] = []
        for event in _between(events, task.started_event_id, end):
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                completed = completed or event.event_id
                flags.update(event.workflow_task_completed_event_attributes.sdk_metadata.core_used_flags)
            elif (one := commands.recorded(event, history_names)) is not None:
                made.append(one)
        code_names.updates.update(task.updates)
        segments.append(
            Segment(
                task,
                completed,
                made,
                _effective(task, code_names, move_end=_MOVE_TERMINAL in flags or not task.replaying),
            )
        )
    return segments


def _between(events: Sequence[HistoryEvent], after: int, until: int) -> Sequence[HistoryEvent]:
    """Event ids run from 1 without a gap: an id is an index."""
    return events[after : max(until, after)]


def _end_of_last(events: Sequence[HistoryEvent], started: int) -> int:
    """Where the commands of the last task that ran must end: the next task that is more than a heartbeat."""
    meaningful = False
    for event in events[started:]:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED and meaningful:
            following = events[event.event_id : event.event_id + 1]
            if not following or following[0].event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                return event.event_id
        if event.event_type not in _TASK_EVENTS:
            meaningful = True
    return len(events)


def _effective(task: TaskTrace, names: Names, *, move_end: bool) -> list[Command]:
    """The commands that reach the server: what is cancelled in the task that made it never does.

    Commands made after the one that ends the run go before it, or, in histories of older SDKs, nowhere.
    """
    made: list[tuple[_Key, Command]] = []
    for issued in task.commands:
        key, undoes = _keys(issued.command)
        undone = next((at for at, (other, _) in enumerate(made) if other == undoes), None)
        one = commands.produced(issued.command, names)
        if undone is not None:
            del made[undone]
        elif one is not None:
            if issued.places:
                one = replace(one, location=codebase.place(issued.places, one), frames=issued.places)
            made.append((key, one))
            if one.kind in commands.ENDS and not move_end:
                break
    return sorted((one for _, one in made), key=lambda one: one.kind in commands.ENDS)


_Key = tuple[str, int]
_UNDOES = {
    "cancel_timer": "start_timer",
    "request_cancel_activity": "schedule_activity",
    "cancel_child_workflow_execution": "start_child_workflow_execution",
    "cancel_signal_workflow": "signal_external_workflow_execution",
    "request_cancel_nexus_operation": "schedule_nexus_operation",
}


def _keys(command: WorkflowCommand) -> tuple[_Key, _Key]:
    """By what a later command undoes this one, and what this one undoes."""
    variant = str(command.WhichOneof("variant"))
    body = getattr(command, variant)
    number = getattr(body, "child_workflow_seq", 0) or getattr(body, "seq", 0)
    return (variant, number), (_UNDOES.get(variant, ""), number)


def same(recorded: Command, produced: Command) -> bool:
    """Would the SDK take one for the other?"""
    if recorded.kind != produced.kind:
        return False
    if recorded.kind in _BY_KIND:
        return True
    if recorded.kind in (commands.TIMER, commands.CANCEL_TIMER):
        return recorded.id == produced.id
    if recorded.kind == commands.SIGNAL_EXTERNAL:
        return True
    return recorded.name == produced.name and recorded.id == produced.id


_Waiting = tuple[Segment, int, Command]
"""A command that no event has met yet: its task, its place there."""


def _compare(segment: Segment, waiting: deque[_Waiting], alignment: Alignment) -> Divergence | None:
    """Lets the task's command events meet the code's commands, oldest first.

    As in the SDK's core, a command may wait: one that the code makes tasks earlier than the history did still fits, when
    it is the next that the history has.
    """
    if not segment.compared:
        return None
    produced = _without_local(segment.produced)
    recorded = _without_skipped_patches(_without_local(segment.recorded), [one for *_, one in waiting] + produced)
    for index, one in enumerate(produced):
        undone = _undone(waiting, one)
        if undone is None:
            waiting.append((segment, index, one))
        else:
            waiting.remove(undone)
    for index, ours in enumerate(recorded):
        if not waiting:
            return Divergence(segment, ours, None, index, ours.event_id, ours.event_type)
        home, place, theirs = waiting[0]
        if not same(ours, theirs):
            if home is not segment:
                return _too_many(waiting[0])
            return Divergence(segment, ours, theirs, place, ours.event_id, ours.event_type)
        waiting.popleft()
        alignment.pairs.append((ours, theirs))
        if home is not segment:
            alignment.early.append((ours, theirs))
    return None


def _undone(waiting: Iterable[_Waiting], cancel: Command) -> _Waiting | None:
    """The waiting command that this one cancels before any event has met it: neither reaches the server."""
    kind = commands.CHILD if cancel.kind == commands.CANCEL_EXTERNAL else commands.CANCELS.get(cancel.kind)
    return next((item for item in waiting if kind and item[2].kind == kind and item[2].id == cancel.id), None)


def _too_many(waiting: _Waiting) -> Divergence:
    """One command too many: the event to show is the one that says how many its task had."""
    segment, place, theirs = waiting
    return Divergence(segment, None, theirs, place, segment.completed_event_id, "WorkflowTaskCompleted")


def _without_local(made: Sequence[Command]) -> list[Command]:
    """Local activities are recorded when they end, perhaps tasks later: core matches them by number, not in order."""
    return [one for one in made if one.kind != commands.LOCAL_ACTIVITY]


def _without_skipped_patches(recorded: list[Command], produced: Sequence[Command]) -> list[Command]:
    """A deprecated patch's marker may go unanswered."""
    called = {one.name for one in produced if one.kind == commands.PATCH}
    return [
        one
        for one in recorded
        if one.kind != commands.PATCH or one.name in called or ("deprecated", "true") not in one.attributes
    ]


def end_of(segment: Segment) -> int:
    return segment.recorded[-1].event_id if segment.recorded else segment.completed_event_id


def _nothing_follows(events: Sequence[HistoryEvent], event_id: int) -> bool:
    """No later task of this history was completed, nor did the run end."""
    return not any(
        event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED or commands.recorded(event, Names())
        for event in events[event_id:]
    )


def _judged_to(events: Sequence[HistoryEvent], alignment: Alignment, trace: Trace) -> int:
    if alignment.divergence is not None and not alignment.divergence.open_end:
        return alignment.divergence.at_event_id
    if not trace.tasks:
        return 0
    last = alignment.segments[-1]
    if not trace.accepted:
        return last.task.started_event_id
    return len(events) if last.compared or trace.continued else max(last.task.started_event_id, 0)


def missing_local(alignment: Alignment) -> tuple[Segment, Command | None, Command | None] | None:
    """The first local activity that one side has and the other has not, by number."""
    made = {one.id: (segment, one) for segment, one in _locals(alignment, lambda segment: segment.produced)}
    for segment, one in _locals(alignment, lambda segment: segment.recorded):
        other = made.get(one.id)
        if other is None or other[1].name != one.name:
            return segment, one, other[1] if other else None
    return None


def _locals(alignment: Alignment, side: Callable[[Segment], list[Command]]) -> Iterator[tuple[Segment, Command]]:
    for segment in alignment.segments:
        for one in side(segment):
            if one.kind == commands.LOCAL_ACTIVITY:
                yield segment, one


def diff(recorded: Sequence[Command], produced: Sequence[Command]) -> tuple[Aligned, ...]:
    """Both sides as rows, matching commands on one row, as few changes as can be."""
    ours, theirs = ([(one.kind, one.name, one.id) for one in side] for side in (recorded, produced))
    rows: list[Aligned] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            rows.extend(map(Aligned, recorded[a:b], produced[c:d]))
        else:
            rows.extend(Aligned(one, None) for one in recorded[a:b])
            rows.extend(Aligned(None, one) for one in produced[c:d])
    return tuple(rows)


def around(alignment: Alignment, divergence: Divergence) -> tuple[Aligned, ...]:
    """The diff of the task where they part, after the last commands on which they agreed."""
    earlier = [Aligned(ours, theirs) for ours, theirs in alignment.pairs[-_CONTEXT - divergence.index :]]
    segment = divergence.segment
    task = diff(segment.recorded[:50], segment.produced[:50])
    if divergence.index:
        earlier = earlier[: -divergence.index] if len(earlier) > divergence.index else []
    return (*earlier[-_CONTEXT:], *task)


def _may_be_cut(recorded: Command, name: str, value: str, limit: str) -> bool:
    """The server cuts an activity's timeouts down to the run's, and to one another."""
    if not name.endswith("_timeout") or recorded.kind == commands.CONTINUE:
        return False
    return value == limit or any(
        other == value for key, other in recorded.attributes if key != name and key.endswith("_timeout")
    )


def _is_shorter(other: str, value: str) -> bool:
    """A timeout that was not cut by then: what the code asks for now is less than what the history has."""
    return bool(other and value) and float(other.rstrip("s")) < float(value.rstrip("s"))


def is_quiet(events: Sequence[HistoryEvent], trace: Trace) -> bool:
    """Nothing to tell: no divergence, no attribute that differs, no task that failed. Noted in the trace."""
    if not trace.accepted:
        return False
    found = align(events, trace)
    differs = any(differences(*pair, found.limit) for pair in found.pairs)
    if found.divergence is None and not found.early and not differs:
        trace.quiet_to = found.judged_to_event_id
    return trace.quiet_to is not None


def differences(recorded: Command, produced: Command, limit: str = "") -> list[tuple[str, str, str]]:
    """Attributes that the code would now write otherwise; what it leaves open the server filled in."""
    theirs = dict(produced.attributes)
    if recorded.kind == commands.PATCH:
        return []
    if recorded.kind in (commands.UPSERT, commands.MEMO):
        ours = dict(recorded.attributes)
        names = sorted({*ours, *theirs})
        return [
            (name, ours.get(name, ""), theirs.get(name, "")) for name in names if ours.get(name) != theirs.get(name)
        ]
    found: list[tuple[str, str, str]] = []
    if recorded.kind == commands.SIGNAL_EXTERNAL and (recorded.name, recorded.id) != (produced.name, produced.id):
        found.append(("target", f"{recorded.name} to {recorded.id}", f"{produced.name} to {produced.id}"))
    if recorded.kind == commands.CONTINUE and produced.name and recorded.name != produced.name:
        found.append(("workflow_type", recorded.name, produced.name))
    for name, value in recorded.attributes:
        other = theirs.get(name, "")
        if _may_be_cut(recorded, name, value, limit) and not _is_shorter(other, value):
            continue
        if other != value and (other or name in _ALWAYS_COMPARED):
            found.append((name, value, other))
    return found
