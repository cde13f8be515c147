"""Two histories side by side: which events stand for one another, and where the runs part.

Two runs of one workflow never have equal bytes: event ids, times, run ids and workers differ by nature. So events are
aligned by what they are (their type, and the activity, timer, signal or child they are about), and only of those that
are aligned the rest is compared, without what differs by nature. Workflow tasks that went well are left out: when the
server batches otherwise, nothing else happened.

Alignment is Myers' greedy algorithm over interned keys; when the runs have little in common it settles for the longest
path found so far and goes on from there, so that two histories of 50,000 events never take quadratic time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from wfctl.view.payloads import compact_json
from wfctl.view.protojson import to_json
from wfctl.view.timeline import EventRow, Timeline

Match = Literal["same", "changed", "left", "right"]

_QUIET = frozenset({"WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted"})
_DECISIONS = frozenset(
    {
        "ActivityTaskScheduled", "ActivityTaskCancelRequested", "TimerStarted", "TimerCanceled", "MarkerRecorded",
        "StartChildWorkflowExecutionInitiated", "SignalExternalWorkflowExecutionInitiated",
        "RequestCancelExternalWorkflowExecutionInitiated", "NexusOperationScheduled", "NexusOperationCancelRequested",
        "UpsertWorkflowSearchAttributes", "WorkflowPropertiesModified", "WorkflowExecutionUpdateAccepted",
        "WorkflowExecutionUpdateCompleted", "WorkflowExecutionCompleted", "WorkflowExecutionFailed",
        "WorkflowExecutionContinuedAsNew", "WorkflowExecutionCanceled",
    }
)  # fmt: skip
"""What workflow code decides; everything else is an answer of the world."""
_BY_NATURE = frozenset(
    {
        "identity", "request_id", "run_id", "header", "links", "history_size_bytes", "suggest_continue_as_new",
        "worker_version", "sdk_metadata", "metering_metadata", "binary_checksum", "worker_deployment_name",
        "worker_deployment_version", "deployment_version", "prev_auto_reset_points", "completion_callbacks",
        "workflow_execution_expiration_time", "protocol_instance_id", "accepted_request_message_id", "stack_trace", "cron_schedule_to_start", "parent_workflow_namespace_id", "namespace_id", "eager_execution_accepted",
        "suggest_continue_as_new_reasons", "target_worker_deployment_version_changed", "use_workflow_build_id",
        "original_execution_run_id", "inherited_build_id", "update_id", "wait_policy", "versioning_behavior",
    }
)  # fmt: skip
_MOST_EDITS = 120


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of one side."""

    row: EventRow
    event: Any
    key: str
    """What it is, in the words that both sides would use."""

    @property
    def is_decision(self) -> bool:
        return self.row.type in _DECISIONS


@dataclass(frozen=True, slots=True)
class Pair:
    match: Match
    left: Entry | None
    right: Entry | None

    @property
    def differs(self) -> bool:
        return self.match != "same"


@dataclass(frozen=True, slots=True)
class Change:
    """A field with different values."""

    path: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Own:
    """Names that a run's events repeat because they are its own."""

    workflow_id: str = ""
    task_queue: str = ""


@dataclass(frozen=True, slots=True)
class Diff:
    pairs: Sequence[Pair]
    counts: dict[Match, int]
    owns: tuple[Own, Own]

    def changes(self, pair: Pair) -> list[Change]:
        """The fields in which two aligned events differ, apart from what differs by nature."""
        assert pair.left is not None
        assert pair.right is not None
        left, right = _bare(pair.left.event, self.owns[0]), _bare(pair.right.event, self.owns[1])
        return list(_changes("", to_json(left), to_json(right)))

    @property
    def is_same(self) -> bool:
        return self.first_difference is None

    @property
    def first_difference(self) -> int | None:
        return next((index for index, pair in enumerate(self.pairs) if pair.differs), None)

    @property
    def first_parting(self) -> int | None:
        """Where one has an event that the other has not: other values alone are not a parting."""
        return next((index for index, pair in enumerate(self.pairs) if pair.match in ("left", "right")), None)

    def partners(self, index: int) -> tuple[Entry | None, Entry | None]:
        """What each side goes on with at a parting: the first of either that has no partner or the next of both."""
        left = next((pair.left for pair in self.pairs[index:] if pair.left is not None), None)
        right = next((pair.right for pair in self.pairs[index:] if pair.right is not None), None)
        return left, right

    def sentence(self) -> str:
        """Where they part, and whether code or world is the reason."""
        at = self.first_parting
        first = self.first_difference
        if first is None:
            return f"Both did the same, in {len(self.pairs)} steps."
        if at is None:
            changed = self.pairs[first]
            assert changed.left is not None
            return f"Both took the same steps; values differ, first at {_name(changed.left)}."
        left, right = self.partners(at)
        words = f"They part: the left {_goes_on(left)}; the right {_goes_on(right)}."
        if first < at:
            earlier = self.pairs[first]
            assert earlier.left is not None
            return f"{words} Values differ before that, first at {_name(earlier.left)}."
        return f"{words} {_reason(left, right)}{self._lost_signals(left, right)}"

    def _lost_signals(self, *parting: Entry | None) -> str:
        """What a reset left behind."""
        if not any(entry is not None and _is_reset(entry) for entry in parting):
            return ""
        lost = [
            pair.left.row.subject for pair in self.pairs if pair.match == "left" and pair.left and _is_signal(pair.left)
        ]
        return f" Never sent again: {', '.join(dict.fromkeys(lost))}." if lost else ""


def _is_reset(entry: Entry) -> bool:
    return entry.row.type == "WorkflowTaskFailed" and entry.row.detail == "ResetWorkflow"


def _is_signal(entry: Entry) -> bool:
    return entry.row.type == "WorkflowExecutionSignaled"


def _reason(left: Entry | None, right: Entry | None) -> str:
    if left is None or right is None:
        longer = left or right
        done = longer is not None and longer.is_decision
        return "The code of one went on." if done else "Nothing else had happened to the other when its history ends."
    for entry, words in ((left, "left"), (right, "right")):
        if _is_reset(entry):
            return f"Until there all was equal: the {words} was reset at that point."
    if left.is_decision and right.is_decision:
        return "Until there all was equal, so the code decided otherwise: another version, or not deterministic."
    return "Until there all was equal: something else happened to it."


def _goes_on(entry: Entry | None) -> str:
    return "has no more events" if entry is None else f"has {_name(entry)}"


def _name(entry: Entry) -> str:
    subject = entry.row.subject.partition(" (id ")[0]
    return f"{entry.row.type} {subject}".rstrip() + f", event {entry.row.event_id}"


def compare(left: Iterable[Any], right: Iterable[Any], *, tasks: bool = False) -> Diff:
    """Align two histories. `tasks` keeps the workflow tasks that went well."""
    entries = (_entries(left, tasks), _entries(right, tasks))
    owns = (_own(entries[0]), _own(entries[1]))
    pairs = [_pair(a, b, owns) for a, b in _aligned(*entries)]
    counts: dict[Match, int] = {"same": 0, "changed": 0, "left": 0, "right": 0}
    for pair in pairs:
        counts[pair.match] += 1
    return Diff(pairs, counts, owns)


def _changes(path: str, left: Any, right: Any) -> Iterator[Change]:
    if isinstance(left, dict) and isinstance(right, dict):
        for name in dict.fromkeys((*left, *right)):
            yield from _changes(f"{path}.{name}" if path else name, left.get(name, _ABSENT), right.get(name, _ABSENT))
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (a, b) in enumerate(zip(left, right, strict=True)):
            yield from _changes(f"{path}[{index}]" if len(left) > 1 else path, a, b)
    elif left != right:
        yield Change(path, _text(left), _text(right))


_ABSENT: Any = object()


def _text(value: Any) -> str:
    return "nothing" if value is _ABSENT else compact_json(value)


# What an event is.


def _entries(events: Iterable[Any], tasks: bool) -> list[Entry]:
    timeline, origins, entries = Timeline(), dict[int, str](), []
    for event in events:
        row = timeline.row(event)
        subject = _subject(event, origins)
        origins[event.event_id] = subject
        if tasks or row.type not in _QUIET:
            entries.append(Entry(row, event, f"{row.type} {subject}"))
    return entries


def _subject(event: Any, origins: dict[int, str]) -> str:
    which = event.WhichOneof("attributes")
    attributes = getattr(event, which) if which else None
    if attributes is None or which == "workflow_execution_started_event_attributes":
        return ""
    for reference in ("scheduled_event_id", "initiated_event_id", "accepted_event_id"):
        number = getattr(attributes, reference, 0)
        if number in origins:
            return origins[number]
    for name in ("activity_type", "workflow_type"):
        if hasattr(attributes, name):
            return str(getattr(attributes, name).name)
    if hasattr(attributes, "accepted_request"):
        return str(attributes.accepted_request.input.name)
    for name in ("signal_name", "marker_name", "operation"):
        if hasattr(attributes, name):
            return str(getattr(attributes, name))
    return ""


def _own(entries: Sequence[Entry]) -> Own:
    if not entries or entries[0].row.type != "WorkflowExecutionStarted":
        return Own()
    started = entries[0].event.workflow_execution_started_event_attributes
    return Own(started.workflow_id, started.task_queue.name)


def run_id_of(events: Sequence[Any]) -> str:
    """The run's id; a run that a reset made began under another's, and says its own at the reset."""
    started = _started(events)
    return str(started.original_execution_run_id) if started is not None else ""


def run_before(events: Sequence[Any]) -> str:
    """The run that this one continues, retries or repeats from a reset on; empty if it is the first."""
    started = _started(events)
    if started is None:
        return ""
    reset_from = next((event for event in events if event.HasField("workflow_task_failed_event_attributes")), None)
    if reset_from is not None and reset_from.workflow_task_failed_event_attributes.base_run_id:
        return str(reset_from.workflow_task_failed_event_attributes.base_run_id)
    return str(started.continued_execution_run_id)


def _started(events: Sequence[Any]) -> Any:
    first = events[0] if events else None
    if first is None or not first.HasField("workflow_execution_started_event_attributes"):
        return None
    return first.workflow_execution_started_event_attributes


# Alignment.


def _aligned(left: Sequence[Entry], right: Sequence[Entry]) -> Iterator[tuple[Entry | None, Entry | None]]:
    numbers: dict[str, int] = {}
    a = [numbers.setdefault(entry.key, len(numbers)) for entry in left]
    b = [numbers.setdefault(entry.key, len(numbers)) for entry in right]
    x = y = 0
    while x < len(a) or y < len(b):
        ended = x == len(a) or y == len(b)
        equals, end_x, end_y = ([], len(a), len(b)) if ended else _matches(a, b, x, y)
        for equal_x, equal_y in [*equals, (end_x, end_y)]:
            yield from ((left[index], None) for index in range(x, equal_x))
            yield from ((None, right[index]) for index in range(y, equal_y))
            x, y = equal_x, equal_y
            if (x, y) != (end_x, end_y):
                yield left[x], right[y]
                x, y = x + 1, y + 1


def _matches(a: Sequence[int], b: Sequence[int], from_x: int, from_y: int) -> tuple[list[tuple[int, int]], int, int]:
    """Which places are equal on the shortest edit path from a point, and how far that path was followed."""
    n, m = len(a) - from_x, len(b) - from_y
    most = min(n + m, _MOST_EDITS)
    furthest = [0] * (2 * most + 3)
    traces: list[list[int]] = []
    best, best_edits = (0, 0), 0
    for edits in range(most + 1):
        traces.append(furthest[most - edits : most + edits + 3])
        for k in range(-edits, edits + 1, 2):
            at = most + 1 + k
            is_down = k == -edits or (k != edits and furthest[at - 1] < furthest[at + 1])
            x = furthest[at + 1] if is_down else furthest[at - 1] + 1
            y = x - k
            while x < n and y < m and a[from_x + x] == b[from_y + y]:
                x, y = x + 1, y + 1
            furthest[at] = x
            if x <= n and y <= m and x + y > sum(best):
                best, best_edits = (x, y), edits
        if best == (n, m):
            break
    return _traced(traces, best, best_edits, from_x, from_y), from_x + best[0], from_y + best[1]


def _traced(
    traces: Sequence[Sequence[int]], end: tuple[int, int], edits: int, from_x: int, from_y: int
) -> list[tuple[int, int]]:
    """The path walked back: each step is one edit and the diagonal of equals after it."""
    equals: list[tuple[int, int]] = []
    x, y = end
    for step in range(edits, -1, -1):
        if step == 0:
            start_x, before = 0, (0, 0)
        else:
            furthest, k = traces[step], x - y
            at = step + 1 + k
            is_down = k == -step or (k != step and furthest[at - 1] < furthest[at + 1])
            before_x = furthest[at + 1] if is_down else furthest[at - 1]
            before = (before_x, before_x - (k + 1 if is_down else k - 1))
            start_x = before_x if is_down else before_x + 1
        equals.extend((from_x + at_x, from_y + at_x - (x - y)) for at_x in range(x - 1, start_x - 1, -1))
        x, y = before
    return equals[::-1]


# What of an event is compared.


def _pair(left: Entry | None, right: Entry | None, owns: tuple[Own, Own]) -> Pair:
    if left is None or right is None:
        return Pair("left" if right is None else "right", left, right)
    if left.row.type in _QUIET:
        return Pair("same", left, right)
    same = _values(left.event, owns[0]) == _values(right.event, owns[1])
    return Pair("same" if same else "changed", left, right)


def _values(event: Any, own: Own) -> bytes:
    return bytes(_bare(event, own).SerializeToString(deterministic=True))


def _bare(event: Any, own: Own) -> Any:
    """A copy of the attributes without what differs by nature; names that are the run's own are made alike."""
    which = event.WhichOneof("attributes")
    if which is None:
        return type(event)()
    attributes = getattr(event, which)
    bare = type(attributes)()
    bare.CopyFrom(attributes)
    is_start = which == "workflow_execution_started_event_attributes"
    _strip(bare, Own(own.workflow_id) if is_start else own)
    return bare


def _strip(message: Any, own: Own) -> None:
    for descriptor, value in message.ListFields():
        name = descriptor.name
        if name in _BY_NATURE or name.endswith(("_event_id", "_run_id", "_request_id")):
            message.ClearField(name)
        elif name == "workflow_id":
            message.workflow_id = value.replace(own.workflow_id, "…") if own.workflow_id else value
        elif name in ("activity_id", "timer_id"):
            # SDKs number them, some by event id; only names that somebody chose say something.
            if value.isdigit():
                message.ClearField(name)
        elif name == "task_queue" and value.name == own.task_queue:
            message.ClearField(name)
        elif descriptor.message_type is not None and descriptor.message_type.full_name in _LOOKED_INTO:
            _strip(value, own)


_LOOKED_INTO = frozenset(
    {
        "temporal.api.common.v1.WorkflowExecution",
        "temporal.api.failure.v1.Failure",
        "temporal.api.failure.v1.ActivityFailureInfo",
        "temporal.api.failure.v1.ChildWorkflowExecutionFailureInfo",
        "temporal.api.update.v1.Request",
        "temporal.api.update.v1.Meta",
    }
)
